"""The company's rules of outreach: what the guard reads, and the page that changes them."""

import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy

from tests.timeline.conftest import Place
from webapp.timeline.models import OutreachRule, OutreachSettings
from webapp.timeline.rules import DEFAULT, MethodLimit
from webapp.timeline.settings import get_limits


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
