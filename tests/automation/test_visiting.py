"""Finding the contact form as a patient visitor: links, buttons, maps, languages, banners, robots.txt."""

from dataclasses import replace

import pytest

from demo_sites.server import SITES, SiteServer
from tests.automation.engine_support import LIMITS, Told, explain, obeying, run, target, touring
from webapp.automation.engine import banners, contact_page, pages
from webapp.automation.engine.browser import EngineBrowser
from webapp.automation.engine.contact_page import LOADS
from webapp.automation.engine.failures import Failed, FailureType
from webapp.automation.engine.links import ENOUGH, score_link
from webapp.automation.engine.seen import Kind
from webapp.serve.children import wait_until

SENT = ["visit-dialog", "visit-arabic"]
FORMS = [
    "visit-link", "visit-given", "visit-accordion", "visit-late", "visit-moved", "visit-noisy", "visit-german", "visit-spanish",
    "visit-french",
]  # fmt: skip
FOUND = {
    "visit-sales": "/contact-sales", "visit-footer": "/pages/reach.html", "visit-home": "/", "visit-sitemap": "/dealership/contact-form.htm",
    "visit-usual": "/contact-us", "visit-tab": "/", "visit-several": "/", "visit-sight": "/", "visit-passed": "/",
}  # fmt: skip


def loads(sites: SiteServer, name: str) -> list[str]:
    return [
        one.path
        for one in sites.visits
        if one.site == name and one.method == "GET" and "." not in one.path.rpartition("/")[2]
    ]


@pytest.mark.parametrize("name", SENT)
def test_the_right_form_is_found_and_its_server_has_the_enquiry(
    engine: EngineBrowser, sites: SiteServer, name: str
) -> None:
    outcome = run(engine, sites, name)
    assert outcome.ok, explain(outcome)
    assert outcome.submission == "confirmed"
    assert [one.path for one in sites.forms_of(name)] == ["/send"]
    values = [value for one in sites.accepted(name)[0].form.values() for value in one]
    assert "ana.lopez@example.com" in values
    assert "Is the Honda Civic still there?" in values
    assert len(loads(sites, name)) <= LOADS + 1  # one popup


def test_the_right_form_is_found_in_few_loads(engine: EngineBrowser, sites: SiteServer) -> None:
    with touring(engine, sites) as visit_of:
        for name in [*FOUND, *FORMS]:
            found, _ = contact_page.find(visit_of(name), target(sites, name))
            if name in FOUND:
                assert found.opened.url == sites.url_of(name, FOUND[name])
            assert found.choice.form.action.endswith("/send"), name
            assert {Kind.EMAIL, Kind.MESSAGE} <= {one.kind for one in found.choice.mapped.values()}, name
            assert len(loads(sites, name)) <= LOADS + 1, name  # one popup


def test_an_outcome_carries_its_proof(engine: EngineBrowser, sites: SiteServer) -> None:
    told = Told()
    outcome = run(engine, sites, "visit-link", told=told)
    assert told.said == ["starting", "loading_page", "filling_form", "submitting", "about_to_submit"]
    assert outcome.strategy == "standard_form"
    assert outcome.contact_url == sites.url_of("visit-link", "/contact")
    assert outcome.final_url == sites.url_of("visit-link", "/send")
    assert outcome.screenshot_before
    assert outcome.screenshot_before.startswith(b"\x89PNG")
    assert outcome.screenshot_after
    assert outcome.screenshot_error is None
    assert "Thank you" in outcome.page_source
    assert outcome.learned
    assert outcome.learned.contact_url == outcome.contact_url
    assert {one.key: one.filled for one in outcome.fields} == {
        "name": True,
        "email": True,
        "phone": True,
        "message": True,
    }
    assert outcome.user_agent == engine.agent
    assert outcome.browser.startswith("Chromium ")
    assert min(outcome.page_load_ms or 0, outcome.form_fill_ms or 0, outcome.submission_ms or 0) > 0
    assert (outcome.failure, outcome.also, outcome.trace) == (None, [], "")
    assert {one.agent for one in sites.visits} == {engine.agent}


