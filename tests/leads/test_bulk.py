"""One change to many leads: the preview is the run, and the run can be undone."""

import re

import pytest
import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy

from tests.factories import make_company, make_lead, make_list, make_user, sign_in
from webapp.core.audit import AuditEvent, StatusChange
from webapp.leads import service
from webapp.leads.filters import LeadFilter
from webapp.leads.models import BulkAction, Lead, LeadChange
from webapp.leads.queries.matching import Scope
from webapp.leads.queries.pages import find_page
from webapp.leads.service import bulk


def _mixed(user) -> tuple[list[Lead], dict[str, int]]:
    """Leads in every kind of outcome for a move to New, and how many of each."""
    lead_list = make_list(user.company)
    statuses = ["busy", "busy", "no_answer", sa.null(), "new", "sale", "converted", "qualified", "dnc"]
    return [make_lead(lead_list, status=status) for status in statuses], {"protected": 3, "dnc": 1, "unchanged": 1}


def _run(action: str, params: dict, leads: list[Lead], user, token: str = "t") -> BulkAction:
    ids = tuple(lead.id for lead in leads)
    return service.run_bulk(action, params, service.Selection(ids), seen=len(ids), by=user, form_token=token)


def test_the_run_does_exactly_what_the_preview_said(db: SQLAlchemy):
    user = make_user()
    leads, skipped = _mixed(user)
    selection = service.Selection(tuple(lead.id for lead in leads))
    params = service.check_params("status", {"to": "new"}, user)
    shown = service.preview("status", params, selection, by=user)
    assert (shown.total, shown.change, shown.skipped) == (9, 4, skipped)
    assert dict(shown.moves) == {"busy": 2, "no_answer": 1, None: 1}
    row = _run("status", {"to": "new"}, leads, user)
    assert row.state == "done"
    assert (row.done, row.skipped) == (shown.change, 5)
    assert row.counts["skipped"] == shown.skipped
    assert row.counts["moves"] == {"busy": 2, "no_answer": 1, "": 1}
    assert db.session.query(StatusChange).filter_by(batch_id=row.batch_id, cause="user", user_id=user.id).count() == 4
    db.session.expire_all()
    assert [lead.status for lead in leads] == ["new"] * 5 + ["sale", "converted", "qualified", "dnc"]
    assert all(lead.anchor_status == "new" and lead.version == 2 for lead in leads[:4])


@pytest.mark.parametrize("start", ["sale", "converted", "qualified", "dnc"])
def test_protected_leads_are_not_moved_in_bulk_even_with_a_reason(db: SQLAlchemy, start: str):
    user = make_user()
    lead = make_lead(make_list(user.company), status=start)
    row = _run("status", {"to": "new", "reason": "Because"}, [lead], user)
    assert (row.done, row.skipped) == (0, 1)
    db.session.refresh(lead)
    assert lead.status == start


def test_the_changed_and_the_skipped_rows_are_each_a_filter_away(db: SQLAlchemy):
    user = make_user()
    leads, _ = _mixed(user)
    row = _run("status", {"to": "new"}, leads, user)
    scope = Scope.of(user)
    found = find_page(scope, LeadFilter.from_query(f"batch={row.batch_id}&sort=newest")).leads
    assert [lead.id for lead in found] == [lead.id for lead in leads[:4]]
    found = find_page(scope, LeadFilter.from_query(f"skipped={row.id}.protected&sort=newest")).leads
    assert [lead.status for lead in found] == ["sale", "converted", "qualified"]
    stranger = Scope.of(make_user())
    for query in (f"batch={row.batch_id}", f"skipped={row.id}.protected"):
        assert find_page(stranger, LeadFilter.from_query(query)).leads == []


def test_undo_puts_back_all_that_has_not_changed_since_and_lists_the_others(db: SQLAlchemy):
    user = make_user()
    leads, _ = _mixed(user)
    kept = {lead.id: (lead.status, lead.last_status_change, lead.anchor_status, lead.anchor_at) for lead in leads}
    row = _run("status", {"to": "new"}, leads, user)
    service.set_status(leads[1].id, "contacted", by=user)
    undo = service.undo_bulk(row.id, by=user)
    assert (undo.state, undo.done, undo.skipped) == ("done", 3, 1)
    db.session.expire_all()
    for lead in (leads[0], leads[2], leads[3]):
        assert (lead.status, lead.last_status_change, lead.anchor_status, lead.anchor_at) == kept[lead.id]
    assert leads[1].status == "contacted"
    found = find_page(Scope.of(user), LeadFilter.from_query(f"skipped={undo.id}.changed")).leads
    assert [lead.id for lead in found] == [leads[1].id]
    with pytest.raises(service.BulkRefused, match="undone already"):
        service.undo_bulk(row.id, by=user)


