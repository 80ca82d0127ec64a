"""Each of the sixteen types has a site that causes it, and only it. What the observer raises ends an attempt at once."""

from dataclasses import replace
from time import monotonic

import pytest
from playwright.sync_api import Error as BrowserError

from demo_sites.server import SiteServer
from tests.automation.engine_support import ENQUIRY, LIMITS, Told, explain, run, target, touring
from webapp.automation.engine import contact_page
from webapp.automation.engine.attempt import attempt
from webapp.automation.engine.browser import EngineBrowser
from webapp.automation.engine.failures import FAILURES, Failed, FailureType, first_of
from webapp.automation.engine.outcome import SavedMapping, Target
from webapp.automation.engine.pages import REFUSED

SHORT = replace(LIMITS, page=2, step=1.5, confirm=1.5)


class Cancelled(RuntimeError):
    """Of a kind that the engine would otherwise take for a fault of its own."""


def saved_before(sites: SiteServer) -> SavedMapping:
    """As learned when the form still had a field for an email address."""
    fields = {
        "name": {"kind": "full_name", "selector": "[name=name]", "label": "Name"},
        "email": {"kind": "email", "selector": "[name=email]", "label": "Email"},
        "message": {"kind": "message", "selector": "[name=message]", "label": "Message"},
    }
    return SavedMapping(sites.url_of("fail-form-changed"), "0" * 24, fields, "form")


@pytest.mark.parametrize("kind", FailureType)
def test_each_type_is_caused_by_its_site_and_only_it(
    engine: EngineBrowser, sites: SiteServer, kind: FailureType
) -> None:
    name = f"fail-{kind.value.replace('_', '-')}"
    sites.state["crash"] = engine.kill
    mapping = {"mapping": saved_before(sites)} if kind is FailureType.FORM_CHANGED else {}
    outcome = run(engine, sites, name, limits=SHORT, **mapping)
    assert outcome.failure is kind, explain(outcome)
    assert not outcome.ok
    assert outcome.also == [], explain(outcome)
    assert outcome.message
    assert sites.accepted(name) == []
    assert outcome.user_agent == engine.agent
    assert outcome.trace or kind is not FailureType.BROWSER_CRASH
    expected = {"javascript_error": "not_sent", "submission_failed": "rejected"}.get(kind.value)
    assert outcome.submission == expected
    if kind not in (FailureType.BROWSER_CRASH, FailureType.NETWORK_ERROR, FailureType.PAGE_TIMEOUT):
        assert outcome.page_source
        assert outcome.screenshot_after or outcome.screenshot_error


def test_every_type_is_shown_with_advice_and_stands_in_the_order() -> None:
    assert list(FAILURES) == list(FailureType)
    assert first_of([FailureType.SUBMISSION_FAILED, FailureType.CAPTCHA_DETECTED]) is FailureType.CAPTCHA_DETECTED
    assert {kind for kind, one in FAILURES.items() if one.wall} == {
        FailureType.IP_BLOCKED, FailureType.RATE_LIMITED, FailureType.BOT_DETECTION, FailureType.CAPTCHA_DETECTED,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("fault-cut", FailureType.NETWORK_ERROR, ""),
        ("fault-500", FailureType.NETWORK_ERROR, "status 500"),
        ("fault-circle", FailureType.NETWORK_ERROR, "in a circle"),
        ("fault-leads-away", FailureType.UNEXPECTED_REDIRECT, "visit-home.localhost"),
    ],
)
def test_a_page_that_cannot_be_had_says_why(
    engine: EngineBrowser, sites: SiteServer, name: str, kind: FailureType, said: str
) -> None:
    with touring(engine, sites, SHORT) as visit_of, pytest.raises(Failed) as stopped:
        contact_page.find(visit_of(name), target(sites, name))
    assert stopped.value.kind is kind, stopped.value
    assert said in stopped.value.message


@pytest.mark.parametrize(
    ("website", "reason", "refused"),
    [
        ("https://10.0.0.8/", "own network", True),
        ("http://no-such-name.invalid/", "no host called", False),
    ],
)
def test_an_address_that_is_not_to_be_contacted_is_told_from_one_that_is_away(
    engine: EngineBrowser, website: str, reason: str, refused: bool
) -> None:
    outcome = attempt(engine, Target("Inner", website), ENQUIRY, observer=Told(), limits=SHORT)
    assert outcome.failure is FailureType.NETWORK_ERROR, explain(outcome)
    assert reason in outcome.message
    assert outcome.evidence[0].startswith(REFUSED) is refused


def test_a_script_without_an_end_ends_with_the_attempts_time_and_the_next_has_a_browser_again(
    engine: EngineBrowser, sites: SiteServer
) -> None:
    outcome = run(engine, sites, "fault-loop", limits=replace(SHORT, attempt=2))
    assert outcome.failure is FailureType.PAGE_TIMEOUT, explain(outcome)
    assert run(engine, sites, "visit-home", dry_run=True).ok