def test_a_dry_run_does_everything_but_press(engine: EngineBrowser, sites: SiteServer) -> None:
    told = Told()
    outcome = run(engine, sites, "visit-link", dry_run=True, told=told)
    assert outcome.ok, explain(outcome)
    assert outcome.submission == "not_sent"
    assert told.said == ["starting", "loading_page", "filling_form"]
    assert outcome.screenshot_before
    assert outcome.screenshot_after is None
    assert sites.forms_of("visit-link") == []
    assert outcome.learned


def test_a_page_that_never_ends_is_used_when_its_form_is_there(engine: EngineBrowser, sites: SiteServer) -> None:
    with touring(engine, sites, replace(LIMITS, page=2)) as visit_of:
        found, _ = contact_page.find(visit_of("visit-endless"), target(sites, "visit-endless"))
    assert found.choice.form.action.endswith("/send")


def test_other_forms_files_and_addresses_are_no_contact_form(engine: EngineBrowser, sites: SiteServer) -> None:
    with touring(engine, sites, replace(LIMITS, step=1)) as visit_of:
        for name, mailto in (("visit-wrong", ""), ("visit-pdf", ""), ("visit-mailto", "sales@visit-mailto.example")):
            with pytest.raises(Failed) as stopped:
                contact_page.find(visit_of(name), target(sites, name))
            assert stopped.value.kind is FailureType.FORM_NOT_FOUND, name
            assert stopped.value.mailto == mailto
            assert ("an address to write to" in stopped.value.message) is bool(mailto)
            assert len(loads(sites, name)) <= LOADS
    assert sites.received == []


def test_a_page_that_robots_forbids_is_not_opened_and_the_rule_is_quoted(
    engine: EngineBrowser, sites: SiteServer
) -> None:
    outcome = run(engine, sites, "visit-robots", told=obeying(sites, engine))
    assert not outcome.ok
    assert outcome.failure is None
    assert "“Disallow: /contact”" in outcome.disallowed
    assert "/contact" not in [one.path for one in sites.visits]


def test_every_page_is_asked_about_before_it_is_opened(engine: EngineBrowser, sites: SiteServer) -> None:
    told = Told()
    run(engine, sites, "visit-moved", told=told, dry_run=True)
    paths = [url.partition(f":{sites.port}")[2] for url in told.opened]
    assert paths == ["/", "/en/", "/old-contact", "/en/contact"]


BANNERS = {
    "banner-onetrust": "reject", "banner-cookiebot": "reject", "banner-sourcepoint": "reject", "banner-plain": "reject",
    "banner-known": "close", "banner-accept": "accept",
}  # fmt: skip


def test_a_page_that_a_script_leads_on_to_is_asked_about_before_its_form_is_used(
    engine: EngineBrowser, sites: SiteServer
) -> None:
    outcome = run(engine, sites, "visit-moved", told=Told(rules=lambda url: "not here" if "/en/contact" in url else ""))
    assert outcome.disallowed == "not here", explain(outcome)
    assert sites.forms_of("visit-moved") == []


def test_a_page_that_leads_on_many_times_is_asked_until_one_stays(engine: EngineBrowser, sites: SiteServer) -> None:
    outcome = run(engine, sites, "visit-chain")
    assert outcome.ok, explain(outcome)
    assert outcome.contact_url == sites.url_of("visit-chain", "/contact")
    assert len(sites.accepted("visit-chain")) == 1


def chosen(sites: SiteServer, name: str) -> int:
    return [one.path for one in sites.visits if one.site == name].count("/choice")


def test_a_banner_is_dismissed_once_by_what_refuses_most(engine: EngineBrowser, sites: SiteServer) -> None:
    words = {"reject": ("(refuse)", "(reject)", "(necessary)"), "close": ("(close)",), "accept": ("(accept)",)}
    with touring(engine, sites) as visit_of:
        for name, wanted in BANNERS.items():
            visit = visit_of(name)
            contact_page.find(visit, target(sites, name))
            assert banners.dismiss(visit.page) == []
            assert wait_until(lambda: chosen(sites, name), 10), name  # noqa: B023  asked at once
            assert chosen(sites, name) == 1, name
            (pressed,) = [one for one in visit.evidence if one.startswith("banner")]
            assert pressed.endswith(words[wanted]), pressed
        contact_page.find(visit_of("banner-settings"), target(sites, "banner-settings"))
        assert chosen(sites, "banner-settings") == 0