def test_owner_and_tags_change_and_come_back(db: SQLAlchemy):
    user = make_user()
    lead_list = make_list(user.company)
    leads = [
        make_lead(lead_list, tags=tags, owner_id=owner)
        for tags, owner in ((["a"], None), (["a", "b"], user.id), ([], None))
    ]
    owner = _run("owner", {"owner": str(user.id)}, leads, user, "o")
    added = _run("tag_add", {"tag": " b,  "}, leads, user, "a")
    gone = _run("tag_remove", {"tag": "a"}, leads, user, "r")
    assert (owner.done, added.done, gone.done) == (2, 2, 2)
    db.session.expire_all()
    assert [lead.tags for lead in leads] == [["b"], ["b"], ["b"]]
    assert {lead.owner_id for lead in leads} == {user.id}
    assert db.session.query(LeadChange).filter_by(cause="bulk").count() == 6
    service.update_lead(leads[0].id, {"tags": ["b", "c"]}, version=None, by=user)
    undone = service.undo_bulk(gone.id, by=user)
    assert (undone.done, undone.skipped) == (1, 1)
    assert service.undo_bulk(owner.id, by=user).done == 2
    db.session.expire_all()
    assert [lead.tags for lead in leads] == [["b", "c"], ["a", "b"], ["b"]]
    assert [lead.owner_id for lead in leads] == [None, user.id, None]


def test_a_tag_added_in_bulk_is_found_by_the_tag_filter(db: SQLAlchemy):
    user = make_user()
    leads = [make_lead(make_list(user.company)) for _ in range(2)]
    _run("tag_add", {"tag": "it's \\ new 👍"}, leads[:1], user)
    assert [lead.id for lead in find_page(Scope.of(user), LeadFilter(tag="it's \\ new 👍")).leads] == [leads[0].id]


def test_the_same_form_sent_twice_changes_once(db: SQLAlchemy):
    user = make_user()
    lead = make_lead(make_list(user.company))
    assert _run("tag_add", {"tag": "x"}, [lead], user).id == _run("tag_add", {"tag": "x"}, [lead], user).id
    assert db.session.query(BulkAction).count() == 1


def test_a_count_that_moved_is_asked_about_again(db: SQLAlchemy):
    user = make_user()
    lead_list = make_list(user.company)
    make_lead(lead_list)
    make_lead(lead_list)
    with pytest.raises(service.CountMoved) as moved:
        service.run_bulk(
            "tag_add", {"tag": "x"}, service.Selection(None, "status=new"), seen=1, by=user, form_token="t"
        )
    assert moved.value.now == 2
    assert db.session.query(BulkAction).count() == 0


def test_leads_of_another_company_and_gone_ones_are_missing(db: SQLAlchemy):
    user = make_user()
    mine, theirs = make_lead(make_list(user.company)), make_lead(make_list(make_company()))
    selection = service.Selection((mine.id, theirs.id, 999_999_999))
    shown = service.preview("tag_add", {"tag": "x"}, selection, by=user)
    assert (shown.total, shown.change, shown.skipped) == (3, 1, {"missing": 2})
    row = service.run_bulk("tag_add", {"tag": "x"}, selection, seen=3, by=user, form_token="t")
    assert (row.done, row.skipped, row.counts["skipped"]) == (1, 2, {"missing": 2})
    db.session.refresh(theirs)
    assert theirs.tags == []


@pytest.mark.parametrize(
    ("action", "params"),
    [
        ("status", {"to": "zzz"}),
        ("status", {}),
        ("owner", {"owner": "999999"}),
        ("owner", {"owner": "9" * 40}),
        ("tag_add", {"tag": " ,; "}),
        ("zzz", {}),
    ],
)
def test_a_change_to_nothing_known_is_refused(db: SQLAlchemy, action: str, params: dict):
    user = make_user()
    with pytest.raises(service.BulkRefused):
        service.check_params(action, params, user)


def test_do_not_call_in_bulk_tells_the_hooks_and_has_no_undo(db: SQLAlchemy, monkeypatch):
    told: list[list[int]] = []
    monkeypatch.setattr(bulk, "dnc_hooks", [lambda ids, to, by, reason: told.append(list(ids))])
    monkeypatch.setattr(bulk, "move_hooks", [])
    user = make_user()
    leads = [make_lead(make_list(user.company)) for _ in range(2)]
    row = _run("status", {"to": "dnc"}, leads, user)
    assert told == [[lead.id for lead in leads]]
    with pytest.raises(service.BulkRefused, match="lifting"):
        service.undo_bulk(row.id, by=user)


def test_more_than_500_run_as_work_in_chunks_with_progress(client, db: SQLAlchemy, worker, monkeypatch):
    monkeypatch.setattr(bulk, "AT_ONCE", 5)
    monkeypatch.setattr(bulk, "CHUNK", 4)
    user = make_user(role="manager")
    lead_list = make_list(user.company)
    leads = [make_lead(lead_list, status="busy" if n % 3 else "sale") for n in range(18)]
    row = service.run_bulk(
        "status", {"to": "new"}, service.Selection(None, f"list={lead_list.id}"), seen=18, by=user, form_token="t"
    )
    assert row.state == "queued"
    sign_in(client, user)
    waiting = client.get(f"/bulk/{row.id}").text
    assert "hx-trigger=" in waiting
    assert client.htmx(f"/bulk/{row.id}/progress?v={row.version}").status_code == 204
    worker()
    db.session.refresh(row)
    assert (row.state, row.done, row.skipped) == ("done", 12, 6)
    rested = client.get(f"/bulk/{row.id}").text
    assert "hx-trigger=" not in rested
    assert f"skipped={row.id}.protected" in rested
    assert client.htmx(f"/bulk/{row.id}/progress?v=0").headers["HX-Redirect"].endswith(f"/bulk/{row.id}")
    client.post(f"/bulk/{row.id}/undo")
    worker()
    db.session.expire_all()
    assert {lead.status for lead in leads} == {"busy", "sale"}


