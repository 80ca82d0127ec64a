"""The whole story in a real Chromium, with a real worker: from the first start to the printed report."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Callable
from typing import Any

import pypdfium2
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from tests.browser.steps import SAMPLES, press, sign_in, upload
from tests.factories import PASSWORD, make_call, make_company, make_user
from webapp.config import ROOT
from webapp.core.db import db as database
from webapp.demo.service import start_demo
from webapp.dialer.models import CallLog
from webapp.leads.models import Lead, LeadList

PDF_WITHIN = 30_000  # ms: the worker loads WeasyPrint for its first report


def set_up_workspace(page: Page) -> None:
    page.goto("/")
    page.wait_for_url("**/setup")
    page.get_by_label("Company", exact=True).fill("Northside Outreach")
    page.get_by_label("Your name").fill("Ana Admin")
    page.get_by_label("Email").fill("ana@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Create workspace")
    expect(page.get_by_role("heading", level=1)).to_have_text("Northside Outreach is ready")


def make_key(page: Page) -> str:
    page.goto("/settings/keys")
    page.get_by_role("link", name="Create key").first.click()
    page.get_by_label("Name").fill("Dialer")
    page.get_by_label("Write call results").check()
    page.get_by_role("button", name="Create key").click()
    return page.locator("#shown-value").inner_text()


def readme_event() -> dict[str, Any]:
    """The body that docs/api-curl.md tells people to send."""
    text = (ROOT / "docs" / "api-curl.md").read_text()
    body = re.search(r"-d '(\{.*?\})'", text, re.DOTALL)
    assert body
    return json.loads(body[1])


def post_event(server: str, key: str, event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(
        f"{server}/api/v1/calls/events",
        data=json.dumps(event).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.status, json.load(answer)


def lead_ids(number: int) -> list[int]:
    """Leads of the imported list with a phone, whose status is New, oldest first."""
    database.session.rollback()
    query = sa.select(Lead.id).where(Lead.phone.is_not(None), Lead.status == "new").order_by(Lead.id)
    return list(database.session.scalars(query.limit(number)))


def lose_count_of(ids: list[int]) -> None:
    """Calls that a careless dialer wrote past the API: they are logged, but nobody counted them."""
    for lead_id, result in zip(ids, ("no_answer", "no_answer", "busy", "failed", "dropped"), strict=True):
        make_call(database.session.get_one(Lead, lead_id), result)
    database.session.commit()


def pdf_text(path: Any) -> str:
    document = pypdfium2.PdfDocument(path)
    try:
        return "\n".join(page.get_textpage().get_text_range() for page in document)
    finally:
        document.close()


def count_leads(*names: str, list_id: int | None = None) -> int:
    """Leads of these statuses."""
    database.session.rollback()
    query = sa.select(sa.func.count()).select_from(Lead).where(Lead.status.in_(names))
    return database.session.scalar(query.where(Lead.list_id == list_id) if list_id else query) or 0


def test_from_the_first_start_to_the_printed_report(
    new_page: Callable[..., Page], live_server: Any, worker_process: Callable[..., Any], tmp_path: Any
) -> None:
    worker_process("interactive", "default", "exports")
    page = new_page(viewport={"width": 1280, "height": 900}, accept_downloads=True, reduced_motion="reduce")

    # The first admin; the next time the door asks for a password.
    set_up_workspace(page)
    page.get_by_role("link", name="Go to Today").click()
    page.get_by_role("button", name=re.compile("account menu")).click()
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, "ana@example.com")

    # A list, and a file for it.
    page.goto("/lists")
    page.get_by_role("link", name="Create your first list").click()
    page.get_by_label("Name").fill("Spring dealers")
    page.get_by_role("button", name="Create list").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Spring dealers")
    page.get_by_role("link", name="Import into list").first.click()
    expect(page.get_by_label("Into list")).to_have_value(re.compile(r"\d+"))
    upload(page, SAMPLES / "leads.csv")
    press(page, "Check every row")
    expect(page.get_by_text("200 rows checked. Nothing has been written yet.")).to_be_visible()
    assert count_leads("new") == 0
    press(page, "Import 188 leads")
    expect(page.get_by_role("row", name="All rows of the file 200")).to_be_visible()

    # The same people as a workbook: into a list of its own, where they are no duplicates.
    page.goto("/imports/new")
    upload(
        page,
        SAMPLES / "leads.xlsx",
        new_list="Autumn dealers",
        scope="This list: a lead is a duplicate when the list has its phone",
    )
    press(page, "Check every row")
    press(page, "Import 188 leads")
    expect(page.get_by_role("row", name="All rows of the file 200")).to_be_visible()
    database.session.rollback()
    spring, autumn = (
        database.session.scalars(sa.select(LeadList).where(LeadList.name == name)).one()
        for name in ("Spring dealers", "Autumn dealers")
    )
    assert database.session.scalar(sa.select(sa.func.count()).where(Lead.list_id == autumn.id)) == 188

    # The dialer's events, with a key from the page and the words of the manual.
    key = make_key(page)
    event = readme_event()
    status, answer = post_event(live_server.url, key, event)
    assert (status, answer["outcome"]) == (202, "quarantined"), "nobody knows this phone yet"
    first, *others = lead_ids(6)
    sent = {**event, "event_id": "e-2001", "call_id": "c-2001", "lead_id": first}
    sent["phone"] = database.session.get_one(Lead, first).phone
    status, answer = post_event(live_server.url, key, sent)
    assert (status, answer["outcome"], answer["lead_id"]) == (200, "applied", first)
    assert post_event(live_server.url, key, sent)[1]["outcome"] == "duplicate"
    page.goto(f"/leads/{first}")
    expect(page.locator(f"#lead-{first}-status")).to_contain_text("No Answer")
    page.goto("/calls/quarantine")
    expect(page.locator("#quarantine-region")).to_contain_text("e-1001")

    # The red alert of the list, its button, what it will do, and what it did.
    tried = ("no_answer", "busy", "failed")
    before = count_leads(*tried, list_id=spring.id)
    lose_count_of(others)
    page.goto(f"/lists/{spring.id}/recycle")
    expect(page.locator("#problem-alert")).to_contain_text("5 calls without tracking")
    page.get_by_role("link", name="Fix 5 problematic leads…").click()
    expect(page.locator("#fix-rows tbody tr")).to_have_count(5)
    page.get_by_role("button", name="Fix 5 leads").click()
    page.wait_for_url("**/repairs/*")
    expect(page.get_by_role("row", name=re.compile("^Calls without tracking 5 0$"))).to_be_visible()
    expect(page.locator("#became")).to_contain_text("No Answer")
    found = count_leads(*tried, list_id=spring.id)
    assert found == before + 4, "the fifth was dropped"
    page.goto(f"/lists/{spring.id}/recycle")
    expect(page.locator("#problem-alert")).to_have_count(0)

    # Three statuses become New; the preview is the run; and back.
    for name in ("No Answer", "Busy", "Failed"):
        page.get_by_label(f"Choose {name}").check()
    press(page, "Preview recycling")
    expect(page.locator("#preview-card")).to_contain_text(f"{found} leads will be recycled")
    page.get_by_role("button", name=f"Recycle {found} leads").click()
    page.wait_for_url("**/recycle-batches/*")
    expect(page.locator("#batch-result")).to_contain_text("the run did exactly what its preview said")
    assert count_leads(*tried, list_id=spring.id) == 0
    page.get_by_role("button", name="Undo this run").click()
    page.wait_for_url("**/undos/*")
    expect(page.locator(".stat", has_text="Put back")).to_contain_text(str(found))
    assert count_leads(*tried, list_id=spring.id) == found

    # The report, on the page and on paper.
    page.goto(f"/lists/{spring.id}/status-report")
    expect(page.locator(".stat", has_text="Total leads")).to_contain_text("188")
    dials = page.locator(".stat", has_text="answered").locator(".stat-value").inner_text()
    assert dials == str(database.session.scalar(sa.select(sa.func.count(CallLog.id)))) == "6"
    page.get_by_role("button", name="Download PDF").click()
    link = page.get_by_role("link", name="Download status-report", exact=False)
    expect(link).to_be_visible(timeout=PDF_WITHIN)
    with page.expect_download() as download:
        link.click()
    path = tmp_path / "report.pdf"
    download.value.save_as(path)
    assert path.read_bytes().startswith(b"%PDF-")
    words = " ".join(pdf_text(path).split())
    assert "Spring dealers" in words
    assert re.search(r"Total leads\W*188\b", words), words[:800]
    assert re.search(rf"No Answer {count_leads('no_answer', list_id=spring.id)} ", words), words[:1500]


def test_demo_data_is_loaded_before_ones_eyes_and_goes_in_one_click(
    new_page: Callable[..., Page], worker_process: Callable[..., Any]
) -> None:
    worker_process("interactive", "default")
    user = make_user(make_company("Northside"), email="ana@example.com")
    page = new_page()
    sign_in(page, "ana@example.com")
    page.goto("/demo")
    expect(page.get_by_role("button", name="Load demo data")).to_be_visible()
    start_demo(user.company, by=user, scale=0.02)
    page.goto("/demo")
    page.get_by_role("link", name="Open Today").click(timeout=30_000)
    expect(page.locator("#problem-alert")).to_contain_text("problematic leads")
    expect(page.get_by_text("Demo data", exact=True).first).to_be_visible()
    page.get_by_role("link", name="See and fix them").click()
    expect(page.get_by_role("link", name=re.compile(r"^Fix \d+ leads…"))).to_be_visible()
    page.goto("/demo")
    page.get_by_role("link", name="Remove demo data").click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("^Remove 500 leads")).click()
    expect(page.get_by_text("The demo data is gone")).to_be_visible(timeout=30_000)
    assert count_leads("new", "no_answer", "contacted") == 0
