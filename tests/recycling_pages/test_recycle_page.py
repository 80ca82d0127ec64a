"""A list's recycle page: what it says is what it does."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import make_call, make_company, make_lead, make_list, make_user, sign_in
from tests.recycling_pages.conftest import Place, hidden, set_lead, tracked
from webapp.core.audit import AuditEvent, StatusChange
from webapp.core.db import db as database
from webapp.leads.models import Lead
from webapp.recycling.models import RecycleBatch, Undo
from webapp.recycling.queries import fixable, problem_counts


def run(place: Place, statuses: list[str], preview: str, **more: Any) -> Any:
    data = {
        "statuses": statuses,
        "target": "new",
        "seen": hidden(preview, "seen"),
        "form_token": hidden(preview, "form_token"),
    }
    return place.client.post(place.recycle, data=data | more)


def preview_of(place: Place, *statuses: str, **more: str) -> str:
    return place.page(f"{place.recycle}/preview", query_string={"statuses": statuses, "target": "new", **more})


@pytest.fixture
def rested(place: Place) -> Place:
    for _ in range(4):
        tracked(place.list, "no_answer")
    return place


def test_the_alert_names_the_sum_of_the_classes_and_what_can_be_fixed(place: Place) -> None:
    text = place.page(place.recycle)
    counts = problem_counts(place.company.id, place.list.id)
    assert sum(counts.values()) == 11
    assert "11 problematic leads in this list" in text
    assert "11 problematic leads" in place.page(f"/lists/{place.list.id}"), "the list tells the same number"
    assert ">11</a>" in place.page("/lists"), "and so does the row of all lists"
    assert f"Fix {fixable(counts)} problematic leads…" in text


def test_the_breakdown_shows_every_status_and_the_missing_one_and_sums_to_the_list(place: Place) -> None:
    text = place.page(place.recycle)
    body = text[text.index('id="statuses"') : text.index("</table>", text.index('id="statuses"'))]
    assert "(none)" in body
    assert "Do Not Call" in body
    total = sum(int(n) for n in re.findall(r'data-label="Leads">(?:<a [^>]*>)?(\d+)', body))
    assert total == database.session.scalar(sa.select(sa.func.count()).where(Lead.list_id == place.list.id))


def test_protected_statuses_cannot_be_chosen_and_say_why(place: Place) -> None:
    make_lead(place.list, status="sale")
    text = place.page(place.recycle)
    assert 'disabled aria-label="Sale: Protected: only a person moves it"' in text
    assert 'disabled aria-label="(none): Fix first: it has no status"' in text


def test_the_run_does_what_the_preview_said_and_its_page_says_so(rested: Place) -> None:
    preview = preview_of(rested, "no_answer")
    assert hidden(preview, "seen") == "6"
    answer = run(rested, ["no_answer"], preview)
    assert answer.status_code == 303
    batch = database.session.scalars(sa.select(RecycleBatch)).one()
    assert answer.location == f"/recycle-batches/{batch.id}"
    assert (batch.state, batch.done) == ("done", 6)
    text = rested.page(answer.location)
    assert "exactly what its preview said" in text
    assert f"/leads?list={rested.list.id}&amp;batch={batch.batch_id}" in text
    assert (
        "hx-trigger"
        not in text[text.index('id="batch-progress"') : text.index("</section>", text.index('id="batch-progress"'))]
    )
    assert rested.page(f"/leads?list={rested.list.id}&batch={batch.batch_id}").count("data-row") == 6


def test_the_preview_for_htmx_is_the_region_alone(rested: Place) -> None:
    answer = rested.client.htmx(f"{rested.recycle}/preview?statuses=no_answer&target=new")
    assert answer.text.strip().startswith('<section class="section" id="recycle-preview"')
    assert "data-announce" in answer.text


def test_a_count_that_moved_asks_again_with_the_new_preview(rested: Place) -> None:
    preview = preview_of(rested, "no_answer")
    tracked(rested.list, "no_answer")
    answer = run(rested, ["no_answer"], preview)
    assert answer.status_code == 409
    assert "You saw 6 leads; now it would be 7" in answer.text
    assert hidden(answer.text, "seen") == "7"
    assert database.session.scalars(sa.select(RecycleBatch)).all() == []


def test_a_double_press_is_one_recycling(rested: Place) -> None:
    preview = preview_of(rested, "no_answer")
    assert run(rested, ["no_answer"], preview).location == run(rested, ["no_answer"], preview).location
    assert len(database.session.scalars(sa.select(RecycleBatch)).all()) == 1


def test_choosing_nothing_is_refused_and_the_other_choices_stay(place: Place) -> None:
    answer = place.client.get(f"{place.recycle}/preview?target=contacted&reset_dial_count=y")
    assert answer.status_code == 422
    assert "Choose at least one status to recycle." in answer.text
    assert re.search(r'<option selected value="contacted"', answer.text)
    assert re.search(r'<input[^>]* checked[^>]*name="reset_dial_count"', answer.text)
    assert "<title>Error:" in answer.text


def test_protected_and_unknown_choices_are_refused(place: Place) -> None:
    for query in ("statuses=sale&target=new", "statuses=nonsense&target=new", "statuses=busy&target=sale"):
        assert place.client.get(f"{place.recycle}/preview?{query}").status_code == 422


def test_nothing_eligible_says_why_by_rule(place: Place) -> None:
    text = preview_of(place, "new")
    assert "Nothing eligible." in text
    assert "Needs repair first" in text
    assert 'id="recycle-go"' not in text


def test_chosen_statuses_of_the_address_are_checked(place: Place) -> None:
    text = place.page(f"{place.recycle}?status=no_answer&status=sale")
    assert re.search(r'value="no_answer" form="recycle-form"[^>]* checked', text)
    assert 'value="sale" form=' not in text


def test_more_than_500_run_as_a_job_whose_progress_stops_polling_when_done(place: Place, worker: Any) -> None:
    database.session.execute(
        sa.insert(Lead),
        [
            {"company_id": place.company.id, "list_id": place.list.id, "status": "failed", "last_name": f"Bulk{n}"}
            for n in range(501)
        ],
    )
    database.session.commit()
    answer = run(place, ["failed"], preview_of(place, "failed"))
    batch = database.session.scalars(sa.select(RecycleBatch)).one()
    assert batch.state == "queued"
    assert "hx-trigger" in place.page(answer.location)
    assert place.client.htmx(f"{answer.location}?v={batch.version}").status_code == 204
    worker()
    database.session.refresh(batch)
    assert (batch.state, batch.done) == ("done", 501)
    rest = place.client.htmx(f"{answer.location}?v=0")
    assert rest.status_code == 200
    assert "hx-trigger" not in rest.text
    assert 'hx-swap-oob="true"' in rest.text
    assert place.client.htmx(f"{answer.location}?v={batch.version}").status_code == 204


def test_a_waiting_recycling_can_be_cancelled(place: Place) -> None:
    database.session.execute(
        sa.insert(Lead),
        [
            {"company_id": place.company.id, "list_id": place.list.id, "status": "failed", "last_name": f"Bulk{n}"}
            for n in range(501)
        ],
    )
    database.session.commit()
    url = run(place, ["failed"], preview_of(place, "failed")).location
    assert place.client.post(f"{url}/cancel").status_code == 303
    assert database.session.scalars(sa.select(RecycleBatch)).one().state == "cancelled"


def test_undo_puts_back_what_nobody_touched_and_lists_the_rest(rested: Place) -> None:
    url = run(rested, ["no_answer"], preview_of(rested, "no_answer")).location
    moved = database.session.scalars(sa.select(StatusChange.subject_id).where(StatusChange.cause == "recycle")).all()
    touched = database.session.get(Lead, moved[0])
    make_call(touched, "busy", started_at=database.session.scalar(sa.func.rebound_now()))
    assert "Undo 6 changes" in rested.page(f"{url}/undo")
    answer = rested.client.post(f"{url}/undo")
    undo = database.session.scalars(sa.select(Undo)).one()
    assert answer.location == f"/undos/{undo.id}"
    assert (undo.done, undo.skipped) == (5, 1)
    text = rested.page(answer.location)
    assert "It was dialed since" in text
    assert touched.name in text
    assert "Undone" in rested.page(rested.recycle)
    assert rested.client.post(f"{url}/undo").location == answer.location


def test_undoing_what_changed_nothing_says_why(place: Place) -> None:
    set_lead(place.leads["missing_status"][0], status="dnc")
    batch = RecycleBatch(
        company_id=place.company.id, list_id=place.list.id, statuses=["dnc"], target_status="new", reset_dial_count=False,
        job="recycle", state="done", batch_id="00000000-0000-0000-0000-000000000001",
    )  # fmt: skip
    database.session.add(batch)
    database.session.commit()
    answer = place.client.post(f"/recycle-batches/{batch.id}/undo")
    assert answer.status_code == 409
    assert "It changed nothing" in answer.text


def test_the_skipped_of_a_recycling_can_be_looked_at_by_reason(rested: Place) -> None:
    url = run(rested, ["no_answer", "new"], preview_of(rested, "no_answer", "new")).location
    assert "/skipped/needs_repair" in rested.page(url)
    text = rested.page(f"{url}/skipped/needs_repair")
    assert all(lead.name in text for lead in rested.leads["dialed_but_new"])
    assert rested.client.get(f"{url}/skipped/nonsense").status_code == 404


def test_the_activity_page_leads_to_the_undo_of_a_recycling(rested: Place) -> None:
    url = run(rested, ["no_answer"], preview_of(rested, "no_answer")).location
    event = database.session.scalars(sa.select(AuditEvent).where(AuditEvent.kind == "recycled")).one()
    assert event.details["undo_url"] == f"{url}/undo"
    assert f"{url}/undo" in rested.page("/activity")


def test_a_rep_sees_the_page_and_may_not_act(rested: Place) -> None:
    preview = preview_of(rested, "no_answer")
    url = run(rested, ["no_answer"], preview).location
    sign_in(rested.client, make_user(rested.company, role="rep"))
    text = rested.page(rested.recycle)
    assert "for managers and admins" in text
    assert 'id="recycle-form"' not in text
    assert "problematic leads…" not in text
    rested.page(url)
    for path in (
        rested.recycle,
        f"{url}/undo",
        f"{url}/cancel",
        "/repairs",
        "/problems/check",
        "/problems/count_without_log/accept",
    ):
        assert rested.client.post(path).status_code == 403


def test_another_company_gets_404_for_lists_batches_and_undos(rested: Place) -> None:
    url = run(rested, ["no_answer"], preview_of(rested, "no_answer")).location
    undo = rested.client.post(f"{url}/undo").location
    sign_in(rested.client, make_user(make_company()))
    for path in (
        rested.recycle,
        f"{rested.recycle}/preview",
        url,
        f"{url}/undo",
        f"{url}/skipped/cooling",
        undo,
        "/recycle-batches/999999",
    ):
        assert rested.client.get(path).status_code == 404, path
    for path in (rested.recycle, f"{url}/undo", f"{url}/cancel", f"{undo}/cancel"):
        assert rested.client.post(path).status_code == 404, path


def test_an_empty_list_offers_to_import(place: Place) -> None:
    empty = make_list(place.company)
    assert "This list has no leads yet" in place.page(f"/lists/{empty.id}/recycle")


def test_recycled_leads_are_not_met_again_when_their_new_status_was_chosen_too(rested: Place) -> None:
    url = run(rested, ["no_answer", "new"], preview_of(rested, "no_answer", "new")).location
    batch = database.session.scalars(sa.select(RecycleBatch)).one()
    assert batch.handled == batch.total
    assert "exactly what its preview said" in rested.page(url)