def test_what_is_cancelled_keeps_what_was_done_and_can_be_undone(db: SQLAlchemy, client, monkeypatch):
    monkeypatch.setattr(bulk, "AT_ONCE", 0)
    user = make_user()
    leads = [make_lead(make_list(user.company))]
    row = _run("tag_add", {"tag": "x"}, leads, user)
    sign_in(client, user)
    assert client.post(f"/bulk/{row.id}/cancel").status_code == 303
    db.session.refresh(row)
    assert row.state == "cancelled"


def test_the_trail_names_the_bulk_change_and_how_to_undo_it(db: SQLAlchemy):
    user = make_user()
    row = _run("tag_add", {"tag": "x"}, [make_lead(make_list(user.company))], user)
    event = db.session.query(AuditEvent).filter_by(kind="bulk_tag_add").one()
    assert event.details["undo_url"] == f"/bulk/{row.id}/undo"
    assert (event.batch_id, event.user_id) == (row.batch_id, user.id)


def _hidden(page: str, form: str) -> dict[str, list[str]]:
    body = page.split(f'id="{form}"')[1].split("</form>")[0]
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', body):
        found.setdefault(name, []).append(value)
    return found


def test_the_whole_way_works_without_scripts(client, db: SQLAlchemy):
    user = make_user(role="manager")
    leads = [make_lead(make_list(user.company), status="busy") for _ in range(3)]
    sign_in(client, user)
    table = client.get("/leads?status=busy")
    assert 'name="ids"' in table.text
    chosen = {"ids": [leads[0].id, leads[1].id], "scope": "selected", "filter": "status=busy", "seen": 3}
    ask = client.post("/leads/bulk/status", data=chosen)
    assert ask.status_code == 200
    assert "bulk-run" not in ask.text
    shown = client.post("/leads/bulk/status", data=chosen | {"to": "failed"})
    assert "Change 2 leads" in shown.text
    done = client.post("/leads/bulk/status/run", data=_hidden(shown.text, "bulk-run"))
    assert done.status_code == 303
    result = client.get(done.location).text
    assert "Undo 2 changes" in result
    db.session.expire_all()
    assert [lead.status for lead in leads] == ["failed", "failed", "busy"]
    assert client.post(f"{done.location}/undo").status_code == 303
    db.session.expire_all()
    assert {lead.status for lead in leads} == {"busy"}


def test_all_matching_posts_the_filter_and_a_moved_count_shows_the_preview_again(client, db: SQLAlchemy):
    user = make_user()
    lead_list = make_list(user.company)
    make_lead(lead_list, status="busy")
    sign_in(client, user)
    everything = {"scope": "all", "filter": "status=busy", "seen": 1, "tag": "x"}
    shown = client.post("/leads/bulk/tag_add", data=everything)
    make_lead(lead_list, status="busy")
    again = client.post("/leads/bulk/tag_add/run", data=_hidden(shown.text, "bulk-run"))
    assert again.status_code == 409
    assert "You saw 1; now 2 match" in again.text
    assert db.session.query(BulkAction).count() == 0
    assert client.post("/leads/bulk/tag_add/run", data=_hidden(again.text, "bulk-run")).status_code == 303
    assert db.session.query(Lead).filter(Lead.tags.contains(["x"])).count() == 2
    assert "The number of leads moved" in client.post("/leads/bulk/tag_add", data=everything).text


def test_a_bulk_change_is_for_managers_and_behind_the_wall(client, db: SQLAlchemy):
    user, stranger = make_user(role="rep"), make_user()
    lead = make_lead(make_list(user.company))
    row = _run("tag_add", {"tag": "x"}, [lead], user)
    sign_in(client, user)
    assert client.post("/leads/bulk/status", data={"ids": [lead.id]}).status_code == 403
    assert "row-check" not in client.get("/leads").text
    client.post("/logout")
    sign_in(client, stranger)
    for path in ("", "/progress"):
        assert client.get(f"/bulk/{row.id}{path}").status_code == 404
    for path in ("cancel", "undo"):
        assert client.post(f"/bulk/{row.id}/{path}").status_code == 404
    for data in (
        {},
        {"ids": "x"},
        {"ids": "9" * 40, "seen": "x"},
        {"scope": "all", "filter": "%00=%00&&&", "seen": "-1"},
        {"to": "\x00"},
    ):
        assert client.post("/leads/bulk/status", data=data | {"to": "new"}).status_code in (200, 422)
        assert client.post("/leads/bulk/status/run", data=data | {"to": "new"}).status_code == 422
    assert client.post("/leads/bulk/zzz").status_code == 404
