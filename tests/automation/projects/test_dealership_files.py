"""Dealerships of a file: its columns, what each row comes to, and the run that does what its preview said."""

from __future__ import annotations

import csv
import io
from io import BytesIO
from typing import Any

import pytest
import sqlalchemy as sa

from tests.automation.projects.support import count
from tests.factories import make_company, make_dealership, make_lead, make_list, make_project, make_user
from webapp.accounts.models import User
from webapp.automation.dealership_rows import Row, parse_row, suggest_columns
from webapp.automation.models import Dealership, ProjectDealership
from webapp.automation.service import dealership_files as files
from webapp.automation.service.dealership_files import FileRefused, Upload
from webapp.automation.websites import read_website
from webapp.core.audit import StatusChange
from webapp.core.db import db as database
from webapp.core.storage import get_storage
from webapp.leads.models import Lead
from webapp.timeline.models import DncEntry

HEAD = "name,website,contact_url,address,city,state,postal_code,latitude,longitude,phone,email\n"


def keep(text: str | bytes, by: User, token: str = "t", **choices: Any) -> Upload:
    raw = text.encode() if isinstance(text, str) else text
    wanted = Upload(token=token, filename="dealers.csv", storage_key="", **choices)
    return files.keep_upload(BytesIO(raw), wanted, by=by)


def row_of(line: str) -> Row:
    headers = HEAD.strip().split(",")
    return parse_row(2, next(csv.reader([line])), suggest_columns(headers), headers, "US")


def test_usual_headers_are_known_and_unknown_ones_left_alone() -> None:
    headers = [
        "Dealer Name",
        "URL",
        "Zip Code",
        "Lat",
        "Lng",
        "Main Phone",
        "E-Mail",
        "Contact Page",
        "Street Address",
        "Colour",
        "Website",
    ]
    assert suggest_columns(headers) == {
        "0": "name", "2": "postal_code", "3": "latitude", "4": "longitude", "5": "phone", "6": "email", "7": "contact_url", "8": "address",
        "10": "website",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("A,,,,,,,,,,", "no website"),
        ("A,not a site,,,,,,,,,", "website: "),
        ("A,a.example,javascript:x,,,,,,,,", "website: "),
        ("A,a.example,,,,,,39.9,,,", "one coordinate"),
        ("A,a.example,,,,,,north,west,,", "coordinates"),
        ("A,a.example,,,,,,nan,nan,,", "coordinates"),
        ("A,a.example,,,,,,91,0,,", "coordinates"),
        ("A,a.example,,,,,,,,12,", "phone: "),
        ("A,a.example,,,,,,,,,nobody", "email: "),
        ("A\x00,a.example,,,,,,,,,", "NUL"),
        ("A,a.example,,,,,,,,,,surplus", "cells"),
        ("A" * 501 + ",a.example,,,,,,,,,", "longer than"),
    ],
)
def test_a_row_that_cannot_be_taken_says_why(line: str, reason: str) -> None:
    row = row_of(line)
    assert row.outcome == "refused"
    assert reason in row.reason


def test_a_row_is_placed_by_its_coordinates_else_its_postal_code_else_not_at_all() -> None:
    own, by_zip, nothing, zero = (
        row_of(f"A,a.example,,,,,{rest},,") for rest in ("45202,40.1,-83.1", "2139,,", "XX,,", ",0,0")
    )  # fmt: skip
    assert (own.lat, own.lng, own.placed_by) == (40.1, -83.1, "own")
    assert (by_zip.postal_code, by_zip.placed_by) == ("02139", "postal_code")
    assert (nothing.placed_by, zero.placed_by) == (None, None)
    assert row_of(",a.example,,,,,,,,,").name == "a.example"


