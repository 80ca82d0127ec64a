"""The lead's summary of what was logged, always recomputed from the rows; and the nightly look for drift."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import sqlalchemy as sa
import structlog

from webapp.core.db import atomic, db
from webapp.timeline.models import ContactDrift

log = structlog.get_logger(__name__)
CHUNK = 5_000
NAMED = 20


def recount(lead_ids: Iterable[int]) -> None:
    """Bring these leads' summaries up to their rows, in the transaction in hand."""
    db.session.execute(sa.text("SELECT count(*) FROM contact_recount(:ids)"), {"ids": sorted(set(lead_ids))})


_FIND = """
SELECT l.id, jsonb_build_object('contacts', l.logged_contacts, 'last_at', l.last_logged_at, 'method', l.last_logged_method,
                                'response_at', l.last_response_at) AS kept,
       jsonb_build_object('contacts', s.contacts, 'last_at', s.last_at, 'method', s.last_method,
                          'response_at', s.response_at) AS real
FROM contact_summary(:ids) s JOIN leads l ON l.id = s.lead_id
WHERE (l.logged_contacts, l.last_logged_at, l.last_logged_method, l.last_response_at)
      IS DISTINCT FROM (s.contacts, s.last_at, s.last_method, s.response_at)
ORDER BY l.id
"""
# Only leads with contacts, or with a summary that says so, can have drifted.
_NEXT = """
SELECT id FROM (
  (SELECT DISTINCT lead_id AS id FROM contact_attempts WHERE company_id = :company AND lead_id > :after
   ORDER BY lead_id LIMIT :size)
  UNION
  (SELECT id FROM leads WHERE company_id = :company AND id > :after AND (logged_contacts <> 0 OR last_response_at IS NOT NULL)
   ORDER BY id LIMIT :size)
) AS either ORDER BY id LIMIT :size
"""


def _chunks(company_id: int) -> Iterator[list[int]]:
    after = 0
    while True:
        ids = list(db.session.scalars(sa.text(_NEXT), {"company": company_id, "after": after, "size": CHUNK}))
        db.session.rollback()
        if not ids:
            return
        yield ids
        after = ids[-1]


@atomic
def _mend(ids: list[int]) -> list[tuple[int, dict[str, object], dict[str, object]]]:
    db.session.execute(sa.text("SELECT id FROM leads WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE"), {"ids": ids})
    found = [(row.id, row.kept, row.real) for row in db.session.execute(sa.text(_FIND), {"ids": ids})]
    if found:
        recount(row[0] for row in found)
    return found


@atomic
def _report(company_id: int, count: int, named: list[dict[str, object]]) -> None:
    db.session.add(ContactDrift(company_id=company_id, leads=count, found={"leads": named}))


def mend_drift(company_id: int) -> int:
    """Compare every summary with its rows, mend what differs and report it; how many leads had drifted."""
    count, named = 0, list[dict[str, object]]()
    for ids in _chunks(company_id):
        found = _mend(ids)
        count += len(found)
        named += [{"id": row, "kept": kept, "real": real} for row, kept, real in found[: NAMED - len(named)]]
    if count:
        _report(company_id, count, named)
        log.warning("contact_summaries_drifted", company_id=company_id, leads=count)
    return count
