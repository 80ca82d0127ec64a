"""The one query that decides what a repair makes of a lead: run, preview and dry run share it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from webapp.dialer.fold import DELAY_SQL, NEXT_SQL, said_sql
from webapp.leads.states import FRESH

_FRESH = ", ".join(f"'{name}'" for name in FRESH)

# A fresh lead is judged by the calls since it became fresh, one without a status by all of its calls.
_SAID = said_sql(
    base=f"CASE WHEN l.status IS NULL OR l.status IN ({_FRESH}) THEN 'new' ELSE l.status END",
    since="CASE WHEN l.status IS NULL THEN NULL ELSE l.last_status_change END",
)
# Only a fresh or missing status is repaired; every other lead just gets its counters back.
_TO_STATUS = (
    f"CASE WHEN said.seen IS NULL OR said.seen IN ({_FRESH}) THEN coalesce(said.to_status, 'new') ELSE said.seen END"
)

_DECIDED = f"""
{_SAID}, decided AS (
  SELECT said.*, {_TO_STATUS} AS repaired FROM said
)"""

BEFORE = ("problem", "last_status_change", "dial_attempts", "answered_count", "last_dial_attempt", "dial_result", "pass_dials",
          "next_eligible_at", "call_count")  # fmt: skip

PICKS_SQL = f"""
WITH touched AS (
  SELECT unnest(CAST(:ids AS bigint[])) AS id
), {_DECIDED}
SELECT said.id, said.company_id, said.seen, said.repaired AS to_status, said.evidence_id,
       said.problem AS old_problem, said.last_status_change AS old_last_status_change,
       said.dial_attempts AS old_dial_attempts, said.answered_count AS old_answered_count,
       said.last_dial_attempt AS old_last_dial_attempt, said.dial_result AS old_dial_result,
       said.pass_dials AS old_pass_dials, said.old_next_eligible_at, said.call_count AS old_call_count,
       CASE WHEN said.repaired IS NOT DISTINCT FROM said.seen THEN said.last_status_change
            ELSE least(coalesce(said.speaker_at, rebound_now()), rebound_now()) END AS new_last_status_change,
       coalesce(said.anchor_status, CASE WHEN said.seen IS NULL THEN 'new' ELSE said.seen END) AS new_anchor_status,
       CASE WHEN said.anchor_status IS NULL THEN said.since ELSE said.anchor_at END AS new_anchor_at,
       greatest(said.dial_attempts, said.calls) AS new_dial_attempts,
       greatest(said.answered_count, said.answered) AS new_answered_count,
       greatest(said.last_dial_attempt, said.last_started) AS new_last_dial_attempt,
       coalesce(said.last_call_status, said.dial_result) AS new_dial_result,
       greatest(said.pass_dials, said.pass_calls) AS new_pass_dials,
       CASE WHEN said.repaired IS DISTINCT FROM said.seen THEN {NEXT_SQL} ELSE said.old_next_eligible_at END AS new_next_eligible_at
FROM decided AS said {DELAY_SQL.replace("said.to_status", "said.repaired")}
WHERE NOT coalesce(said.in_call, false)
"""
_I, _T, _S, _B = sa.Integer, sa.DateTime(timezone=True), sa.Text, sa.BigInteger
PICK_COLUMNS: dict[str, Any] = {
    "id": _B, "company_id": _B, "seen": _S, "to_status": _S, "evidence_id": _B,
    "old_problem": _S, "old_last_status_change": _T, "old_dial_attempts": _I, "old_answered_count": _I,
    "old_last_dial_attempt": _T, "old_dial_result": _S, "old_pass_dials": _I, "old_next_eligible_at": _T, "old_call_count": _I,
    "new_last_status_change": _T, "new_anchor_status": _S, "new_anchor_at": _T, "new_dial_attempts": _I,
    "new_answered_count": _I, "new_last_dial_attempt": _T, "new_dial_result": _S, "new_pass_dials": _I,
    "new_next_eligible_at": _T,
}  # fmt: skip
SET = {name.removeprefix("new_"): name for name in PICK_COLUMNS if name.startswith("new_")}

PREVIEW_SQL = f"""
WITH touched AS (
  SELECT id FROM leads WHERE list_id = ANY(CAST(:lists AS bigint[])) AND problem IS NOT NULL
    AND problem = ANY(CAST(:classes AS text[])) ORDER BY list_id, id LIMIT :limit
), {_DECIDED}
SELECT said.id, said.problem, said.seen, said.repaired AS to_status, coalesce(said.in_call, false) AS in_call,
       said.dial_attempts, said.calls, said.evidence_id, said.last_started,
       l.first_name, l.last_name, l.business, l.phone, l.email
FROM decided AS said JOIN leads l ON l.id = said.id ORDER BY said.list_id, said.id
"""
PREVIEW_COLUMNS: dict[str, Any] = {
    "id": _B, "problem": _S, "seen": _S, "to_status": _S, "in_call": sa.Boolean, "dial_attempts": _I, "calls": _I,
    "evidence_id": _B, "last_started": _T, "first_name": _S, "last_name": _S, "business": _S, "phone": _S, "email": _S,
}  # fmt: skip