def test_the_preview_writes_nothing_and_the_run_does_what_it_said(manager: User) -> None:
    leads, project = make_list(manager.company), make_project(manager.company)
    by_host = make_lead(leads, website="http://www.hostmatch.example/x", phone=None)
    by_phone = make_lead(leads, phone="+16145550142")
    by_mail = make_lead(leads, email="Sales@Mail.example", phone=None)
    make_lead(make_list(manager.company), website="elsewhere.example")  # another list's
    known = make_dealership(make_list(manager.company), website="https://known.example/")
    database.session.add(DncEntry(company_id=manager.company_id, kind="domain", value="blocked.example"))
    database.session.commit()
    text = HEAD + "\n".join([
        "Host,hostmatch.example,,,,,43215,,,,", "Phone,phone.example,,,,,,40,-83,(614) 555-0142,", "Mail,mail.example,,,,,,,,,sales@mail.example",
        "Elsewhere,elsewhere.example,/contact,1 Main St,Columbus,Ohio,43215,,,,", "Known,www.known.example,,,,,,,,,",
        "Blocked,blocked.example,,,,,,,,,", "Twin,https://www.phone.example/again,,,,,,,,,", "Bad,,,,,,,,,,",
    ])  # fmt: skip
    upload = keep(text, manager, list_id=leads.id, project_id=project.id)
    before = (count(Lead), count(Dealership), count(StatusChange))
    judged, rows = files.judge(upload, by=manager)
    assert judged.counts == {"new": 4, "known": 1, "dnc": 1, "twin": 1, "refused": 1}
    assert (judged.with_lead, judged.unplaced, judged.not_taken) == (3, 1, 3)
    assert (count(Lead), count(Dealership), count(StatusChange)) == before
    done = files.perform(upload, by=manager)
    assert done.result == {
        "new": 4, "leads": 1, "known": 1, "twin": 1, "dnc": 1, "refused": 1, "unplaced": 1, "added": 5, "list_id": leads.id,
    }  # fmt: skip
    found = {d.name: d for d in database.session.scalars(sa.select(Dealership))}
    assert [found[name].lead_id for name in ("Host", "Phone", "Mail")] == [by_host.id, by_phone.id, by_mail.id]
    lead = database.session.get_one(Lead, found["Elsewhere"].lead_id)
    assert (lead.list_id, lead.status, lead.zone, lead.website, lead.business) == (
        leads.id, "new", "America/New_York", "https://elsewhere.example/", "Elsewhere",
    )  # fmt: skip
    ledger = database.session.scalars(
        sa.select(StatusChange).where(StatusChange.machine == "lead", StatusChange.subject_id == lead.id)
    ).one()
    assert (ledger.old_status, ledger.new_status, ledger.cause, ledger.user_id) == (None, "new", "import", manager.id)
    assert found["Elsewhere"].contact_url == "https://elsewhere.example/contact"
    members = set(database.session.scalars(sa.select(ProjectDealership.dealership_id)))
    assert members == {known.id, *(found[name].id for name in ("Host", "Phone", "Mail", "Elsewhere"))}
    refused = list(csv.reader(io.StringIO("".join(files.write_refused(upload, rows)))))
    assert [(line[0], line[1]) for line in refused[1:]] == [
        ("7", "its domain is on the do-not-contact list"), ("8", "same website as line 3"), ("9", "no website"),
    ]  # fmt: skip


def test_a_file_that_ran_runs_no_second_time_and_sent_again_finds_everything_known(manager: User) -> None:
    leads = make_list(manager.company)
    text = HEAD + "A,a.example,,,,,43215,,,,\nB,b.example,,,,,43215,,,,\n"
    upload = keep(text, manager, list_id=leads.id)
    first = files.perform(upload, by=manager)
    found = files.find_upload("t", manager)
    assert found is not None
    assert files.perform(found, by=manager).result == first.result
    again = files.perform(keep(text, manager, token="u", list_id=leads.id), by=manager)
    assert (again.result["new"], again.result["known"], again.result["leads"]) == (0, 2, 0)
    assert count(Lead) == count(Dealership) == 2
    assert files.find_upload("t", make_user(make_company(), "manager")) is None


