"""The company's rules of outreach: what the guard reads, and the page that changes them."""

import re
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy

from tests.factories import make_user, sign_in
from tests.harness.client import Client
from tests.timeline.conftest import Place
from webapp.core.audit import AuditEvent
from webapp.timeline.models import OutreachRule, OutreachSettings
from webapp.timeline.rules import DEFAULT, MethodLimit
from webapp.timeline.settings import Rules, StaleRules, get_limits, get_rules, save_rules


def test_a_company_that_has_said_nothing_goes_by_the_defaults(place: Place) -> None:
    assert get_limits(place.company.id) == DEFAULT
    assert DEFAULT.methods["sms"] == MethodLimit(1, 24, 7)
    assert (DEFAULT.other_method_days, DEFAULT.reply_hours) == (7, 72)
    assert (DEFAULT.quiet.windows[0], DEFAULT.quiet.windows[6]) == (("08:00", "20:00"), None)


def test_what_the_company_has_said_replaces_only_that(place: Place, db: SQLAlchemy) -> None:
    db.session.add(OutreachRule(company_id=place.company.id, method="sms", cap_count=None, cap_hours=24, warn_days=2))
    db.session.add(
        OutreachSettings(
            company_id=place.company.id, other_method_days=sa.null(), reply_hours=0, quiet_for_people=True,
            quiet_windows={"0": None, "5": ["22:00", "06:00"]}, holidays=["2026-12-25"],
        )
    )  # fmt: skip
    db.session.flush()
    limits = get_limits(place.company.id)
    assert limits.methods["sms"] == MethodLimit(None, 24, 2)
    assert limits.methods["email"] == MethodLimit()
    assert (limits.other_method_days, limits.reply_hours) == (None, 0)
    assert (limits.quiet.for_people, limits.quiet.for_campaigns) == (True, True)
    assert (limits.quiet.windows[0], limits.quiet.windows[1]) == (None, ("08:00", "20:00"))
    assert (limits.quiet.windows[5], limits.quiet.holidays) == (("22:00", "06:00"), frozenset({"2026-12-25"}))


# --- the page ----------------------------------------------------------------------------------------------

URL = "/settings/outreach"


@pytest.fixture
def admin(place: Place) -> Any:
    return make_user(place.company, "admin", name="Ada")


@pytest.fixture
def signed_in(client: Client, admin: Any) -> Client:
    return sign_in(client, admin)


