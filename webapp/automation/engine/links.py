"""Links by how much they look like the way to a sales contact form; from a page, and from a site's own map."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from webapp.automation.engine import pages
from webapp.automation.engine.outcome import check
from webapp.automation.engine.pages import Visit
from webapp.core.outbound import OutboundError, request

ENOUGH = 3.0  # a link's score from which on it is worth a page load
NEAR = 1.0  # that of a page which may lead on, as "About us"
SITEMAP_BYTES = 512 * 1024
BEST = 3  # links of a map that are looked at
WORDS: dict[str, Any] = json.loads((Path(__file__).parent / "contact_page.json").read_text())
EXACT, ABOUT, ASK, SALES, PATH, WRONG, _NEAR, _FILES = (
    re.compile(WORDS[name], re.I) for name in ("exact", "about", "ask", "sales", "path", "wrong", "near", "files")
)
_LOC = re.compile(r"<loc>\s*(?:<!\[CDATA\[)?\s*([^<\]\s]{1,2000})", re.I)


def score_link(text: str, url: str, place: str, *, visible: bool = True) -> float:
    """How much a link looks like the way to a sales contact form. Below ENOUGH: not worth going. Pure."""
    parts = urlsplit(url)
    path = unquote(parts.path)
    if _FILES.search(path):
        return -10.0
    said = text.strip(" \t\n»›>→•:.!").strip()
    score = 0.0
    if EXACT.search(said):
        score += 5.0
    elif ABOUT.search(said):
        score += 3.0 if len(said) < 60 else 1.0
    elif ASK.search(said):
        score += 3.0
    if PATH.search(path + ("/" if not path.endswith("/") else "")):
        score += 3.0
    elif ABOUT.search(path):
        score += 1.5
    if score <= 0:
        return NEAR if _NEAR.search(said) else 0.0
    if SALES.search(said):
        score += 1.0
    wrong_text, wrong_path = WRONG.search(said), WRONG.search(path)
    if (wrong_text and not SALES.search(said)) or (wrong_path and not EXACT.search(said)):
        score -= 6.0
    score += {"nav": 0.6, "header": 0.6, "main": 0.3, "footer": 0.4}.get(place, 0.2)
    if not visible:
        score -= 0.5
    return score - min(path.count("/"), 6) * 0.05


def score_all(links: list[dict[str, Any]], here: str) -> list[tuple[float, str]]:
    scored: dict[str, float] = {}
    for one in links:
        if one["same"] or not pages.same_site(one["url"], here):
            continue
        score = score_link(one["text"], one["url"], one["place"], visible=one["visible"])
        scored[one["url"].partition("#")[0]] = max(score, scored.get(one["url"].partition("#")[0], score))
    return [(score, url) for url, score in scored.items() if score > 0]


def from_sitemap(visit: Visit, website: str) -> list[tuple[float, str]]:
    """Contact pages that the site's own map names. Fetched beside the browser, through the same guard."""
    todo, found = [urljoin(website, "/sitemap.xml")], []
    for _ in range(3):
        if not todo:
            break
        url = todo.pop(0)
        check(visit.observer)
        if visit.observer.may_open(url):
            continue
        try:
            answer = request(
                "GET", url, headers={"User-Agent": visit.browser.agent}, allowed=visit.browser.allowed_hosts,
                timeout=min(visit.limits.page, 4.0), limit=SITEMAP_BYTES,
            )  # fmt: skip
        except OutboundError:
            break
        if not answer.ok:
            break
        places = [one.replace("&amp;", "&") for one in _LOC.findall(answer.text)]
        maps = [one for one in places if urlsplit(one).path.endswith(".xml") and pages.same_site(one, website)]
        todo += sorted(maps, key=lambda one: "page" not in one)[:2]
        found += [one for one in places if one not in maps and pages.same_site(one, website)]
    scored = [(score_link("", one, "sitemap"), one) for one in found]
    likely = sorted((one for one in scored if one[0] >= ENOUGH), key=lambda one: (-one[0], len(one[1])))[:BEST]
    if likely:
        visit.evidence.append(f"the sitemap names {likely[0][1][:200]}")
    return likely
