"""A robots.txt that cannot be read: when it is asked again, and what the attempt says of it."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Response

from demo_sites.server import Site, SiteServer, site
from webapp.automation.engine.failures import FailureType
from webapp.automation.engine.outcome import Outcome
from webapp.automation.models import AutomationAttempt
from webapp.automation.service.robots import Robots, Unreadable
from webapp.core.db import db as database
from webapp.core.outbound import OutboundError

here: Site = site("robots-away", "Cannot say", {}, topic="visiting", dealership=False)
BROWSER: Any = SimpleNamespace(product="Rebound", agent="Rebound/1.0 (ops@example.com)", allowed_hosts=["*.localhost"])


def ask(url: str) -> Outcome:
    with pytest.raises(Unreadable) as stopped:
        Robots(BROWSER, "dealer.example.com").why_not(url)
    return stopped.value.outcome


def refuse(*_: Any, **__: Any) -> Any:
    raise OutboundError("nobody answers there")


def says(status: int) -> None:
    here.views.clear()
    here.get("/robots.txt")(lambda: Response("", status, mimetype="text/plain"))


def recorded(w: Any, outcome: Outcome) -> AutomationAttempt:
    claimed = w.attempt(w.start(), outcome)
    return database.session.get_one(AutomationAttempt, claimed.attempt_id, populate_existing=True)


def test_nobody_there_is_tried_again_by_the_projects_table(world: Any, sites: SiteServer) -> None:
    w = world(1)
    outcome = ask(sites.url_of("fail-network-error", "/"))
    assert (outcome.failure, outcome.retry_after) == (FailureType.NETWORK_ERROR, None)
    attempt = recorded(w, outcome)
    assert attempt.retry_after_seconds is None
    assert timedelta(seconds=10) <= w.row(0).next_retry_at - w.at <= timedelta(seconds=11)
    assert w.row(0).reason.startswith("“Network error”, 1. time: tried again after 1")
    assert w.row(0).reason.endswith(" s")


def test_who_was_away_is_asked_for_its_rules_at_the_next_try(db: Any, sites: SiteServer, monkeypatch: Any) -> None:
    says(200)
    url = sites.url_of("robots-away", "/contact")
    with monkeypatch.context() as away:
        away.setattr("webapp.automation.engine.robots.request", refuse)
        assert "cannot be read now" in ask(url).message
    assert Robots(BROWSER, "dealer.example.com").why_not(url) == ""


@pytest.mark.parametrize(("status", "kind"), [(503, FailureType.NETWORK_ERROR), (429, FailureType.RATE_LIMITED)])
def test_a_site_in_trouble_is_asked_for_its_rules_in_ten_minutes_and_has_asked_for_nothing(
    world: Any, sites: SiteServer, status: int, kind: FailureType
) -> None:
    w = world(1)
    says(status)
    url = sites.url_of("robots-away", "/contact")
    outcome = ask(url)
    attempt = recorded(w, outcome)
    assert (attempt.error_type, attempt.retry_after_seconds) == (kind.value, None)
    assert timedelta(seconds=590) <= w.row(0).next_retry_at - w.at <= timedelta(seconds=600)
    assert w.row(0).reason.endswith("1. time: robots.txt is asked again after 10 min")
    says(200)
    assert ask(url).message == outcome.message, "it is left alone until then"
    assert len(sites.visits) == 1
