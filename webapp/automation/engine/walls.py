"""Bot walls, blocks and rate limits, told by what is shown, the status and vendors' documented challenge headers.

A vendor's script, cookie, header or word alone is no wall: half of all healthy pages stand behind one. They are named and end
the attempt at once; nothing here waits for one to open.
"""

from __future__ import annotations

import json
import re
import time
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from webapp.automation.engine.asking import ask, packed, unpack
from webapp.automation.engine.failures import Failed, FailureType

SHORT = 1_500  # characters: a page that says more is no wall
BARE = 800
SHUT = frozenset({401, 402, 403, 405, 406, 418, 423, 451, 456, 493, 498, 499, 503, 508, 509, 520, 521, 999})
MOST_PATIENT = 86_400.0  # seconds: a site may ask for more, this is what is remembered
_HERE = Path(__file__).parent
_WALLS: dict[str, Any] = json.loads((_HERE / "walls.json").read_text())
_FACTS = packed(
    (_HERE / "walls.js").read_text(),
    marks=[mark for one in _WALLS["vendors"] for mark in one.get("marks", [])],
    patterns=[frame for one in _WALLS["vendors"] for frame in one.get("frames", [])],
)


def parse_retry_after(value: str, *, now: float | None = None) -> float | None:
    """Seconds from now, at most a day; None when the header is missing or says nothing sensible."""
    value = value.strip()
    if value.isdecimal():
        return min(float(value), MOST_PATIENT)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    left = at.timestamp() - (time.time() if now is None else now)
    return min(max(left, 0.0), MOST_PATIENT)


def check(page: Page, status: int, headers: dict[str, str]) -> None:
    """Raises Failed: rate_limited, ip_blocked (the page says so) or bot_detection. Raises the browser's Error when the page is gone."""
    wait = parse_retry_after(headers.get("retry-after", ""))
    if status == 429 or (status == 503 and wait is not None):
        asked = f"and asks to wait {wait:g} s" if wait is not None else "and does not say for how long"
        raise Failed(
            FailureType.RATE_LIMITED,
            f"The site answered {status} {asked}",
            retry_after=wait,
            evidence=(f"status {status}",),
        )
    for one in _WALLS["always"]:
        if re.fullmatch(one["is"], headers.get(one["header"], "").strip(), re.I):
            evidence = (f"vendor: {one['vendor']}", f"header {one['header']}: {one['is']}", f"status {status}")
            raise Failed(FailureType.BOT_DETECTION, f"{one['vendor']} let no machine in", evidence=evidence)
    facts = unpack(ask(page, _FACTS))
    found = judge(status, facts)
    if found:
        raise found


def judge(status: int, facts: dict[str, Any]) -> Failed | None:
    """By what the page shows: a shut status with a vendor's page, or a vendor's challenge as all there is on a page."""
    text = f"{facts['title']}\n{facts['text']}"
    shut = status in SHUT
    if facts["length"] > SHORT or (not shut and (facts["controls"] > 1 or facts["links"] > 8)):
        return None
    for one in _WALLS["vendors"]:
        words = [found[0] for pattern in one.get("words", []) if (found := re.search(pattern, text, re.I))]
        shown = [m for m in facts["marks"] if m in one.get("marks", [])]
        shown += [f for f in facts["frames"] if any(re.search(p, f, re.I) for p in one.get("frames", []))]
        bare = facts["length"] < BARE
        if (shut and (words or shown)) or (bare and (shown or len(words) > 1)):
            banned = next((found[0] for p in _WALLS["address_banned"] if (found := re.search(p, text, re.I))), "")
            kind = FailureType.IP_BLOCKED if banned and shut else FailureType.BOT_DETECTION
            evidence = [f"vendor: {one['vendor']}", f"status {status}"]
            evidence += [f"shown: {mark[:200]}" for mark in shown] + [f"said: {word[:200]}" for word in words]
            message = banned or (f"{one['vendor']} let no machine in" if one["vendor"] != "unnamed" else words[0])
            return Failed(kind, message, evidence=tuple(evidence))
    banned = next((found[0] for p in _WALLS["address_banned"] if (found := re.search(p, text, re.I))), "")
    if shut and banned:
        return Failed(FailureType.IP_BLOCKED, banned, evidence=(f"status {status}", f"said: {banned}"))
    return None


def blocked_everywhere(statuses: list[int]) -> bool:
    """Every page that was tried, and more than one, answered 403 or 401 without saying why."""
    return len(statuses) > 1 and all(status in (401, 403) for status in statuses)