def test_what_was_prepared_in_a_browser_that_has_died_since_is_not_used(engine: EngineBrowser) -> None:
    other = engine.new_context()
    engine.prepare("")
    engine.kill()
    with pytest.raises(BrowserError):
        other.new_page()
    context = engine.new_context()
    context.new_page()
    engine.end(context)


def test_an_attempt_in_a_prepared_page_knows_no_problem_of_the_last(engine: EngineBrowser) -> None:
    context = engine.new_context()
    context.new_page().goto("http://10.0.0.8/")
    assert engine.proxy.problems
    engine.end(context)
    engine.prepare("")
    context = engine.new_context()
    assert len(context.pages) == 1
    assert engine.proxy.problems == []
    engine.end(context)


@pytest.mark.parametrize("when", ["loading_page", "filling_form", "about_to_submit"])
def test_what_the_observer_raises_ends_the_attempt_there(engine: EngineBrowser, sites: SiteServer, when: str) -> None:
    def cancel() -> None:
        raise Cancelled(when)

    told = Told(on={when: cancel})
    with pytest.raises(Cancelled, match=when):
        run(engine, sites, "visit-home", told=told)
    assert told.said[-1] == when
    assert sites.received == []


def test_a_cancellation_is_heard_while_a_page_loads(engine: EngineBrowser, sites: SiteServer) -> None:
    began = monotonic()

    def cancel() -> None:
        if monotonic() - began > 1:
            raise Cancelled("enough")

    with pytest.raises(Cancelled, match="enough"):
        run(engine, sites, "fail-page-timeout", told=Told(on={"check": cancel}), limits=replace(LIMITS, page=30))


def test_chromium_killed_after_the_click_was_announced_leaves_the_outcome_unknown(
    engine: EngineBrowser, sites: SiteServer
) -> None:
    outcome = run(engine, sites, "visit-home", told=Told(on={"about_to_submit": engine.kill}))
    assert outcome.failure is FailureType.SUBMISSION_FAILED, explain(outcome)
    assert outcome.submission == "unconfirmed"
    assert outcome.also == [FailureType.BROWSER_CRASH]


def test_what_left_where_no_page_shows_it_is_never_told_as_not_sent(engine: EngineBrowser, sites: SiteServer) -> None:
    outcome = run(engine, sites, "fault-unseen", limits=SHORT)
    assert len(sites.forms_of("fault-unseen")) == 1
    assert outcome.submission == "unconfirmed", explain(outcome)


def test_a_page_whose_renderer_dies_is_a_crash(engine: EngineBrowser, sites: SiteServer) -> None:
    def kill_renderers() -> None:
        assert engine.process
        for one in engine.process.children(recursive=True):
            if "--type=renderer" in one.cmdline():
                one.kill()

    outcome = run(engine, sites, "visit-home", told=Told(on={"filling_form": kill_renderers}))
    assert outcome.failure is FailureType.BROWSER_CRASH, explain(outcome)
    assert sites.received == []


def test_a_fault_of_ours_is_an_outcome_with_its_trace(engine: EngineBrowser, sites: SiteServer) -> None:
    odd = replace(target(sites, "visit-home"), mapping=SavedMapping(sites.url_of("visit-home"), "0", {"name": {}}))
    outcome = run(engine, sites, "visit-home", aim=odd)
    assert outcome.failure is FailureType.BROWSER_CRASH, explain(outcome)
    assert "KeyError" in outcome.message
    assert "saved.py" in outcome.trace


def test_a_renamed_field_is_found_by_its_label_and_the_saved_mapping_serves(
    engine: EngineBrowser, sites: SiteServer
) -> None:
    first = run(engine, sites, "visit-home", dry_run=True)
    assert first.learned
    fields = {("mail_old" if key == "email" else key): said for key, said in first.learned.fields.items()}
    mapping = replace(first.learned, fields=fields, fingerprint="0")
    renamed = run(engine, sites, "visit-home", mapping=mapping, dry_run=True)
    assert (renamed.ok, renamed.strategy) == (True, "saved_mapping"), explain(renamed)
    assert any(one.startswith("changed:") for one in renamed.evidence)


def test_a_new_demand_that_nobody_understands_is_a_changed_form(engine: EngineBrowser, sites: SiteServer) -> None:
    first = run(engine, sites, "visit-home", dry_run=True)
    assert first.learned
    mapping = replace(first.learned, contact_url=sites.url_of("fail-field-not-found"))
    outcome = run(engine, sites, "fail-field-not-found", mapping=mapping)
    assert outcome.failure is FailureType.FORM_CHANGED, explain(outcome)
    assert outcome.also == [FailureType.FIELD_NOT_FOUND]
