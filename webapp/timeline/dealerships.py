"""What the automation keeps of a lead, when two leads become one. That room is to the right: it is reached by its tables' names.

A dealership and the proof of what was sent to it never go with a lead: they follow the survivor, and come back when the merge is undone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from webapp.core.db import db

_BUSY = sa.text(
    """
    SELECT d.lead_id FROM dealerships d JOIN project_dealerships p ON p.dealership_id = d.id
    WHERE d.lead_id = ANY(:ids) AND p.lease_until > rebound_now() LIMIT 1
    """
)
_SHARED = sa.text(
    """
    SELECT pr.name FROM dealerships d JOIN project_dealerships p ON p.dealership_id = d.id JOIN projects pr ON pr.id = p.project_id
    WHERE d.lead_id = ANY(:ids) GROUP BY pr.id, pr.name HAVING count(DISTINCT d.id) > 1 ORDER BY pr.name LIMIT 1
    """
)


def why_not_merge(ids: Sequence[int]) -> str | None:
    """What of the automation stands in the way of making these leads one; None for nothing."""
    busy = db.session.scalar(_BUSY, {"ids": list(ids)})
    if busy:
        return f"The contact form of lead {busy} is being filled right now. Merge when that has ended."
    shared = db.session.scalar(_SHARED, {"ids": list(ids)})
    if shared:
        return f"More than one of these leads is in the project “{shared}”. Take all but one out of it first: only one can be kept there."
    return None


def move(survivor_id: int, gone_id: int) -> dict[str, Any]:
    """The gone lead's dealership follows the survivor, or its places in projects go to the survivor's own; what is needed for the way back."""
    given = {"to": survivor_id, "from": gone_id}
    own = db.session.scalar(sa.text("SELECT id FROM dealerships WHERE lead_id = :to FOR UPDATE"), given)
    if own is None:
        moved = db.session.scalars(
            sa.text("UPDATE dealerships SET lead_id = :to WHERE lead_id = :from RETURNING id"), given
        ).all()
        return {"followed": list(moved)}
    whole = db.session.scalar(sa.text("SELECT to_jsonb(d) FROM dealerships d WHERE lead_id = :from FOR UPDATE"), given)
    if whole is None:
        return {}
    places = db.session.scalars(
        sa.text("UPDATE project_dealerships SET dealership_id = :own WHERE dealership_id = :gone RETURNING id"),
        {"own": own, "gone": whole["id"]},
    ).all()
    db.session.execute(sa.text("DELETE FROM dealerships WHERE id = :id"), {"id": whole["id"]})
    return {"whole": whole, "places": list(places)}


def move_back(survivor_id: int, gone_id: int, moved: dict[str, Any]) -> None:
    if moved.get("followed"):
        db.session.execute(
            sa.text("UPDATE dealerships SET lead_id = :gone WHERE lead_id = :survivor AND id = ANY(:ids)"),
            {"gone": gone_id, "survivor": survivor_id, "ids": moved["followed"]},
        )
    if moved.get("whole"):
        db.session.execute(
            sa.text("INSERT INTO dealerships OVERRIDING SYSTEM VALUE SELECT * FROM jsonb_populate_record(NULL::dealerships, CAST(:whole AS jsonb))"),
            {"whole": json.dumps(moved["whole"])},
        )  # fmt: skip
        db.session.execute(
            sa.text("UPDATE project_dealerships SET dealership_id = :own WHERE id = ANY(:ids)"),
            {"own": moved["whole"]["id"], "ids": moved["places"]},
        )
