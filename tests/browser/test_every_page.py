"""Every page there is, found in the table of routes: accessible in both themes, silent, and inside its window."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from flask import Flask
from playwright.sync_api import Page, expect

from tests.browser.steps import SAMPLES, press, sign_in
from tests.browser.world import World, make_world
from tests.factories import make_company, make_user
from tests.harness.client import Client
from tests.harness.web import AXE, CONTRAST, find_violations
from tests.harness.workers import JobRunner

# Answers that are no page: files, parts that poll, and addresses that lead on to another.
NO_PAGE = {
    "accounts.activity_csv", "accounts.settings", "accounts.setup", "automation.check_dealerships", "automation.evidence",
    "automation.run_live", "automation.refused_dealerships", "api.openapi", "demo.progress", "health.healthz",
    "health.metrics", "health.readyz", "home.running", "imports.errors", "imports.progress", "leads.bulk_progress",
    # these two want a query, see MORE
    "imports.rows", "recycling.recycle_preview",
    "timeline.merge_leads", "timeline.contact_file",
    "leads.export_csv", "notifications.show", "reports.download", "static",
}  # fmt: skip
# Pages of a link in a mail, for people who are not signed in: tests/accounts looks at them.
BY_MAIL = {"accounts.invitation", "accounts.reset"}
SIGNED_OUT = {"accounts.login", "accounts.forgot"}
# Pages that ask for more than their address, or look otherwise with it.
MORE = (
    "/leads?status=busy&status=no_answer&sort=-dialed", "/leads?q=nobody-has-this-name", "/imports/new?kind=calls",
    "/lists/{list_id}/recycle/preview?statuses=busy&statuses=failed&target=new", "/problems/fix?list={list_id}",
    "/duplicates?kind=email", "/duplicates/merge?ids={lead_id}&ids={twin_id}",
    "/leads?cols=contacted&cols=contacted_by&cols=method&cols=contacts&cols=responded&cols=follow_up&free=email&sort=-contacted",
    "/projects/{project_id}?status=failed&sort=-last", "/projects?archived=1", "/dealerships?placed=own&twins=yes", "/dealerships/from-leads?list={list_id}",
    "/problems/count_without_log", "/imports/{import_id}/rows?outcome=invalid", "/calls?status=busy", "/dnc?show=lifted", "/activity?kind=never", "/activity?kind=signed_in", "/nowhere",
    *(f"/projects/{{project_id}}/reports/{kind}?dry=1" for kind in ("results", "performance", "compliance", "debug")),
)  # fmt: skip
TITLE = re.compile(r"^(Error: )?(\(\d[\d\u202f]*\) )?\S.* · Rebound$")
WIDTHS = (390, 320)


def paths(app: Flask, values: dict[str, Any], *, only_bare: bool = False) -> list[str]:
    """Addresses of all pages; fails for a route whose argument the world has no row for."""
    found = []
    adapter = app.url_map.bind("localhost")
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if "GET" not in (rule.methods or ()) or rule.endpoint in NO_PAGE | BY_MAIL | SIGNED_OUT:
            continue
        if rule.rule.startswith(("/api/v1", "/gallery", "/static")) or (only_bare and rule.arguments):
            continue
        unknown = rule.arguments - values.keys()
        assert not unknown, f"tests/browser/world.py makes no {unknown} for {rule.rule}"
        found.append(adapter.build(rule.endpoint, {name: values[name] for name in rule.arguments}))
    return found


@pytest.fixture
def world(client: Client, worker: JobRunner) -> World:
    return make_world(client, worker)


class Look:
    """Looks at pages and remembers what is wrong, so that one run tells all of it."""

    def __init__(self, page: Page) -> None:
        self.page, self.wrong = page, []
        self.shell_seen = False  # what stands around `main` looks the same on every page
        page.add_init_script(path=AXE_FILE_PATH)

    def at(self, path: str, *, colours: bool = True) -> None:
        answer = self.page.goto(path)
        if answer is None or (answer.status >= 400 and path != "/nowhere"):
            self.wrong.append(f"{path}: {answer.status if answer else 'no answer'}")
            return
        part = self.page.request.get(path, headers={"HX-Request": "true"}, max_redirects=0)
        if part.status >= 500:
            self.wrong.append(f"{path}: its part for htmx answers {part.status}")
        self.here(path, colours=colours, dark_part="main" if self.shell_seen else "")
        self.shell_seen |= colours

    def here(self, name: str, *, without: str = "", colours: bool = True, dark_part: str = "") -> None:
        """`colours` False leaves contrast to others; it is half of the time."""
        title, headings = self.page.title(), self.page.locator("h1").count()
        if not TITLE.match(title):
            self.wrong.append(f"{name}: the title {title!r}")
        if headings != 1:
            self.wrong.append(f"{name}: {headings} h1")
        self.axe(name, "light", AXE, without, ("color-contrast",) if not colours else ())
        if colours:
            self.page.emulate_media(color_scheme="dark")
            self.axe(name, "dark", CONTRAST, within=dark_part)
            self.page.emulate_media(color_scheme="light")
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 800})
            excess = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if excess > 0:
                self.wrong.append(f"{name}: {excess} px too wide at {width}")
        self.page.set_viewport_size({"width": 1280, "height": 860})

    def axe(self, name: str, theme: str, options: dict[str, Any], but: str = "", rules: tuple[str, ...] = (), within: str = "") -> None:  # fmt: skip
        for found in find_violations(self.page, options, without=rules, within=within):
            if found["impact"] in ("serious", "critical") and found["id"] != but:
                self.wrong.append(f"{name} ({theme}): {found['id']} {found['targets']}")

    def done(self) -> None:
        assert not self.wrong, "\n".join(self.wrong)


def look(new_page: Callable[..., Page], email: str) -> Look:
    page = new_page(viewport={"width": 1280, "height": 860}, reduced_motion="reduce")
    sign_in(page, email)
    return Look(page)


def test_every_page_of_a_company_at_work(app: Flask, new_page: Callable[..., Page], world: World) -> None:
    seen = look(new_page, world.email)
    for path in [*paths(app, world.values), *(path.format(**world.values) for path in MORE)]:
        seen.at(path)
    seen.done()


def test_every_page_of_an_empty_company_and_of_nobody(app: Flask, new_page: Callable[..., Page], db: Any) -> None:
    user = make_user(make_company("Empty"))
    outside = Look(new_page(reduced_motion="reduce"))
    for path in ("/login", "/forgot"):
        outside.at(path)
    seen = look(new_page, user.email)
    for path in paths(app, {}, only_bare=True):
        seen.at(path, colours=False)  # the same parts, with less in them
    seen.wrong += outside.wrong
    seen.done()


def test_dialogs_menus_the_bulk_bar_and_refused_forms(new_page: Callable[..., Page], world: World) -> None:
    seen = look(new_page, world.email)
    page = seen.page
    page.goto("/leads")
    page.check("#leads-all")
    expect(page.locator(".bulk-bar")).to_be_visible()
    seen.here("bulk bar", without="target-size")  # the bar covers half of a row below it
    page.goto("/lists")
    page.get_by_role("link", name="New list").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    seen.here("dialog")
    page.goto("/leads")
    page.get_by_role("button", name="Columns").click()
    seen.here("menu")
    page.goto("/leads")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    seen.here("keys")
    for path, button in (("/lists/new", "Create list"), ("/dnc/new", "Block"), ("/settings/keys/new", "Create key"),
                         ("/settings/team/invite", "Make invitation"), ("/imports/new", "Upload and look"), ("/dealerships/new", "Make dealership")):  # fmt: skip
        page.goto(path)
        page.evaluate("for (const form of document.forms) form.noValidate = true")
        press(page, button)
        expect(page.locator(".error-summary")).to_be_visible()
        seen.here(f"{path} refused")
        if not page.title().startswith("Error: "):
            seen.wrong.append(f"{path}: the title of a refused form is {page.title()!r}")
    seen.done()


def test_without_scripts_the_main_actions_work(
    app: Flask, new_page: Callable[..., Page], world: World, worker: JobRunner
) -> None:
    page = new_page(java_script_enabled=False)
    page.goto("/leads?status=busy")
    page.wait_for_url("**/login?next=**")
    page.get_by_label("Email").fill(world.email)
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/leads?status=busy")
    for path in paths(app, world.values):
        answer = page.request.get(path)
        assert answer.ok, path
        assert answer.text().count("<h1") == 1, path

    page.goto("/lists")
    page.get_by_role("link", name="New list").click()
    page.get_by_label("Name").fill("By hand")
    press(page, "Create list")
    expect(page.get_by_role("heading", level=1)).to_have_text("By hand")

    page.get_by_role("link", name="Import into list").first.click()
    page.set_input_files("[name=file]", str(SAMPLES / "leads.csv"))
    press(page, "Upload and look")
    press(page, "Check every row")
    worker()
    page.reload()
    press(page, "Import")
    worker()
    page.reload()
    expect(page.get_by_role("row", name="All rows of the file 200")).to_be_visible()
    page.get_by_role("link", name="Show the leads").click()

    page.locator("#leads tbody th a").first.click()
    page.get_by_role("link", name=re.compile("^Edit status")).click()
    page.get_by_label("Status").select_option(label="Busy")
    press(page, "Save status")
    expect(page.get_by_role("main").locator(".page-head")).to_contain_text("Busy")

    page.goto(f"/lists/{world.list_id}/recycle")
    page.get_by_label("Choose Busy").check()
    press(page, "Preview recycling")
    press(page, "Recycle ")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Recycling of")

    page.goto("/problems")
    page.get_by_role("link", name=re.compile(r"^Fix \d+ leads…")).click()
    press(page, "Fix ")
    worker()
    page.reload()
    expect(page.locator("#before-after")).to_be_visible()
    page.goto("/problems")
    expect(page.get_by_role("link", name=re.compile(r"^Fix \d+ leads…"))).to_have_count(0)
