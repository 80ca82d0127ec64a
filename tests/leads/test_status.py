"""A person moves a lead to another status."""

import pytest
import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy

from tests.factories import make_company, make_lead, make_list, make_user, sign_in
from webapp.core.audit import StatusChange
from webapp.leads import service
from webapp.leads.service import leads as lead_service


def _ledger(db: SQLAlchemy, lead) -> list[tuple[str | None, str | None, str]]:
    rows = db.session.query(StatusChange).filter_by(machine="lead", subject_id=lead.id).order_by(StatusChange.id)
    return [(row.old_status, row.new_status, row.cause) for row in rows]


def test_a_move_writes_the_ledger_and_the_anchor(db: SQLAlchemy):
    user = make_user()
    lead = make_lead(make_list(user.company))
    moved = service.set_status(lead.id, "contacted", by=user, reason="Met at the fair")
    assert moved.status == moved.anchor_status == "contacted"
    assert moved.last_status_change == moved.anchor_at is not None
    assert moved.version == 2
    assert _ledger(db, lead) == [("new", "contacted", "user")]
    row = db.session.query(StatusChange).one()
    assert (row.user_id, row.reason) == (user.id, "Met at the fair")


def test_a_move_to_the_same_status_changes_nothing(db: SQLAlchemy):
    user = make_user()
    lead = make_lead(make_list(user.company))
    assert service.set_status(lead.id, "new", by=user).version == 1
    assert _ledger(db, lead) == []


@pytest.mark.parametrize("to", ["new", "sale", "invalid", "dnc"])
def test_a_lead_without_a_status_can_be_given_any(db: SQLAlchemy, to: str):
    user = make_user()
    lead = make_lead(make_list(user.company), status=sa.null())
    assert service.set_status(lead.id, to, by=user).status == to
    assert _ledger(db, lead) == [(None, to, "user")]


@pytest.mark.parametrize("status", ["sale", "converted", "qualified"])
def test_a_protected_status_changes_only_with_a_reason(db: SQLAlchemy, status: str):
    user = make_user()
    lead = make_lead(make_list(user.company), status=status)
    with pytest.raises(service.StatusRefused, match="say why") as refused:
        service.set_status(lead.id, "new", by=user, reason="  ")
    assert refused.value.field == "reason"
    assert service.set_status(lead.id, "new", by=user, reason="Booked twice").status == "new"


def test_do_not_call_is_left_only_by_lifting_its_entry(db: SQLAlchemy):
    user = make_user()
    lead = make_lead(make_list(user.company), status="dnc")
    with pytest.raises(service.StatusRefused, match="Lift its entry under Do not contact"):
        service.set_status(lead.id, "new", by=user, reason="They asked")
    assert _ledger(db, lead) == []


def test_setting_do_not_call_tells_the_hooks_in_the_same_transaction(db: SQLAlchemy, monkeypatch):
    told: list[tuple] = []
    monkeypatch.setattr(
        lead_service, "dnc_hooks", [lambda ids, to, by, reason: told.append((list(ids), to, by.id, reason))]
    )
    monkeypatch.setattr(lead_service, "move_hooks", [])
    user = make_user()
    lead = make_lead(make_list(user.company))
    service.set_status(lead.id, "contacted", by=user)
    assert told == []
    service.set_status(lead.id, "dnc", by=user, reason="By letter")
    assert told == [([lead.id], "dnc", user.id, "By letter")]


def test_a_hook_that_fails_takes_the_move_back(db: SQLAlchemy, monkeypatch):
    def fail(*_):
        raise ValueError("no entry")

    monkeypatch.setattr(lead_service, "move_hooks", [fail])
    user = make_user()
    lead = make_lead(make_list(user.company))
    with pytest.raises(ValueError):
        service.set_status(lead.id, "contacted", by=user)
    db.session.expire_all()
    assert lead.status == "new"
    assert _ledger(db, lead) == []


def test_a_move_from_a_status_that_is_gone_is_a_conflict_that_says_who(db: SQLAlchemy):
    user = make_user(name="Ana Ruiz")
    lead = make_lead(make_list(user.company))
    service.set_status(lead.id, "sale", by=user)
    with pytest.raises(service.StaleEdit) as stale:
        service.set_status(lead.id, "busy", by=user, seen="new")
    assert stale.value.who == "Ana Ruiz"
    assert [(d.theirs, d.mine) for d in stale.value.differences] == [("Sale", "Busy")]


def test_another_companys_lead_cannot_be_moved(db: SQLAlchemy):
    lead = make_lead(make_list(make_company()))
    with pytest.raises(LookupError):
        service.set_status(lead.id, "sale", by=make_user())


def test_the_status_form_works_as_a_page_and_in_its_cell(client, db: SQLAlchemy):
    user = make_user(role="rep")
    lead = make_lead(make_list(user.company))
    sign_in(client, user)
    page = client.get(f"/leads/{lead.id}/status")
    assert "<h1>" in page.text
    part = client.htmx(f"/leads/{lead.id}/status")
    assert "<html" not in part.text
    assert f'id="lead-{lead.id}-status"' in part.text
    assert client.post(f"/leads/{lead.id}/status", data={"status": "busy", "seen": "new"}).status_code == 303
    cell = client.htmx(f"/leads/{lead.id}/status", method="POST", data={"status": "failed", "seen": "busy"})
    assert cell.status_code == 200
    assert "Failed" in cell.text
    assert _ledger(db, lead) == [("new", "busy", "user"), ("busy", "failed", "user")]


def test_a_refused_move_keeps_what_was_chosen_and_asks_for_the_reason(client, db: SQLAlchemy):
    user = make_user()
    lead = make_lead(make_list(user.company), status="sale")
    sign_in(client, user)
    for answer in (
        client.post(f"/leads/{lead.id}/status", data={"status": "busy", "seen": "sale"}),
        client.htmx(f"/leads/{lead.id}/status", method="POST", data={"status": "busy", "seen": "sale"}),
    ):
        assert answer.status_code == 422
        assert 'name="reason"' in answer.text
        assert '<option value="busy" selected>' in answer.text
    assert client.post(f"/leads/{lead.id}/status", data={"status": "zzz"}).status_code == 422
    stale = client.post(f"/leads/{lead.id}/status", data={"status": "busy", "seen": "new"})
    assert stale.status_code == 409
    assert "Keep mine" in stale.text
    assert "Take theirs" in stale.text
