"""What its calls say of a lead, as one statement for any number of leads.

The base is the last status no call gave (`anchor_status`, since `anchor_at`); only calls with a result
after it speak. In this order: a Do Not Call of any time that was not lifted since; a protected base stays; the first call that
protects; the last call an agent or an answer decided; a base that an unanswered dial may not change;
the last call at all. Arrival order never matters, and repair and events can never disagree.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from webapp.core.db import Prepared
from webapp.core.states import advance_many
from webapp.dialer.rules import DEFAULT_RULES
from webapp.leads.models import Lead
from webapp.leads.states import LEAD, PROTECTED, STICKY


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)


DEFAULT_DELAYS = ", ".join(
    f"('{status}', {int(delay.total_seconds())}, {redials})" for status, (delay, redials) in DEFAULT_RULES.items()
)

BASE_SQL = "coalesce(l.anchor_status, l.status, 'new')"
SINCE_SQL = """CASE WHEN l.anchor_status IS NOT NULL THEN l.anchor_at WHEN l.status IS NULL THEN NULL
              ELSE l.last_status_change END"""


def said_sql(*, base: str = BASE_SQL, since: str = SINCE_SQL, along: tuple[str, ...] = ()) -> str:
    """CTEs `wanted`, `heard`, `said` over a CTE `touched(id)` of leads that are locked already.

    `said` has per lead the old facts, what the logs count, `to_status` with its `evidence_id`, and the columns of
    `touched` named in `along`. One lead leads to its calls by its index, never by a join of two CTEs: the
    database guesses these at a few rows, and a thousand by a thousand costs more than all the rest.
    """
    return f"""
wanted AS (
  SELECT l.id, l.company_id, l.list_id, l.status AS seen,
         {base} AS base, {since} AS since, l.problem, l.next_eligible_at AS old_next_eligible_at,
         l.anchor_status, l.anchor_at, l.last_status_change, l.last_dial_attempt, l.dial_result, l.dial_attempts,
         l.answered_count, l.pass_dials, l.dials_reset_at, l.call_count, l.last_result_at AS old_last_result_at, l.phone, l.zone
         {"".join(f", t.{column}" for column in along)}
  FROM touched t JOIN leads l ON l.id = t.id
), heard AS (
  SELECT w.*, c.*
  FROM wanted w CROSS JOIN LATERAL (
    SELECT count(*)::int AS calls,
           count(*) FILTER (WHERE human)::int AS answered,
           count(*) FILTER (WHERE started_at > coalesce(w.dials_reset_at, '-infinity'))::int AS pass_calls,
           coalesce(bool_or(result IS NULL), false) AS in_call,
           max(started_at) AS last_started, max(result_at) AS last_result_at,
           count(*) FILTER (WHERE call_reached(call_status, disposition))::int AS reached,
           max(started_at) FILTER (WHERE call_reached(call_status, disposition)) AS reached_at,
           max(result_at) FILTER (WHERE result = 'dnc') AS forbidding_at,
           min(result_at) FILTER (WHERE result IN ({_names(PROTECTED)}) AND result_at > coalesce(w.since, '-infinity'))
             AS protecting_at,
           max(result_at) FILTER (WHERE decided AND result <> 'invalid' AND result_at > coalesce(w.since, '-infinity'))
             AS deciding_at,
           max(result_at) FILTER (WHERE decided AND result = 'invalid' AND result_at > coalesce(w.since, '-infinity'))
             AS invalid_at,
           max(result_at) FILTER (WHERE result_at > coalesce(w.since, '-infinity')) AS latest_at
    FROM call_logs WHERE lead_id = w.id
  ) AS c
), said AS (
  SELECT w.*, speaker.id AS evidence_id, speaker.result_at AS speaker_at, speaker.disposition IS NOT NULL AS by_agent,
         coalesce(speaker.result, w.seen) AS to_status, latest.call_status AS last_call_status, latest.result AS last_result
  FROM heard w
  LEFT JOIN LATERAL (
    SELECT id, result, result_at, disposition FROM call_logs
    WHERE lead_id = w.id AND result_at = CASE
      WHEN w.forbidding_at IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM dnc_entries x WHERE x.company_id = w.company_id AND x.method IS NULL AND x.lifted_at > w.forbidding_at
          AND (x.lead_id = w.id OR (x.kind = 'phone' AND x.value = w.phone))) THEN w.forbidding_at
      WHEN w.base IN ({_names(PROTECTED)}) THEN NULL
      WHEN w.protecting_at IS NOT NULL THEN w.protecting_at
      WHEN w.deciding_at >= coalesce(w.invalid_at, '-infinity') THEN w.deciding_at
      WHEN w.invalid_at IS NOT NULL THEN w.latest_at
      WHEN w.base IN ({_names(STICKY)}) THEN NULL
      ELSE w.latest_at END
    ORDER BY result = 'dnc' DESC, result IN ({_names(PROTECTED)}) DESC, decided DESC, result, id DESC LIMIT 1
  ) AS speaker ON true
  LEFT JOIN LATERAL (
    SELECT call_status, result FROM call_logs WHERE lead_id = w.id AND result IS NOT NULL ORDER BY started_at DESC, id DESC LIMIT 1
  ) AS latest ON true
)"""


# How long a lead rests after its last dial, by the campaign's rule for its status or the shipped one. A promise that was tried
# in vain leaves the status as it is: then what came of the try decides.
_RESTS_FOR = "CASE WHEN said.to_status = 'callback' THEN coalesce(said.last_result, 'callback') ELSE said.to_status END"
DELAY_SQL = f"""
LEFT JOIN lead_lists ll ON ll.id = said.list_id
LEFT JOIN recycle_rules rule ON rule.campaign_id = ll.dial_campaign_id AND rule.status = {_RESTS_FOR} AND rule.active
LEFT JOIN dial_campaigns dc ON dc.id = ll.dial_campaign_id
LEFT JOIN (VALUES {DEFAULT_DELAYS}) AS shipped(status, seconds, redials) ON shipped.status = {_RESTS_FOR}"""


def next_sql(dialed: str, zone: str) -> str:
    """Over `rule`, `shipped` and `dc`: when the delay after that dial is over, in clock time or in calling hours."""
    return f"""CASE WHEN rule.clock = 'calling' AND {zone} IS NOT NULL
  THEN add_calling_time({dialed}, rule.delay_seconds, {zone}, dc.windows, dc.holidays)
  ELSE {dialed} + make_interval(secs => coalesce(rule.delay_seconds, shipped.seconds)) END"""


NEXT_SQL = next_sql("coalesce(said.last_started, said.last_dial_attempt)", "said.zone")

_PICKS = f"""
WITH touched AS (
  SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:dialed AS int[]), CAST(:answered AS int[])) AS d(id, dialed, answered_more)
), {said_sql(along=("dialed", "answered_more"))}
SELECT said.id, said.company_id, said.seen, said.to_status, said.evidence_id,
       CASE WHEN said.by_agent THEN 'disposition' ELSE 'call' END AS cause,
       CASE WHEN said.to_status IS DISTINCT FROM said.seen THEN least(said.speaker_at, rebound_now())
            ELSE said.last_status_change END AS new_last_status_change,
       coalesce(said.anchor_status, said.base) AS new_anchor_status,
       CASE WHEN said.anchor_status IS NULL THEN said.since ELSE said.anchor_at END AS new_anchor_at,
       CASE WHEN said.dial_attempts > said.call_count THEN greatest(said.last_dial_attempt, said.last_started)
            ELSE coalesce(said.last_started, said.last_dial_attempt) END AS new_last_dial_attempt,
       coalesce(said.last_call_status, '') AS new_dial_result,
       said.dial_attempts + said.dialed AS new_dial_attempts,
       greatest(said.answered_count + said.answered_more, 0) AS new_answered_count,
       said.calls AS new_call_count, said.last_result_at AS new_last_result_at,
       said.reached AS new_call_contacts, said.reached_at AS new_last_call_contact_at,
       greatest(said.pass_calls, CASE WHEN said.dials_reset_at IS NULL THEN said.pass_dials + said.dialed ELSE 0 END)
         AS new_pass_dials,
       {NEXT_SQL} AS new_next_eligible_at
