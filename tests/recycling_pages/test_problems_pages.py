"""Problems by cause, their repair and its undoing, and the choices a person makes."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import T0, make_call, make_company, make_list, make_user, sign_in
from tests.recycling_pages.conftest import Place, hidden, set_lead
from webapp.core.audit import StatusChange
from webapp.core.db import db as database
from webapp.dialer.models import Callback
from webapp.leads.models import Lead
from webapp.leads.problems import PROBLEMS
from webapp.recycling.models import Repair, Undo
from webapp.recycling.queries import count_problems, fixable, preview_repair, problem_counts

CLASSES = [name for name, problem in PROBLEMS.items() if problem.repairable]


def start(place: Place, preview: str, classes: list[str] = CLASSES, **more: Any) -> Any:
    data = {"classes": classes, "seen": hidden(preview, "seen"), "form_token": hidden(preview, "form_token")}
    return place.client.post("/repairs", data=data | more)


def lose_status(place: Place, number: int) -> None:
    rows = [{"company_id": place.company.id, "list_id": place.list.id, "last_name": f"Bulk{n}"} for n in range(number)]
    database.session.execute(sa.insert(Lead), rows)
    database.session.execute(sa.update(Lead).where(Lead.last_name.startswith("Bulk")).values(status=None))
    database.session.commit()


def test_each_class_has_a_card_with_its_count_its_sentence_and_examples(place: Place) -> None:
    text = place.page("/problems")
    counts = problem_counts(place.company.id)
    assert {name for name, count in counts.items() if count} == set(place.leads)
    assert f"{sum(counts.values())} problematic leads" in text
    for name in place.leads:
        problem = PROBLEMS[name]
        card = text[text.index(f'id="class-{name}"') :]
        card = card[: card.index("</section>")]
        assert f'<p class="problem-count">{counts[name]}</p>' in card
        assert problem.rule in card
        assert place.leads[name][0].name in card
    assert f"Fix {fixable(counts)} leads…" in text
    assert f"<title>({sum(counts.values())}) Problems" in text


def test_the_sidebar_counts_the_problems(place: Place) -> None:
    assert ">11<" in place.page("/leads").replace("\n", "")


def test_no_problem_is_a_calm_line_with_the_time_of_the_last_check(client: Any) -> None:
    manager = make_user(role="manager")
    place = Place(manager.company, manager, None, {}, sign_in(client, manager))
    text = place.page("/problems")
    assert "No problems found" in text
    assert client.post("/problems/check").status_code == 303
    assert database.session.scalars(sa.select(Repair)).one().state == "done"
    assert f"({manager.name})" in place.page("/problems")


def test_the_repair_does_what_its_preview_showed(place: Place) -> None:
    preview = place.page("/problems/fix")
    expected = {row.id: row.to_status for row in preview_repair(place.company.id)}
    assert hidden(preview, "seen") == "7"
    answer = start(place, preview)
    assert answer.status_code == 303
    repair = database.session.scalars(sa.select(Repair)).one()
    assert answer.location == f"/repairs/{repair.id}"
    assert repair.state == "done"
    assert {i: database.session.get(Lead, i).status for i in expected} == expected
    text = place.page(answer.location)
    assert "Before and after" in text
    assert f"/leads?batch={repair.batch_id}" in text
    assert "Undo this run" in text
    assert answer.location in place.page("/problems")


def test_a_switch_that_is_off_leaves_its_class_alone(place: Place) -> None:
    text = place.client.htmx("/problems/fix?chosen=1&classes=missing_status").text
    assert text.strip().startswith('<div class="stack" id="fix-preview"')
    assert hidden(text, "seen") == "1"
    start(place, text, ["missing_status"])
    counts = problem_counts(place.company.id)
    assert (counts["missing_status"], counts["dialed_but_new"]) == (0, 3)


def test_the_preview_of_one_list_is_of_that_list(place: Place) -> None:
    other = make_list(place.company)
    assert "Nothing to fix" in place.page(f"/problems/fix?list={other.id}")
    preview = place.page(f"/problems/fix?list={place.list.id}")
    assert hidden(preview, "list") == str(place.list.id)
    start(place, preview, list=place.list.id)
    assert database.session.scalars(sa.select(Repair)).one().list_id == place.list.id


def test_no_class_chosen_is_refused(place: Place) -> None:
    assert "Nothing chosen" in place.page("/problems/fix?chosen=1")
    answer = place.client.post("/repairs", data={"seen": "7", "form_token": "abc"})
    assert answer.status_code == 422
    assert "Choose at least one kind of problem." in answer.text


def test_a_moved_count_asks_again_and_changes_nothing(place: Place) -> None:
    preview = place.page("/problems/fix")
    set_lead(place.leads["missing_status"][0], status="new")
    answer = start(place, preview)
    assert answer.status_code == 409
    assert "You saw 7; now there are 6" in answer.text
    assert hidden(answer.text, "seen") == "6"
    assert database.session.scalars(sa.select(Repair)).all() == []


def test_a_double_press_is_one_repair(place: Place) -> None:
    preview = place.page("/problems/fix")
    assert start(place, preview).location == start(place, preview).location
    assert len(database.session.scalars(sa.select(Repair)).all()) == 1


def test_a_large_repair_runs_as_a_job_and_stops_polling_when_done(place: Place, worker: Any) -> None:
    lose_status(place, 501)
    url = start(place, place.page("/problems/fix")).location
    repair = database.session.scalars(sa.select(Repair)).one()
    assert repair.state == "queued"
    assert "hx-trigger" in place.page(url)
    assert place.client.htmx(f"{url}?v={repair.version}").status_code == 204
    worker()
    database.session.refresh(repair)
    assert repair.state == "done"
    rest = place.client.htmx(f"{url}?v=0")
    assert "hx-trigger" not in rest.text
    assert 'id="repair-result"' in rest.text
    undo = place.client.post(f"{url}/undo").location
    row = database.session.scalars(sa.select(Undo)).one()
    assert row.state == "queued"
    assert "hx-trigger" in place.page(undo)
    worker()
    database.session.refresh(row)
    assert "hx-trigger" not in place.client.htmx(f"{undo}?v=0").text
    assert place.client.htmx(f"{undo}?v={row.version}").status_code == 204


def test_a_queued_repair_can_be_cancelled(place: Place) -> None:
    lose_status(place, 501)
    url = start(place, place.page("/problems/fix")).location
    assert "Cancelled" in place.client.htmx(f"{url}/cancel", method="POST").text
    assert place.client.post(f"{url}/undo").status_code == 409


def test_the_undo_of_a_repair_is_asked_followed_and_named(place: Place) -> None:
    url = start(place, place.page("/problems/fix"), ["dialed_but_new"], seen="3").location
    make_call(place.leads["dialed_but_new"][0], "busy", started_at=database.session.scalar(sa.func.rebound_now()))
    assert "Undo 3 changes" in place.page(f"{url}/undo")
    undo = place.client.post(f"{url}/undo").location
    text = place.page(undo)
    assert "It was dialed since" in text
    assert database.session.get(Lead, place.leads["dialed_but_new"][1].id).status == "new"
    assert "Undone" in place.page(url)
    assert place.client.get(f"{url}/undo").location == undo


def test_accepting_the_logs_of_one_lead_lowers_its_count_and_says_who_and_why(place: Place) -> None:
    lead = place.leads["count_mismatch_above"][0]
    answer = place.client.post(
        "/problems/count_mismatch_above/accept", data={"lead": lead.id, "reason": "Counted twice", "page": "overview"}
    )
    assert answer.location == "/problems"
    database.session.refresh(lead)
    assert (lead.dial_attempts, lead.answered_count, lead.call_count, lead.problem) == (1, 0, 1, None)
    change = database.session.scalars(sa.select(StatusChange).where(StatusChange.cause == "user")).one()
    assert (change.user_id, change.reason, change.old_status, change.new_status) == (
        place.manager.id, "Counted twice", "no_answer", "no_answer",
    )  # fmt: skip
    assert change.before["dial_attempts"] == 5


def test_accepting_the_logs_of_a_whole_class_needs_a_reason_and_the_count_seen(place: Place) -> None:
    url = "/problems/count_without_log/accept"
    assert place.client.post(url, data={"seen": "1", "reason": "  "}).status_code == 422
    moved = place.client.post(url, data={"seen": "4", "reason": "Yes", "page": "count_without_log"})
    assert moved.status_code == 409
    assert "You saw 4; now there are 1" in moved.text
    assert (
        place.client.post(url, data={"seen": "1", "reason": "Imported", "page": "count_without_log"}).status_code == 303
    )
    lead = place.leads["count_without_log"][0]
    database.session.refresh(lead)
    assert (lead.dial_attempts, lead.last_dial_attempt, lead.status, lead.problem) == (0, None, "no_answer", None)


def test_a_lead_in_a_call_keeps_its_count(place: Place) -> None:
    lead = place.leads["count_mismatch_above"][0]
    make_call(lead, "ringing")
    set_lead(lead, dial_attempts=9)
    place.client.post("/problems/count_mismatch_above/accept", data={"lead": lead.id, "reason": "Yes"})
    database.session.refresh(lead)
    assert lead.dial_attempts == 9


@pytest.mark.parametrize(
    ("index", "choice", "data"),
    [(0, "open_callback", {"due": "day"}), (1, "close_callback", {}), (1, "set_callback", {"seen": "contacted"})],
)
def test_one_press_settles_a_callback_that_does_not_fit(
    place: Place, index: int, choice: str, data: dict[str, str]
) -> None:
    lead = place.leads["callback_mismatch"][index]
    answer = place.client.htmx(f"/problems/leads/{lead.id}/{choice}", method="POST", data={"page": "overview", **data})
    assert answer.status_code == 200
    assert 'id="problems-region"' in answer.text
    assert f'id="callback_mismatch-{lead.id}"' not in answer.text
    assert problem_counts(place.company.id)["callback_mismatch"] == 1
    assert place.client.post(f"/problems/leads/{lead.id}/{choice}", data=data).status_code == 303


def test_a_choice_that_no_longer_fits_says_so(place: Place) -> None:
    lead = place.leads["callback_mismatch"][0]
    set_lead(lead, status="contacted")
    answer = place.client.htmx(
        f"/problems/leads/{lead.id}/open_callback", method="POST", data={"page": "callback_mismatch"}
    )
    assert "no callback was opened" in answer.text
    assert database.session.scalar(sa.select(sa.func.count()).where(Callback.lead_id == lead.id)) == 0


def test_every_class_page_lists_its_leads_and_works_without_scripts(place: Place) -> None:
    for name in PROBLEMS:
        text = place.page(f"/problems/{name}")
        assert all(lead.name in text for lead in place.leads.get(name, [])), name
        assert place.client.htmx(f"/problems/{name}").text.strip().startswith('<div class="stack" id="problem-region"')
    assert place.client.get("/problems/nonsense").status_code == 404


def test_a_rep_may_look_and_not_fix(place: Place) -> None:
    lead = place.leads["callback_mismatch"][0]
    url = start(place, place.page("/problems/fix")).location
    sign_in(place.client, make_user(place.company, role="rep"))
    text = place.page("/problems")
    assert "Accept the logs" not in text
    assert "leads…" not in text
    assert "Undo this run" not in place.page(url)
    assert place.client.get("/problems/fix").status_code == 403
    for path in ("/repairs", f"{url}/undo", f"{url}/cancel", f"/problems/leads/{lead.id}/open_callback"):
        assert place.client.post(path).status_code == 403


def test_another_company_gets_404_and_none_of_the_numbers(place: Place) -> None:
    lead = place.leads["callback_mismatch"][0]
    url = start(place, place.page("/problems/fix")).location
    undo = place.client.post(f"{url}/undo").location
    sign_in(place.client, make_user(make_company()))
    assert "No problems found" in place.page("/problems")
    for path in (
        url,
        f"{url}/undo",
        undo,
        f"/problems/fix?list={place.list.id}",
        f"/problems/missing_status?list={place.list.id}",
    ):
        assert place.client.get(path).status_code == 404, path
    for path in (f"{url}/undo", f"{url}/cancel", f"{undo}/cancel", f"/problems/leads/{lead.id}/open_callback"):
        assert place.client.post(path).status_code == 404, path
    data = {"lead": place.leads["count_without_log"][0].id, "reason": "Mine"}
    assert place.client.post("/problems/count_without_log/accept", data=data).status_code == 404


def test_the_sidebar_and_the_page_count_the_same(place: Place) -> None:
    make_call(place.leads["callback_mismatch"][0], "ringing")
    set_lead(place.leads["callback_mismatch"][0], dial_attempts=1, last_dial_attempt=T0)
    counts = problem_counts(place.company.id)
    assert count_problems(place.company.id) == sum(counts.values()) == 11
    assert (counts["open_call"], counts["callback_mismatch"]) == (2, 1)
