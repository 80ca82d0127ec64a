"""The pages in Chromium: usable without a mouse and without scripts. That each is sound for axe, tests/browser/test_every_page.py sees."""

import pytest

from tests.factories import PASSWORD, make_user
from tests.harness.web import check_accessible
from webapp.core.audit import AuditEvent


def enter(page, user):
    page.goto("/login")
    page.fill("#email", user.email)
    page.fill("#password", PASSWORD)
    page.click("button:has-text('Sign in')")
    page.wait_for_url(lambda url: not url.endswith("/login"))


@pytest.fixture
def team(admin, db):
    sam = make_user(admin.company, role="rep", name="Sam Ortega", email="sam@example.com")
    db.session.add(
        AuditEvent(company_id=admin.company_id, user_id=sam.id, kind="exported", summary="Exported 40 leads")
    )
    db.session.commit()
    return sam


def test_the_setup_and_its_refusal_are_sound_for_axe(new_page, db):
    page = new_page(reduced_motion="reduce")
    page.goto("/setup")
    check_accessible(page, themes=True)
    page.evaluate("document.querySelectorAll('[required]').forEach(e => e.required = false)")
    page.click("button:has-text('Create workspace')")
    page.wait_for_selector(".error-summary")
    assert page.evaluate("document.activeElement.classList.contains('error-summary')")
    check_accessible(page, themes=True)


def test_inviting_joining_and_the_dialogs_work_by_mouse(new_page, admin):
    page = new_page()
    enter(page, admin)
    page.goto("/settings/team")
    page.click("a:has-text('Invite')")
    assert page.url.endswith("/settings/team"), "a dialog, not another page"
    page.fill("#email", "guest@example.com")
    page.click("text=Make invitation")
    page.wait_for_selector("#shown-value")
    link = page.inner_text("#shown-value")
    check_accessible(page)
    guest = new_page()
    guest.goto(link[link.index("/invite/") :])
    check_accessible(guest)
    guest.fill("#name", "Gus Guest")
    guest.fill("#password", PASSWORD)
    guest.click("button:has-text('Join')")
    guest.wait_for_url(lambda url: "/invite/" not in url)
    page.goto("/settings/team")
    page.click("a:has-text('Gus Guest')")
    page.click("text=Deactivate…")
    page.click("dialog button:has-text('Deactivate')")
    page.wait_for_selector("text=Reactivate")
    guest.goto("/settings/profile")
    assert "/login" in guest.url


def test_a_key_is_made_and_revoked_without_scripts(new_page, admin):
    page = new_page(java_script_enabled=False)
    enter(page, admin)
    page.goto("/settings/keys")
    page.click("a:has-text('Create key') >> nth=0")
    page.fill("#name", "Dialer")
    page.check("text=Read calls")
    page.click("button:has-text('Create key')")
    assert page.inner_text("#shown-value").startswith("rb_")
    page.click("noscript button")
    assert page.locator(".pill:has-text('Revoked')").count() == 1


def test_choosing_a_filter_swaps_the_list_and_keeps_the_address(new_page, admin, team):
    page = new_page()
    enter(page, admin)
    page.goto("/activity")
    page.select_option("#filter-kind", "signed_in")
    page.wait_for_url("**/activity?kind=signed_in**")
    page.wait_for_selector(".filter-pill")
    assert page.locator("#activity-region tbody tr").count() == 1
    page.go_back()
    page.wait_for_selector("text=Exported 40 leads")


def test_the_theme_is_chosen_from_the_account_menu(new_page, admin):
    page = new_page()
    enter(page, admin)
    page.goto("/settings/company")
    page.click(".account-btn")
    page.click(".theme-picker button:has-text('Dark')")
    page.wait_for_selector("html[data-theme=dark]")
    assert page.url.endswith("/settings/company")
