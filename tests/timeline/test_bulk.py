"""One contact with many leads from the table: what the preview says is what the run does, and it can be taken back."""

from __future__ import annotations

import random
import re
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import make_lead, sign_in
from tests.timeline.conftest import Place
from webapp.leads import service as leads
from webapp.leads.models import BulkAction, Lead
from webapp.leads.service import Selection
from webapp.timeline import service
from webapp.timeline.models import ContactAttempt
from webapp.timeline.service import Draft
from webapp.timeline.summary import mend_drift

GIVEN = {"method": "email", "subject": "News", "body": "Two lines\nof news", "warned": "", "reason": ""}
ANYWAY = GIVEN | {"warned": "anyway", "reason": "They asked for it"}


def many(db: Any, place: Place, count: int, seed: int = 1) -> list[int]:
    """Leads of which some are twins, some were mailed lately, some said no."""
    rng = random.Random(seed)
    now = db.session.scalar(sa.func.rebound_now())
    ids = []
    for n in range(count):
        email = f"many{rng.randrange(count * 3 // 4)}@example.com"
        lead = make_lead(place.list, email=email, status="dnc" if n % 17 == 3 else "new", phone=None)
        if n % 7 == 2:
            service.log_contact(
                lead.id, Draft("email", occurred_at=now - timedelta(hours=rng.choice([3, 40, 400]))), by=place.bob
            )
        ids.append(lead.id)
    return ids


@pytest.mark.parametrize("given", [GIVEN, ANYWAY], ids=["warned left out", "warned anyway"])
def test_the_run_does_what_the_preview_said_over_several_chunks(db: Any, place: Place, worker: Any, given: dict[str, str]) -> None:  # fmt: skip
    ids = many(db, place, 520)
    params = leads.check_params("contact", dict(given), place.boss)
    shown = leads.preview("contact", params, Selection(tuple(ids)), by=place.boss)
    assert shown.total == len(ids)
    row = leads.run_bulk("contact", dict(given), Selection(tuple(ids)), seen=len(ids), by=place.boss, form_token="t")
    worker()
    db.session.refresh(row)
    assert row.state == "done"
    assert (row.done, row.counts["skipped"]) == (shown.change, shown.skipped)
    made = db.session.scalars(sa.select(ContactAttempt).where(ContactAttempt.user_id == place.boss.id)).all()
    assert len(made) == shown.change > 100
    assert max(Counter(db.session.get(Lead, each.lead_id).email for each in made).values()) == 1
    assert {(each.method, each.subject, each.body) for each in made} == {("email", "News", "Two lines\nof news")}
    assert mend_drift(place.company.id) == 0


def test_a_run_that_is_performed_again_contacts_nobody_twice(db: Any, place: Place) -> None:
    ids = many(db, place, 60)
    row = leads.run_bulk("contact", dict(GIVEN), Selection(tuple(ids)), seen=60, by=place.boss, form_token="t")
    contacts = db.session.scalar(sa.select(sa.func.count()).select_from(ContactAttempt))
    codes = service.log_many(ids, Draft("email"), by=place.boss, batch_id=row.batch_id)
    assert Counter(codes.values())["done"] == row.done
    assert "" not in codes.values()
    assert db.session.scalar(sa.select(sa.func.count()).select_from(ContactAttempt)) == contacts


def test_undo_takes_back_contacts_and_statuses_but_not_what_was_touched_since(db: Any, place: Place) -> None:
    ids = [make_lead(place.list, email=f"u{n}@example.com").id for n in range(5)]
    row = leads.run_bulk("contact", dict(GIVEN), Selection(tuple(ids)), seen=5, by=place.boss, form_token="t")
    answered = db.session.scalars(sa.select(ContactAttempt).where(ContactAttempt.lead_id == ids[0])).one()
    service.set_responded(answered.id, True, by=place.alice)
    undo = leads.undo_bulk(row.id, by=place.boss)
    assert (undo.state, undo.done, undo.skipped) == ("done", 4, 1)
    db.session.expire_all()
    found = [db.session.get(Lead, lead_id) for lead_id in ids]
    assert [(lead.status, lead.contact_count) for lead in found] == [("conversing", 1), *[("new", 0)] * 4]
    assert service.log_contact(ids[1], Draft("email"), by=place.alice).contact is not None


def test_a_manager_logs_with_the_checked_leads_from_the_table(client: Any, db: Any, place: Place) -> None:
    ids = [make_lead(place.list, email=f"c{n}@example.com").id for n in range(2)] + [place.lead.id]
    service.log_contact(place.lead.id, Draft("email"), by=place.alice)
    sign_in(client, place.boss)
    assert "/leads/bulk/contact" in client.get("/leads").text
    chosen = {"ids": ids, "scope": "selected", "filter": ""}
    assert "Leads with a warning" in client.post("/leads/bulk/contact", data=chosen).text
    page = client.post("/leads/bulk/contact", data=chosen | GIVEN | {"seen": 3}).text
    assert "Log with 2 leads" in page
    assert "nobody may again yet" in page
    token = re.search(r'name="form_token" value="([^"]+)"', page)
    assert token
    for _ in range(2):
        client.post("/leads/bulk/contact/run", data=chosen | GIVEN | {"seen": 3, "form_token": token[1]})
    row = db.session.scalars(sa.select(BulkAction)).one()
    assert (row.done, row.skipped) == (2, 1)
    result = client.get(f"/bulk/{row.id}").text
    assert "Email: News" in result
    assert f"skipped={row.id}.contact_cap" in result
    assert place.lead.name in client.get(f"/leads?skipped={row.id}.contact_cap").text


def test_bad_input_of_a_bulk_contact_is_refused_with_its_reason(client: Any, place: Place) -> None:
    sign_in(client, place.boss)
    chosen = {"ids": [place.lead.id], "scope": "selected", "filter": ""}
    for given, says in (
        (GIVEN | {"method": "pigeon"}, "Choose one of the methods"), (GIVEN | {"subject": "x" * 501}, "at most 500"),
        (GIVEN | {"warned": "anyway"}, "reason"),
    ):  # fmt: skip
        answer = client.post("/leads/bulk/contact", data=chosen | given)
        assert answer.status_code == 422
        assert says.lower() in answer.text.lower()
    assert client.post("/leads/bulk/nonsense", data=chosen).status_code == 404
    sign_in(client, place.alice)
    assert client.post("/leads/bulk/contact", data=chosen).status_code == 403
