"""What the dialer adds to the leads' table: the leads behind a number of "Why not?", and their time zone set for many at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.accounts.places import zone_choices
from webapp.core.access import find_owned
from webapp.core.db import db
from webapp.dialer.eligible import ids_of_reason
from webapp.dialer.hours import known_zones
from webapp.dialer.models import DialCampaign
from webapp.dialer.views import bp
from webapp.leads.filters import LeadFilter
from webapp.leads.models import BulkAction
from webapp.leads.queries.matching import Scope, owned_conditions
from webapp.leads.service.leads import edit_hooks
from webapp.leads.service.own import BulkRefused, Codes, OwnAction, own_actions


def is_of_reason(scope: Scope, f: LeadFilter) -> tuple[str, dict[str, Any]]:
    """`dial`: "<campaign id>.<reason>"; of a campaign that is not the company's there are none."""
    number, _, reason = f.dial.partition(".")
    campaign = find_owned(DialCampaign, int(number), scope.company_id)
    return "l.id = ANY(:dial_ids)", {"dial_ids": ids_of_reason(campaign, reason) if campaign else []}


owned_conditions["dial"] = is_of_reason

# --- the time zone of many ------------------------------------------------------------------------------------------


def _check(given: dict[str, Any], by: User) -> dict[str, Any]:
    zone = str(given.get("zone") or "").strip()
    if zone not in known_zones():
        raise BulkRefused("Choose a time zone.")
    return {"zone": zone, "label": zone}


def _judge(ids: Sequence[int], params: dict[str, Any], by: User) -> Codes:
    rows = db.session.execute(
        sa.text(
            "SELECT id, zone IS NOT DISTINCT FROM :zone AS same FROM leads WHERE company_id = :company AND id = ANY(:ids)"
        ),
        {"company": by.company_id, "ids": list(ids), "zone": params["zone"]},
    )
    return {row.id: "unchanged" if row.same else "" for row in rows}


_SET = sa.text(
    """
    WITH changed AS (
      UPDATE leads l SET zone = :zone, version = l.version + 1 FROM (SELECT id, zone AS was FROM leads WHERE id = ANY(:ids)) o
      WHERE l.id = o.id AND l.company_id = :company AND l.zone IS DISTINCT FROM :zone RETURNING l.id, l.company_id, o.was
    )
    INSERT INTO lead_changes (company_id, lead_id, user_id, cause, batch_id, before, after, created_at)
    SELECT company_id, id, :by, 'bulk', :batch, jsonb_build_object('zone', was), jsonb_build_object('zone', CAST(:zone AS text)), rebound_now()
    FROM changed RETURNING lead_id
    """
)


def _run(ids: Sequence[int], row: BulkAction, by: User) -> Codes:
    db.session.execute(sa.text("SELECT id FROM leads WHERE id = ANY(:ids) ORDER BY id FOR UPDATE"), {"ids": list(ids)})
    done = set(
        db.session.scalars(
            _SET, {"ids": list(ids), "company": by.company_id, "zone": row.params["zone"], "by": by.id, "batch": row.batch_id}
        )
    )  # fmt: skip
    _follow(done)
    return {lead_id: "" if lead_id in done else "unchanged" for lead_id in ids}


def _follow(ids: set[int]) -> None:
    for hook in edit_hooks:
        hook(sorted(ids), frozenset({"zone"}))


_BACK = sa.text(
    """
    WITH ours AS (
      SELECT c.lead_id, c.before->>'zone' AS was, l.zone IS NOT DISTINCT FROM c.after->>'zone' AS same
      FROM lead_changes c JOIN leads l ON l.id = c.lead_id
      WHERE c.batch_id = CAST(:batch AS uuid) AND c.lead_id > :position ORDER BY c.lead_id LIMIT :size FOR UPDATE OF l
    ), back AS (
      UPDATE leads l SET zone = o.was, version = l.version + 1 FROM ours o WHERE l.id = o.lead_id AND o.same
      RETURNING l.id, l.company_id, o.was
    ), written AS (
      INSERT INTO lead_changes (company_id, lead_id, user_id, cause, batch_id, before, after, created_at)
      SELECT company_id, id, :by, 'undo', :undo, jsonb_build_object('zone', CAST(:zone AS text)), jsonb_build_object('zone', was),
             rebound_now() FROM back
    )
    SELECT lead_id, same FROM ours ORDER BY lead_id
    """
)


def _undo(of: BulkAction, row: BulkAction, position: int, by: User) -> tuple[list[int], set[int]]:
    rows = db.session.execute(
        _BACK,
        {"batch": str(of.batch_id), "position": position, "size": 1_000, "by": by.id, "undo": row.batch_id, "zone": of.params["zone"]},
    ).all()  # fmt: skip
    back = {each.lead_id for each in rows if each.same}
    _follow(back)
    return [each.lead_id for each in rows], back


bp.add_app_template_global(zone_choices)
own_actions["zone"] = OwnAction(
    title="Set the time zone of", sentence="Set the time zone of", words=("Will change", "Change", "Changed"), template="dialer/_bulk_zone.html", fields=("zone",), reasons={},
    check=_check, judge=_judge, run=_run, undo=_undo, chunk=1_000, most=1_000_000,
)  # fmt: skip
