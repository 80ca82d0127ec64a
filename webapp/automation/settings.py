"""How a company's automation introduces itself to the sites it visits, and how often one host is visited a day."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy.dialects.postgresql import insert

from webapp.accounts.models import User
from webapp.automation.engine.browser import USER_AGENT
from webapp.automation.models import AutomationSettings
from webapp.core.audit import record_event
from webapp.core.db import atomic, db

DAILY_PER_HOST = 20
MOST_DAILY = 1_000
MOST_AGENT = 200
_MAIL = r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
_PAGE = r"https?://[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+[^\s()<>;]*"
_CONTACT = re.compile(f"{_MAIL}|{_PAGE}")


@dataclass(frozen=True, slots=True)
class Manners:
    """`user_agent` stands behind Chromium's own and holds an address where its owner can be reached; `own`: somebody wrote it."""

    user_agent: str = USER_AGENT
    daily_per_host: int = DAILY_PER_HOST
    own: bool = False

    @property
    def seen(self) -> str:
        """What a page showed, to tell whether it is still so."""
        return f"{self.daily_per_host}:{self.user_agent if self.own else ''}"


class StaleManners(Exception):
    """Somebody else saved them since the form was made."""


def get_settings(company_id: int) -> Manners:
    row = db.session.get(AutomationSettings, company_id)
    if row is None:
        return Manners()
    return Manners(row.user_agent or USER_AGENT, row.daily_per_host, bool(row.user_agent))


def find_contact(user_agent: str) -> str | None:
    """The email or web address in it by which a site's owner can complain; addresses that nobody can reach count for nothing."""
    for found in _CONTACT.finditer(user_agent):
        if not re.search(r"(\.invalid|\.localhost|\.local)(?=[/:]|$)", found[0]):
            return found[0]
    return None


@atomic
def save_settings(user_agent: str, daily_per_host: int, *, seen: str, by: User) -> bool:
    """False when nothing had changed. An empty `user_agent` is the shipped one. Raises StaleManners."""
    db.session.execute(
        insert(AutomationSettings)
        .values(company_id=by.company_id, user_agent="", daily_per_host=DAILY_PER_HOST)
        .on_conflict_do_nothing()
    )
    row = db.session.get_one(AutomationSettings, by.company_id, with_for_update=True, populate_existing=True)
    before = get_settings(by.company_id)
    if (row.user_agent, row.daily_per_host) == (user_agent, daily_per_host):
        return False
    if before.seen != seen:
        raise StaleManners
    row.user_agent, row.daily_per_host = user_agent, daily_per_host
    db.session.flush()
    record_event(
        "automation_settings", "Changed how the automation introduces itself", by=by,
        before={"user_agent": before.user_agent, "daily_per_host": before.daily_per_host},
        after={"user_agent": user_agent or USER_AGENT, "daily_per_host": daily_per_host},
    )  # fmt: skip
    return True