FROM said {DELAY_SQL}
"""
_I, _T, _S = sa.Integer, sa.DateTime(timezone=True), sa.Text
_COLUMNS: dict[str, Any] = {
    "id": sa.BigInteger, "company_id": sa.BigInteger, "seen": _S, "to_status": _S, "evidence_id": sa.BigInteger, "cause": _S,
    "new_last_status_change": _T, "new_anchor_status": _S, "new_anchor_at": _T, "new_last_dial_attempt": _T,
    "new_dial_result": _S, "new_dial_attempts": _I, "new_answered_count": _I, "new_call_count": _I,
    "new_last_result_at": _T, "new_call_contacts": _I, "new_last_call_contact_at": _T, "new_pass_dials": _I, "new_next_eligible_at": _T,
}  # fmt: skip
SET = {name.removeprefix("new_"): name for name in _COLUMNS if name.startswith("new_")}


_TYPED = sa.text(_PICKS).bindparams(
    sa.bindparam("ids", type_=pg.ARRAY(sa.BigInteger)),
    sa.bindparam("dialed", type_=pg.ARRAY(sa.Integer)),
    sa.bindparam("answered", type_=pg.ARRAY(sa.Integer)),
)
_moved = advance_many(
    _TYPED.columns(*(sa.column(name, kind) for name, kind in _COLUMNS.items())), machine=LEAD, table=Lead.__table__,
    by=None, cause="call", batch_id=None, values=dict(SET),
).subquery()  # fmt: skip
_APPLY = Prepared(sa.select(_moved.c.old_status, _moved.c.new_status).distinct())


def apply_calls(deltas: dict[int, tuple[int, int]]) -> set[str | None]:
    """Bring leads up to what their calls say. `deltas`: lead id -> (dials, answers) new with this batch.

    The leads are locked already, and `rebound.calls_counted` is on. Returns the statuses that leads left or came to.
    """
    if not deltas:
        return set()
    ids = sorted(deltas)
    rows = _APPLY(ids=ids, dialed=[deltas[i][0] for i in ids], answered=[deltas[i][1] for i in ids])
    return {status for row in rows for status in row}
