"""Mapping, confirming, resuming, undoing, and the walls around it."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import make_call, make_company, make_lead, make_list, make_user, sign_in
from tests.harness.client import Client
from tests.imports.support import (
    bring,
    check,
    columns_of,
    confirm,
    error_rows,
    import_all,
    newest,
    outcomes,
    signed_in,
    text_of,
    upload,
)  # fmt: skip
from webapp.core.audit import StatusChange
from webapp.core.db import db
from webapp.core.work import LeaseLost
from webapp.imports import lead_work, service
from webapp.imports.models import Import, ImportRow
from webapp.leads.models import Lead, LeadChange, LeadList

THREE = "Phone,Name,City\n212-555-0101,Ann One,Albany\n212-555-0102,Bob Two,Buffalo\n212-555-0103,Cay Three,Croton\n"


def leads() -> list[Lead]:
    db.session.expire_all()
    return list(db.session.scalars(sa.select(Lead).order_by(Lead.phone)))


def test_headers_of_usual_exports_are_recognised() -> None:
    from webapp.imports.tables import suggest_columns

    exports = {
        "HubSpot": ("Record ID,First Name,Last Name,Phone Number,Email,Company name,Contact owner,Lead Status,City,State/Region,Postal Code,Time Zone",
                    {1: "first_name", 2: "last_name", 3: "phone", 4: "email", 5: "business", 6: "owner", 7: "status", 8: "city",
                     9: "state", 10: "postal_code", 11: "zone"}),
        "Salesforce": ("Lead Source,First Name,Last Name,Title,Company,Mailing City,Mailing State/Province,Mailing Zip/Postal Code,Phone,Mobile,Email",
                       {0: "source", 1: "first_name", 2: "last_name", 3: "title", 4: "business", 5: "city", 6: "state",
                        7: "postal_code", 8: "phone", 9: "custom:mobile", 10: "email"}),
        "Pipedrive": ("Person - Name,Person - Phone,Person - Email - Work,Organization - Name,Person - Label",
                      {0: "full_name", 1: "phone", 2: "email", 3: "business", 4: "tags"}),
        "VICIdial": ("lead_id,status,vendor_lead_code,phone_code,phone_number,title,first_name,last_name,city,state,postal_code,email,called_count",
                     {1: "status", 3: "phone_code", 4: "phone", 6: "first_name", 7: "last_name", 8: "city", 9: "state",
                      10: "postal_code", 11: "email"}),
        "GoHighLevel": ("Contact Id,First Name,Last Name,Business Name,Phone,Email,Tags",
                        {1: "first_name", 2: "last_name", 3: "business", 4: "phone", 5: "email", 6: "tags"}),
        "Mailchimp": ("Email Address,First Name,Last Name,Phone Number,TAGS", {0: "email", 1: "first_name", 2: "last_name", 3: "phone", 4: "tags"}),
        "Ours": ("LinkedIn URL,Lead Status,Ext.,Zip Code", {0: "linkedin_url", 1: "status", 2: "extension", 3: "postal_code"}),
        "Apollo": ("First Name,Last Name,Title,Company Name,Email,Work Direct Phone,Corporate Phone,Person Linkedin Url,Website",
                   {0: "first_name", 1: "last_name", 2: "title", 3: "business", 4: "email", 7: "linkedin_url", 8: "website"}),
    }  # fmt: skip
    for name, (headers, want) in exports.items():
        found = suggest_columns(headers.split(","), "leads")
        assert {index: found.get(str(index)) for index in want} == want, name
    assert "phone" in suggest_columns(exports["Apollo"][0].split(","), "leads").values()
    log = suggest_columns(
        "uniqueid,call_date,phone_number_dialed,status,user,full_name,length_in_sec".split(","), "calls"
    )
    assert log == {"0": "call_id", "1": "started_at", "2": "phone", "3": "call_status", "5": "agent", "6": "duration"}


def test_a_mapping_is_kept_by_name_and_applied_to_the_same_headers(client: Client, worker: Any) -> None:
    signed_in(client)
    row = bring(client, worker, "Telefono,Quien\n212-555-0101,Ann\n")
    check(client, worker, row, **{"column-0": "phone", "column-1": "full_name"}, keep_as="Our tool")
    again = bring(client, worker, "quien,TELEFONO\nBob,212-555-0102\n")
    assert (again.columns, again.options["mapping"]) == ({"0": "full_name", "1": "phone"}, "Our tool")
    assert "Our tool" in text_of(client.get(f"/imports/{again.id}").text)
    check(client, worker, again, **{"column-0": "business", "column-1": "phone"}, keep_as="our TOOL")
    assert bring(client, worker, "Telefono,Quien\n212-555-0103,Cay\n").columns == {"0": "phone", "1": "business"}


def test_a_mapping_without_a_phone_is_refused_and_keeps_what_was_chosen(client: Client, worker: Any) -> None:
    signed_in(client)
    row = bring(client, worker, THREE)
    answer = client.post(f"/imports/{row.id}/mapping", data={"column-0": "business", "column-1": "city"})
    assert answer.status_code == 422
    assert "Choose the column with the phone" in answer.text
    assert '<option value="business" selected>' in answer.text


def test_two_clicks_on_upload_and_on_confirm_make_one_import_and_one_run(client: Client, worker: Any) -> None:
    signed_in(client)
    for _ in range(2):
        assert upload(client, THREE, form_token="the same form").status_code == 303
    assert db.session.scalar(sa.select(sa.func.count(Import.id))) == 1
    row = check(client, worker, newest())
    for _ in range(2):
        assert client.post(f"/imports/{row.id}/confirmation").status_code == 303
    assert len(worker()) == 1
    assert client.post(f"/imports/{row.id}/confirmation").status_code == 303
    assert worker() == []
    assert len(leads()) == 3


def test_a_killed_chunk_leaves_nothing_and_the_run_goes_on_exactly_once(
    client: Client, worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_in(client)
    monkeypatch.setattr(lead_work, "CHUNK", 10)
    lines = "".join(f"212-555-{n:04},Lead {n}\n" for n in range(100, 145)) + "2125550101,again\n"
    row = check(client, worker, bring(client, worker, "Phone,Name\n" + lines))
    client.post(f"/imports/{row.id}/confirmation")
    step, calls = lead_work.step, []

    def dying(*args: Any, **kwargs: Any) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise LeaseLost("killed")
        step(*args, **kwargs)

    monkeypatch.setattr(lead_work, "step", dying)
    worker()
    db.session.refresh(row)
    assert (row.state, row.position, len(leads())) == ("running", 21, 20)
    # The lease runs out, the sweep would queue it: the next claim goes on behind line 21.
    db.session.execute(sa.update(Import).values(lease_until=sa.func.clock_timestamp() - sa.text("interval '1 second'")))
    db.session.commit()
    service.perform_run(row.id)
    db.session.refresh(row)
    assert (row.state, row.stage, row.result["counts"]) == ("done", "imported", {"new": 45, "duplicate_in_file": 1})
    assert (len(leads()), len(outcomes(row)), row.done + row.skipped + row.failed) == (45, 46, 46)
    assert outcomes(row)[47] == ("duplicate_in_file", "same phone as line 3")
    ledger = db.session.scalar(sa.select(sa.func.count(StatusChange.id)).where(StatusChange.batch_id == row.batch_id))
    assert ledger == 45


def test_a_cancelled_run_says_where_it_stopped_and_can_go_on(
    client: Client, worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_in(client)
    monkeypatch.setattr(lead_work, "CHUNK", 1)
    row = check(client, worker, bring(client, worker, THREE))
    client.post(f"/imports/{row.id}/confirmation")
    step = lead_work.step

    def cancelling(work: Import, **kwargs: Any) -> None:
        step(work, **kwargs)
        db.session.execute(sa.update(Import).values(cancel_requested_at=sa.func.clock_timestamp()))

    monkeypatch.setattr(lead_work, "step", cancelling)
    worker()
    monkeypatch.setattr(lead_work, "step", step)
    db.session.refresh(row)
    assert (row.state, len(leads())) == ("cancelled", 1)
    assert "at 1 of 3 rows" in text_of(client.get(f"/imports/{row.id}").text)
    client.post(f"/imports/{row.id}/continuation")
    worker()
    db.session.refresh(row)
    assert (row.state, row.stage, len(leads())) == ("done", "imported", 3)


def test_leads_that_are_there_are_updated_with_what_the_file_says(client: Client, worker: Any) -> None:
    user = signed_in(client)
    target = make_list(user.company)
    make_lead(
        target, phone="+12125550101", first_name="Old", last_name="Name", city="", tags=["vip"], custom={"a": "1"}
    )
    make_lead(target, phone="+12125550102", first_name="", last_name="", status="sale", city="Rome")
    content = (
        "Phone,First Name,Last Name,City,Tags,Status,Seats\n212-555-0101,Ann,,Albany,VIP; hot,Busy,7\n"
        "212-555-0102,Bob,Two,Buffalo,,Busy,\n212-555-0101,Twice,,,,,\n"
    )
    row = import_all(client, worker, content, list_id=target.id, duplicates="update")
    assert row.result["counts"] == {"update": 2, "duplicate_in_file": 1}
    ann, bob = leads()
    assert (ann.first_name, ann.last_name, ann.city, ann.tags) == ("Ann", "Name", "Albany", ["vip", "hot"])
    assert (ann.custom, ann.status, ann.anchor_status) == ({"a": "1", "seats": "7"}, "busy", "busy")
    assert ann.last_status_change is not None
    assert (bob.first_name, bob.city, bob.status) == ("Bob", "Buffalo", "sale")
    assert "protected" in outcomes(row)[3][1]
    change = db.session.scalars(sa.select(LeadChange).where(LeadChange.lead_id == ann.id)).one()
    assert (change.cause, change.before["city"], change.after["city"]) == ("import", "", "Albany")
    client.post(f"/imports/{row.id}/undo")
    worker()
    db.session.refresh(row)
    assert row.result["undo"] == {"removed": 0, "restored": 2, "kept": 0}
    ann, bob = leads()
    assert (ann.first_name, ann.city, ann.tags, ann.custom, ann.status) == ("Old", "", ["vip"], {"a": "1"}, "new")
    assert (ann.last_status_change, bob.city) == (None, "Rome")


def test_filling_leaves_what_is_there(client: Client, worker: Any) -> None:
    user = signed_in(client)
    target = make_list(user.company)
    make_lead(target, phone="+12125550101", first_name="Old", city="")
    import_all(
        client,
        worker,
        "Phone,First Name,City,Status\n2125550101,Ann,Albany,Busy\n",
        list_id=target.id,
        duplicates="fill",
    )
    (ann,) = leads()
    assert (ann.first_name, ann.city, ann.status) == ("Old", "Albany", "new")


def test_undo_keeps_leads_that_something_has_come_of(client: Client, worker: Any) -> None:
    signed_in(client)
    row = import_all(client, worker, THREE)
    ann, bob, _cay = leads()
    make_call(ann)
    db.session.execute(sa.update(Lead).where(Lead.id == bob.id).values(logged_contacts=1))
    db.session.commit()
    client.post(f"/imports/{row.id}/undo")
    worker()
    db.session.refresh(row)
    assert (row.stage, row.result["undo"]) == ("undone", {"removed": 1, "restored": 0, "kept": 2})
    assert [lead.id for lead in leads()] == [ann.id, bob.id]
    page = text_of(client.get(f"/imports/{row.id}/rows?kept=1").text)
    assert "kept: has calls" in page
    assert "kept: was contacted" in page
    assert client.post(f"/imports/{row.id}/undo").status_code == 303
    assert worker() == []


def test_the_file_of_refused_rows_can_be_corrected_and_imported(client: Client, worker: Any) -> None:
    signed_in(client)
    row = import_all(client, worker, "Phone,Name\n5550105,=cmd()\n,Bob\n212-555-0103,Cay\n")
    head, first, second = error_rows(client, row)
    assert head == ["Phone", "Name", "Rebound line", "Rebound outcome", "Rebound reason"]
    assert first == ["5550105", "'=cmd()", "2", "Invalid", "phone: invalid length"]
    content = client.get(f"/imports/{row.id}/errors.csv").get_data().replace(b'"5550105"', b'"212 555 0105"')
    again = bring(client, worker, content, "refused.csv", new_list="second")
    assert again.columns == {"0": "phone", "1": "full_name"}
    again = confirm(client, worker, check(client, worker, again))
    assert again.result["counts"] == {"new": 1, "missing": 1}
    assert second[1] == "Bob"
    assert {lead.first_name for lead in leads()} == {"Cay", "=cmd()"}


def test_another_companys_import_is_not_there(client: Client, worker: Any, app: Any) -> None:
    signed_in(client)
    row = import_all(client, worker, "Phone,Name\n5550105,Ann\n212-555-0103,Cay\n")
    stranger = app.test_client()
    sign_in(stranger, make_user(make_company(), role="admin"))
    for path in ("", "/progress", "/errors.csv", "/rows?outcome=new"):
        assert stranger.get(f"/imports/{row.id}{path}").status_code == 404
    for path in ("reading", "mapping", "confirmation", "cancellation", "continuation", "undo", "removal"):
        assert stranger.post(f"/imports/{row.id}/{path}").status_code == 404
    foreign = make_list(make_company(), name="Foreign")
    assert upload(client, THREE, list_id=foreign.id).status_code == 422
    assert "Foreign" not in client.get("/imports/new").text


def test_duplicates_are_never_looked_for_in_another_company(client: Client, worker: Any) -> None:
    signed_in(client)
    make_lead(make_list(make_company()), phone="+12125550101")
    assert import_all(client, worker, THREE, scope="company").result["counts"] == {"new": 3}


def test_reps_see_the_history_and_cannot_import(client: Client) -> None:
    signed_in(client, role="rep")
    assert client.get("/imports").status_code == 200
    assert client.get("/imports/new").status_code == 403
    assert upload(client, THREE).status_code == 403


def test_a_new_list_is_made_at_the_confirmation_and_not_before(client: Client, worker: Any) -> None:
    user = signed_in(client)
    row = check(client, worker, bring(client, worker, THREE, new_list="June"))
    assert db.session.scalar(sa.select(sa.func.count(LeadList.id))) == 0
    row = confirm(client, worker, row)
    assert db.session.get_one(LeadList, row.list_id).name == "June"
    assert upload(client, THREE, new_list="JUNE").status_code == 422
    assert user.company_id == row.company_id


def test_an_unwanted_file_can_be_discarded_until_it_is_imported(client: Client, worker: Any) -> None:
    signed_in(client)
    unwanted = bring(client, worker, THREE).id
    assert client.post(f"/imports/{unwanted}/removal").status_code == 303
    assert client.get(f"/imports/{unwanted}").status_code == 404
    done = import_all(client, worker, THREE)
    client.post(f"/imports/{done.id}/removal")
    assert client.get(f"/imports/{done.id}").status_code == 200


def test_rows_without_a_phone_can_be_taken_by_their_email(client: Client, worker: Any) -> None:
    signed_in(client)
    content = "Phone,Email\n,ann@example.com\n,\n212-555-0102,bob@example.com\n,BOB@example.com\n"
    row = import_all(client, worker, content, without_phone="y")
    assert row.result["counts"] == {"new": 2, "duplicate_in_file": 1, "missing": 1}
    assert (
        import_all(client, worker, content, list_id=row.list_id, without_phone="y").result["counts"].get("new") is None
    )


def test_progress_answers_nothing_new_and_then_the_whole_page(client: Client, worker: Any) -> None:
    signed_in(client)
    row = bring(client, worker, THREE)
    client.post(f"/imports/{row.id}/mapping", data=columns_of(row))
    row = newest()
    assert client.htmx(f"/imports/{row.id}/progress?v={row.version}").status_code == 204
    assert "progress" in client.htmx(f"/imports/{row.id}/progress").text
    worker()
    assert client.htmx(f"/imports/{row.id}/progress?v={row.version}").headers["HX-Redirect"] == f"/imports/{row.id}"


def test_the_samples_show_every_fate_of_a_row(client: Client, worker: Any) -> None:
    from webapp.config import ROOT

    signed_in(client)
    for name in ("leads.csv", "leads.xlsx"):
        row = check(
            client, worker, bring(client, worker, (ROOT / "static/samples" / name).read_bytes(), name, new_list=name)
        )
        assert row.checked["counts"] == {"new": 188, "duplicate_in_file": 4, "invalid": 4, "missing": 2, "dnc": 2}
    assert db.session.scalar(sa.select(sa.func.count()).select_from(ImportRow)) == 0