def test_two_rows_never_share_a_lead(manager: User) -> None:
    leads = make_list(manager.company)
    lead = make_lead(leads, phone="+16145550142")
    text = HEAD + "A,a.example,,,,,,,,(614) 555-0142,\nB,b.example,,,,,,,,(614) 555-0142,\n"
    files.perform(keep(text, manager, list_id=leads.id), by=manager)
    owners = database.session.scalars(sa.select(Dealership.lead_id).order_by(Dealership.name)).all()
    assert owners[0] == lead.id
    assert owners[1] != lead.id


def test_rows_that_share_a_website_are_taken_where_that_is_asked_for_and_once_each(manager: User) -> None:
    text = (
        HEAD
        + "North,group.example,,,,,43215,,,,\nSouth,group.example,,,,,43215,,,,\nSouth,group.example,,,,,43215,,,,\n"
    )
    upload = files.choose(
        keep(text, manager, new_list="Groups"), suggest_columns(HEAD.strip().split(",")), twins=True, by=manager
    )
    done = files.perform(upload, by=manager)
    assert (done.result["new"], done.result["twin"]) == (2, 1)
    again = files.choose(
        keep(text, manager, token="u", list_id=done.result["list_id"]), upload.columns, twins=True, by=manager
    )
    assert files.judge(again, by=manager)[0].counts == {"known": 2, "twin": 1}


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "empty"), (b"%PDF-1.4 x", "PDF"), (b"name,website\n", "no rows"), (b'name,website\n"A,a.example\n', "quote"),
        (b"PK\x03\x04broken", "damaged"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_table_is_refused_and_not_kept(manager: User, raw: bytes, why: str) -> None:
    before = set(get_storage().keys())
    with pytest.raises(FileRefused, match=why):
        keep(raw, manager)
    assert set(get_storage().keys()) == before
    assert files.find_upload("t", manager) is None


def test_more_rows_than_one_request_takes_are_sent_to_the_leads_import(manager: User, monkeypatch: Any) -> None:
    monkeypatch.setattr(files, "MOST_ROWS", 3)
    assert keep(HEAD + "A,a.example,,,,,,,,,\n" * 3, manager).headers[0] == "name"
    with pytest.raises(FileRefused, match="as leads first"):
        keep(HEAD + "A,a.example,,,,,,,,,\n" * 4, manager, token="u")


def test_a_workbook_is_read_like_a_file_of_text(manager: User) -> None:
    import xlsxwriter

    book = BytesIO()
    with xlsxwriter.Workbook(book) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, ["Dealership", "Website", "ZIP", "Phone"])
        sheet.write_row(1, 0, ["City", "city.example", 2139, "(212) 555-0123"])
    upload = keep(book.getvalue(), manager, new_list="Book")
    files.perform(upload, by=manager)
    row = database.session.scalars(sa.select(Dealership)).one()
    assert (row.name, row.postal_code, row.placed_by) == ("City", "02139", "postal_code")


def test_chunks_are_of_one_mind_with_the_whole(manager: User, monkeypatch: Any) -> None:
    monkeypatch.setattr(files, "CHUNK", 3)
    leads = make_list(manager.company)
    text = HEAD + "".join(f"D{n},d{n % 9}.example,,,,,43215,,,,\n" for n in range(11))
    upload = keep(text, manager, list_id=leads.id, project_id=make_project(manager.company).id)
    judged, _ = files.judge(upload, by=manager)
    done = files.perform(upload, by=manager)
    assert (judged.counts, done.result["new"], done.result["added"]) == ({"new": 9, "twin": 2}, 9, 9)


def test_the_demos_own_file_comes_in_whole(manager: User) -> None:
    from demo_sites.dealers_index import csv_text
    from demo_sites.server import SiteServer

    with SiteServer() as server:
        text = csv_text(server)
    lines = list(csv.DictReader(io.StringIO(text)))
    upload = keep(text, manager, new_list="Demo", project_id=make_project(manager.company, radius_miles=12_000).id)
    judged, _ = files.judge(upload, by=manager)
    assert judged.refused == []
    done = files.perform(upload, by=manager)
    assert (done.result["new"], done.result["added"]) == (len(lines), len(lines))
    hosts = set(database.session.scalars(sa.select(Dealership.host)))
    assert hosts == {read_website(line["website"]).host for line in lines}