def test_a_form_under_a_banner_is_sent(engine: EngineBrowser, sites: SiteServer) -> None:
    outcome = run(engine, sites, "banner-sourcepoint")
    assert outcome.ok, explain(outcome)
    assert len(sites.accepted("banner-sourcepoint")) == 1


def test_dialogs_windows_and_script_errors_are_written_down(engine: EngineBrowser, sites: SiteServer) -> None:
    outcome = run(engine, sites, "visit-noisy", dry_run=True)
    kinds = {one["kind"]: one["text"] for one in outcome.logs}
    assert kinds["dialog"] == "Welcome!"
    assert "popup" in kinds
    assert "a counter is missing" in kinds["script_error"]


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (("Contact Us", "/contact"), ("Schedule Service", "/service/contact")),
        (("Contact Sales", "/contact-sales"), ("Contact Service", "/contact-service")),
        (("Contact", "/contact.aspx"), ("Contact our parts desk", "/parts/contact")),
        (("Kontakt", "/kontakt"), ("Datenschutz", "/datenschutz-kontakt")),
        (("Get in touch", "/hello"), ("Careers: contact HR", "/careers")),
        (("اتصل بنا", "/a"), ("الوظائف", "/b")),
        (("Contact us", "/about/contact"), ("About us", "/about")),
    ],
)  # fmt: skip
def test_a_link_to_sales_scores_before_other_desks(better: tuple[str, str], worse: tuple[str, str]) -> None:
    good, bad = (score_link(text, f"https://dealer.example{path}", "nav") for text, path in (better, worse))
    assert good >= ENOUGH
    assert bad < ENOUGH


@pytest.mark.parametrize("path", ["/contact.pdf", "/contact.jpg?x=1", "/contact.docx"])
def test_a_file_is_never_worth_going(path: str) -> None:
    assert score_link("Contact us", f"https://dealer.example{path}", "nav") < ENOUGH


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://www.dealer.co.uk/a", "http://dealer.co.uk", True),
        ("https://forms.dealer.com/", "https://dealer.com/", True),
        ("https://dealer.co.uk", "https://other.co.uk", False),
        ("https://north.github.io", "https://south.github.io", False),
        ("http://192.0.2.1/", "http://192.0.2.2/", False),
        ("http://münchen.example/", "http://www.münchen.example/", True),
    ],
)  # fmt: skip
def test_a_site_is_its_registrable_domain(one: str, other: str, same: bool) -> None:
    assert pages.same_site(one, other) is same


def test_the_sites_of_this_topic_are_all_tried_here() -> None:
    tried = {
        *SENT,
        *FORMS,
        *FOUND,
        *BANNERS,
        "banner-settings",
        "visit-chain",
        "visit-endless",
        "visit-given-late",
        "visit-mailto",
        "visit-wrong",
        "visit-pdf",
        "visit-robots",
    }
    assert {one.name for one in SITES.values() if one.topic == "visiting"} - {
        "reaching",
        "robots",
        "robots-away",
    } == tried


def test_a_site_given_by_its_contact_page_only_is_enough(engine: EngineBrowser, sites: SiteServer) -> None:
    with touring(engine, sites) as visit_of:
        found, _ = contact_page.find(visit_of("visit-given"), replace(target(sites, "visit-given"), website=""))
    assert found.choice.form.action.endswith("/send")


def test_a_given_page_is_waited_for_although_it_links_to_a_contact_page(
    engine: EngineBrowser, sites: SiteServer
) -> None:
    name = "visit-given-late"
    with touring(engine, sites) as visit_of:
        found, _ = contact_page.find(visit_of(name), target(sites, name))
    assert found.opened.url == sites.url_of(name, "/desk/write")
    assert loads(sites, name) == ["/desk/write"]
