"""robots.txt as RFC 9309 says, against a server that logs who asked."""

import time
from collections.abc import Iterator

import pytest
from flask import Response

from demo_sites.server import Site, SiteServer, site
from webapp.automation.engine.robots import BYTES, Kept, Robots, deciding_rule

here: Site = site("robots", "Rules", {}, topic="visiting", dealership=False)
AGENT = "Mozilla/5.0 HeadlessChrome/1 Rebound/1.0 (+mailto:desk@example.com)"


@pytest.fixture
def rules(sites: SiteServer) -> Iterator[SiteServer]:
    yield sites
    here.views.clear()


def says(text: str, status: int = 200) -> None:
    here.get("/robots.txt")(lambda: Response(text, status, mimetype="text/plain"))


def robots(**facts: object) -> Robots:
    return Robots(product="Rebound", user_agent=AGENT, allowed_hosts=["*.localhost"], **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "path", "rule"),
    [
        ("User-agent: *\nDisallow: /contact\n", "/contact-us", "Disallow: /contact"),
        ("User-agent: *\nDisallow: /\nAllow: /contact\n", "/contact-us", ""),
        ("User-agent: *\nAllow: /con\nDisallow: /contact # no\n", "/contact", "Disallow: /contact"),
        ("User-agent: *\nDisallow: /contact\nAllow: /contact\n", "/contact", ""),
        ("User-agent: *\nDisallow: /*.php$\n", "/contact.php", "Disallow: /*.php$"),
        ("User-agent: *\nDisallow: /*.php$\n", "/contact.php?x=1", ""),
        ("User-agent: *\nDisallow: /\n\nUser-agent: Rebound\nDisallow: /private\n", "/contact", ""),
        ("User-agent: *\nAllow: /\n\nUser-agent: rebound\nDisallow: /co\nDisallow: /contact\n", "/contact", "Disallow: /contact"),
        ("User-agent: other\nDisallow: /\n", "/contact", ""),
        ("User-agent: *\nDisallow:\n", "/contact", ""),
        ("<html>not found</html>", "/contact", ""),
        ("\ufeffUser-agent: *\r\ndisallow: /contact\r\n", "/contact", "disallow: /contact"),
    ],
)  # fmt: skip
def test_the_longest_matching_rule_decides_and_is_quoted(rules: SiteServer, text: str, path: str, rule: str) -> None:
    says(text)
    ruling = robots().may_open(rules.url_of("robots", path))
    assert ruling.allowed is (rule == "")
    assert not ruling.deferred
    assert ruling.reason == (f"robots.txt of robots.localhost:{rules.port} says “{rule}”" if rule else "")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_4xx_allows_everything(rules: SiteServer, status: int) -> None:
    says("User-agent: *\nDisallow: /\n", status)
    assert robots().may_open(rules.url_of("robots", "/contact")).allowed


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_site_that_cannot_say_is_left_alone_for_now(rules: SiteServer, status: int) -> None:
    says("", status)
    ruling = robots().may_open(rules.url_of("robots", "/contact"))
    assert not ruling.allowed
    assert ruling.deferred
    assert ruling.reason == f"robots.txt cannot be read now: status {status}"


def test_a_site_that_nobody_reaches_is_left_alone_for_now(rules: SiteServer) -> None:
    ruling = robots().may_open(rules.url_of("fail-network-error", "/"))
    assert not ruling.allowed
    assert ruling.deferred
    assert "cannot be read now" in ruling.reason


def test_an_inner_address_is_not_asked(rules: SiteServer) -> None:
    says("User-agent: *\nAllow: /\n")
    guarded = Robots(product="Rebound", user_agent=AGENT)
    ruling = guarded.may_open(rules.url_of("robots", "/contact"))
    assert not ruling.allowed
    assert "not contacted" in ruling.reason
    assert rules.visits == []


def test_only_500_kib_are_read_and_half_a_line_is_no_rule(rules: SiteServer) -> None:
    start = "User-agent: *\n"
    filler = "# padding\n" * ((BYTES - len(start)) // 10)
    cut = BYTES - len(start) - len(filler)
    says(start + filler + "Disallow: /contact/more"[: cut + 30] + "\nDisallow: /late\n")
    ask = robots()
    assert ask.may_open(rules.url_of("robots", "/late")).allowed
    assert ask.may_open(rules.url_of("robots", "/contact")).allowed
    says("User-agent: *\n" + "# padding\n" * 100 + "Disallow: /late\n")
    assert not robots().may_open(rules.url_of("robots", "/late")).allowed


def test_a_redirect_is_followed_and_a_crawl_delay_told(rules: SiteServer) -> None:
    here.get("/robots.txt")(lambda: Response("", 302, {"Location": "/rules.txt"}))
    here.get("/rules.txt")(lambda: Response("User-agent: *\nCrawl-delay: 7\nDisallow: /x\n", mimetype="text/plain"))
    ask = robots()
    assert ask.may_open(rules.url_of("robots", "/contact")).delay == 7
    assert ask.may_open(rules.url_of("robots", "/x")).delay == 7


def test_one_site_is_asked_once_for_all_its_pages_and_again_when_a_day_has_passed(rules: SiteServer) -> None:
    says("User-agent: *\nDisallow: /contact\n")
    store: dict[str, Kept] = {}
    for path in ("/", "/contact", "/about"):
        robots(store=store).may_open(rules.url_of("robots", path))
    assert [(one.path, one.agent) for one in rules.visits] == [("/robots.txt", AGENT)]
    origin, kept = next(iter(store.items()))
    assert origin == f"http://robots.localhost:{rules.port}"
    assert 86_000 < kept.until - time.time() <= 86_400
    store[origin] = Kept(time.time() - 1, kept.text)
    says("")
    assert robots(store=store).may_open(rules.url_of("robots", "/contact")).allowed


def test_a_huge_file_is_judged_in_little_time() -> None:
    text = "User-agent: *\n" + "".join(f"Disallow: /part/{n}/\n" for n in range(15_000)) + "Disallow: /contact\n"
    assert deciding_rule(text, "http://a.example/contact", "Rebound") == "Disallow: /contact"