def filled(client: Client, **changes: str) -> dict[str, str]:
    """The form as the page shows it, with these changes; None leaves a box unticked."""
    text = client.get(URL).text
    form = text[text.index('id="outreach-form"') :]
    sent: dict[str, str] = {}
    for tag in re.findall(r"<input [^>]*>", form):
        name, value = re.search(r'name="(\w+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and name[1] != "csrf_token" and ('type="checkbox"' not in tag or " checked" in tag):
            sent[name[1]] = unescape(value[1]) if value else ""
    area = re.search(r'name="holidays"[^>]*>([^<]*)<', form)
    assert area
    return {**sent, "holidays": unescape(area[1]).strip(), **changes}


def test_the_page_saved_as_it_is_changes_nothing(signed_in: Client, place: Place, db: SQLAlchemy) -> None:
    assert signed_in.post(URL, data=filled(signed_in)).status_code == 303
    assert "Nothing had changed" in signed_in.get(URL).text
    assert get_rules(place.company.id) == Rules()
    assert db.session.scalar(sa.select(sa.func.count()).select_from(OutreachRule)) == 0


def test_what_is_saved_is_what_the_guard_goes_by(signed_in: Client, place: Place, db: SQLAlchemy) -> None:
    sent = filled(
        signed_in, cap_email="3", hours_email="48", warn_email="", cap_sms="", other_method_days="", reply_hours="",
        open_5="22:00", close_5="06:00", open_0="", close_0="", holidays="2026-12-25, 2027-01-01\n2026-12-25\n",
        quiet_for_people="y",
    )  # fmt: skip
    del sent["show_presence"], sent["quiet_for_campaigns"]
    assert signed_in.post(URL, data=sent).status_code == 303
    rules = get_rules(place.company.id)
    limits = rules.limits
    assert limits.methods["email"] == MethodLimit(3, 48, None)
    assert limits.methods["sms"] == MethodLimit(None, 24, 7)
    assert limits.methods["call"] == MethodLimit()
    assert (limits.other_method_days, limits.reply_hours) == (None, 0)
    assert (limits.quiet.for_people, limits.quiet.for_campaigns, rules.show_presence) == (True, False, False)
    assert (limits.quiet.windows[5], limits.quiet.windows[0]) == (("22:00", "06:00"), None)
    assert limits.quiet.holidays == {"2026-12-25", "2027-01-01"}
    assert set(db.session.scalars(sa.select(OutreachRule.method))) == {"email", "sms"}
    assert filled(signed_in) | {"version": ""} == sent | {"version": "", "holidays": "2026-12-25\n2027-01-01"}


def test_each_change_is_in_the_audit_with_before_and_after(signed_in: Client, admin: Any, db: SQLAlchemy) -> None:
    signed_in.post(URL, data=filled(signed_in, cap_sms="2", warn_sms=""))
    event = db.session.scalars(sa.select(AuditEvent).where(AuditEvent.kind == "setting_changed")).one()
    assert event.summary == "Outreach rules: SMS cap from 1 in 24 h to 2 in 24 h; SMS warning from 7 days to off"
    assert event.details["changes"]["SMS warning"] == {"before": "7 days", "after": "off"}
    assert (event.user_id, event.subject_type) == (admin.id, "outreach_settings")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"cap_email": "0"}, "0 would forbid every contact. Leave it empty for no cap"),
        ({"hours_email": "0"}, "A cap needs at least 1 hour."),
        ({"hours_email": ""}, "Say in how many hours the cap of Email counts."),
        ({"warn_email": "0"}, "Leave it empty to turn the warning off."),
        ({"other_method_days": "0"}, "Leave it empty to turn it off."),
        ({"reply_hours": "0"}, "Leave it empty to turn the allowance off."),
        ({"cap_call": "-1"}, "Enter a number from 1 to 100."),
        ({"cap_call": "101"}, "Enter a number from 1 to 100."),
        ({"hours_call": "8761"}, "Enter a number from 1 to 8,760."),
        ({"reply_hours": "721"}, "Enter a number from 1 to 720."),
        ({"warn_call": "1.5"}, "Enter a whole number, or leave it empty."),
        ({"warn_call": "²"}, "Enter a whole number, or leave it empty."),
        ({"warn_call": "99999999999999999999"}, "Enter a whole number, or leave it empty."),
        ({"open_2": ""}, "Give both times of Wednesday, or neither when it is closed."),
        ({"holidays": "25.12.2026"}, "“25.12.2026” is no day. Write each as 2026-12-25."),
        ({"holidays": "9999-12-25"}, "is too far away"),
        ({f"{end}_{day}": "" for end in ("open", "close") for day in range(7)}, "With every day closed"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(
    signed_in: Client, place: Place, changes: dict[str, str], says: str
) -> None:
    answer = signed_in.post(URL, data=filled(signed_in, **changes))
    assert answer.status_code == 422
    assert says in unescape(answer.text)
    assert get_rules(place.company.id) == Rules()


def test_every_day_may_be_closed_while_quiet_hours_are_off(signed_in: Client, place: Place) -> None:
    sent = filled(signed_in, **{f"{end}_{day}": "" for end in ("open", "close") for day in range(7)})
    del sent["quiet_for_campaigns"]
    assert signed_in.post(URL, data=sent).status_code == 303
    assert set(get_limits(place.company.id).quiet.windows.values()) == {None}


def test_rules_that_somebody_else_saved_meanwhile_are_shown_beside_mine(
    signed_in: Client, admin: Any, place: Place
) -> None:
    sent = filled(signed_in, cap_sms="2")
    other = replace(Rules(), limits=replace(DEFAULT, reply_hours=24))
    save_rules(other, by=make_user(place.company, "admin", name="Grace"))
    answer = signed_in.post(URL, data=sent)
    assert answer.status_code == 409
    assert all(text in answer.text for text in ("Changed by Grace", "Answers pass for", "24 h", "SMS cap", "Keep mine"))
    assert get_rules(place.company.id).limits == other.limits
    keep = answer.text[answer.text.index('id="outreach-conflict"') : answer.text.index('id="outreach-form"')]
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', keep))
    assert signed_in.post(URL, data=fields).status_code == 303
    assert get_rules(place.company.id).limits.methods["sms"].cap_count == 2
    assert get_rules(place.company.id).limits.reply_hours == 72
    with pytest.raises(StaleRules):
        save_rules(Rules(version=2), by=admin)


def test_the_defaults_are_shown_beside_what_they_change_and_then_put_back(
    signed_in: Client, place: Place, db: SQLAlchemy
) -> None:
    assert "These are the defaults" in signed_in.get(f"{URL}/reset").text
    assert "Reset to defaults" not in signed_in.get(URL).text
    signed_in.post(URL, data=filled(signed_in, cap_sms="2"))
    assert "Reset to defaults" in signed_in.get(URL).text
    assert "2 in 24 h" in signed_in.get(f"{URL}/reset").text
    assert signed_in.post(f"{URL}/reset", data={"version": "1"}).status_code == 409
    assert signed_in.post(f"{URL}/reset", data={"version": "2"}).status_code == 303
    assert get_rules(place.company.id) == Rules(version=3)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(OutreachRule)) == 0


def test_a_manager_reads_the_rules_and_a_rep_does_not_see_them(client: Client, place: Place) -> None:
    sign_in(client, place.boss)
    page = client.get(URL).text
    assert "Only an admin changes these rules" in page
    assert "1 in 24 h" in page
    assert "<input class=" not in page[page.index("Only an admin") :]
    assert "/settings/outreach" in client.get("/settings/profile").text
    assert client.post(URL, data={"version": "1"}).status_code == 403
    assert client.get(f"{URL}/reset").status_code == 403
    client.post("/logout")
    sign_in(client, place.alice)
    assert client.get(URL).status_code == 403
    assert "/settings/outreach" not in client.get("/settings/profile").text
