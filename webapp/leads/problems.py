"""Problem classes of a lead's row as one SQL expression: the generated column `leads.problem` holds the first
class a row falls in, so pages, reports, repair and tallies can never disagree on who is a problem.

Classes that need other tables (open_call, callback_mismatch) are counted beside it in recycling.queries.
"""

from __future__ import annotations

from dataclasses import dataclass

from webapp.leads.states import FRESH

_FRESH = ", ".join(f"'{name}'" for name in FRESH)

PROBLEM_SQL = f"""CASE
 WHEN call_count > 0 AND (dial_attempts = 0 OR last_dial_attempt IS NULL) THEN 'calls_without_tracking'
 WHEN status IS NULL AND last_result_at IS NOT NULL THEN 'dialed_but_new'
 WHEN status IN ({_FRESH}) AND last_result_at IS NOT NULL
  AND (last_status_change IS NULL OR last_result_at > last_status_change) THEN 'dialed_but_new'
 WHEN status IS NULL THEN 'missing_status'
 WHEN dial_attempts > 0 AND call_count = 0 THEN 'count_without_log'
 WHEN dial_attempts < call_count THEN 'count_mismatch'
 WHEN dial_attempts > call_count THEN 'count_mismatch_above'
 END"""


@dataclass(frozen=True, slots=True)
class ProblemClass:
    """`repairable`: the button fixes it; otherwise it is listed for a person."""

    name: str
    label: str
    sentence: str  # takes {n}
    rule: str
    repairable: bool
    on_lead: bool = True  # held in leads.problem


PROBLEMS: dict[str, ProblemClass] = {
    p.name: p
    for p in (
        ProblemClass("dialed_but_new", "Dialed but still new", "{n} were dialed but still say New, Enriched or nothing.",
                     "The status of the last call is set.", True),
        ProblemClass("calls_without_tracking", "Calls without tracking", "{n} have calls but no dial count or last dial.",
                     "Counters are taken from the call logs; the status too, where it still says New.", True),
        ProblemClass("missing_status", "Missing status", "{n} have no status and no calls.", "They become New.", True),
        ProblemClass("count_mismatch", "Count mismatch, below the logs", "{n} count fewer dials than they have call logs.",
                     "The count is raised to the logs.", True),
        ProblemClass("count_mismatch_above", "Count mismatch, above the logs", "{n} count more dials than they have call logs.",
                     "Listed for a person; a count is never lowered by itself.", False),
        ProblemClass("count_without_log", "Count without a log", "{n} count dials but have no call log.",
                     "Listed for a person.", False),
        ProblemClass("open_call", "Call without an end", "{n} calls have had no end for over 2 hours.",
                     "The call is closed as unknown and listed.", True, on_lead=False),
        ProblemClass("callback_mismatch", "Callback mismatch",
                     "{n} say Callback without an open callback, or the reverse.",
                     "Listed, with the choices beside each.", False, on_lead=False),
        ProblemClass("stuck_claim", "Claim past its lease", "{n} were claimed by an agent or a dialer who let the lease run out.",
                     "Given back when no call was made, else the call is closed as unknown and listed.", True, on_lead=False),
        ProblemClass("hopper_mismatch", "In the hopper, not dialable", "{n} stand in the hopper and may not be dialed.",
                     "They are taken out of the hopper.", True, on_lead=False),
    )
}  # fmt: skip
REPAIRABLE = tuple(p.name for p in PROBLEMS.values() if p.repairable and p.on_lead)
