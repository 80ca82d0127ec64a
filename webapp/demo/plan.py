"""What the demo company will hold, decided from a seed before the first row is written.

Every lead's part follows from its index alone, so a loading that was cut off goes on with the same data.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from random import Random

from webapp.demo.places import slots

LEADS, CALLS = 25_000, 60_000
MOST_DIALS = 11
# What is planted, at full size. The first two are what the recycling page is for; "callback_without" and
# "callback_reverse" are the two directions of one problem class.
PLANTED: dict[str, int] = {
    "dialed_but_new": 458, "calls_without_tracking": 127, "missing_status": 60, "count_mismatch": 45,
    "count_mismatch_above": 25, "count_without_log": 20, "open_call": 12, "callback_without": 4, "callback_reverse": 4,
}  # fmt: skip
# The results behind the first two: what a repair of them all will find.
HIDDEN_RESULTS: dict[str, int] = {"no_answer": 243, "busy": 128, "contacted": 97, "failed": 86, "dropped": 31}
NEVER_CALLED = ("missing_status", "count_without_log")


@dataclass(frozen=True, slots=True)
class ListPlan:
    name: str
    trade: str
    source: str
    share: float
    campaign: int
    weight: int
    age_days: int
    dialed: float  # share of its leads that were called


LISTS = (
    ListPlan("Independent auto dealers", "dealers", "Purchased list", 0.36, 0, 3, 74, 0.93),
    ListPlan("Repair shops and garages", "garages", "Purchased list", 0.26, 0, 2, 66, 0.86),
    ListPlan("Home services", "home", "Web search", 0.18, 1, 2, 63, 0.80),
    ListPlan("Dental practices", "dental", "Directory", 0.14, 1, 1, 41, 0.66),
    ListPlan("Trade show visitors", "show", "Trade show", 0.06, 1, 1, 16, 0.40),
)


@dataclass(slots=True)
class Plan:
    """`dials` by lead; `planted` names the problem of a lead, `hidden` the result behind it; `twins`: a lead
    entered a second time, by the lead it repeats."""

    seed: int
    leads: int
    calls: int
    ends: list[int]
    planted: dict[int, str] = field(default_factory=dict)
    hidden: dict[int, str] = field(default_factory=dict)
    twins: dict[int, int] = field(default_factory=dict)
    dials: list[int] = field(default_factory=list)

    def list_of(self, index: int) -> int:
        return bisect_right(self.ends, index)

    def slot_of(self, index: int) -> int:
        """Phones are dealt all over the country: 7919 has no divisor in common with the number of slots."""
        return (self.twins.get(index, index) * 7919 + self.seed) % slots()

    def has_phone(self, index: int) -> bool:
        return index % 97 != 50 or self.dials[index] > 0

    def rng(self, index: int, what: str) -> Random:
        return Random(f"{self.seed}:{what}:{index}")  # noqa: S311  repeatable data, nothing secret


def _scaled(counts: dict[str, int], scale: float) -> dict[str, int]:
    return {name: max(1, round(count * scale)) for name, count in counts.items()}


def planted_counts(scale: float = 1.0) -> dict[str, int]:
    """Leads by problem class as the pages count them."""
    counts = _scaled(PLANTED, scale)
    counts["callback_mismatch"] = counts.pop("callback_without") + counts.pop("callback_reverse")
    return counts


@lru_cache(maxsize=2)
def make_plan(seed: int, scale: float = 1.0) -> Plan:
    leads, calls = round(LEADS * scale), round(CALLS * scale)
    if leads < 200:
        raise ValueError("a demo needs at least 200 leads")
    rng = Random(seed)  # noqa: S311
    ends = [round(leads * share) for share in accumulate(plan.share for plan in LISTS)]
    plan = Plan(seed, leads, calls, ends[:-1])
    _plant(plan, scale, rng)
    _pair(plan)
    _deal_dials(plan, rng)
    return plan


def _plant(plan: Plan, scale: float, rng: Random) -> None:
    counts = _scaled(PLANTED, scale)
    chosen = rng.sample(range(plan.leads), sum(counts.values()))
    kinds = [kind for kind, count in counts.items() for _ in range(count)]
    plan.planted = dict(zip(chosen, kinds, strict=True))
    behind = [i for i, kind in plan.planted.items() if kind in ("dialed_but_new", "calls_without_tracking")]
    results = [name for name, count in HIDDEN_RESULTS.items() for _ in range(count)]
    rng.shuffle(results)
    plan.hidden = {index: results[n % len(results)] for n, index in enumerate(behind)}


def _pair(plan: Plan) -> None:
    """Some visitors of the trade show were in the first list already."""
    for index in range(plan.ends[-1], plan.leads, 14):
        repeated = (index * 13) % plan.ends[0]
        if index not in plan.planted and repeated not in plan.planted:
            plan.twins[index] = repeated


def _deal_dials(plan: Plan, rng: Random) -> None:
    dials = []
    for index in range(plan.leads):
        kind = plan.planted.get(index)
        entry = LISTS[plan.list_of(index)]
        count = rng.choices((1, 2, 3, 4, 5, 6, 7, 8), (24, 22, 18, 13, 9, 6, 4, 4))[0]
        if kind in NEVER_CALLED:
            count = 0
        elif kind == "open_call":
            count = 1
        elif kind is not None:
            count = max(2, min(count, 3))
        elif rng.random() > entry.dialed or index % 97 == 50:
            count = 0
        dials.append(min(count, 6) if entry.trade == "show" else count)
    free = [
        i for i, count in enumerate(dials) if count and i not in plan.planted and LISTS[plan.list_of(i)].trade != "show"
    ]
    missing = plan.calls - sum(dials)
    while missing:
        index = rng.choice(free)
        step = 1 if missing > 0 else -1
        if 1 <= dials[index] + step <= MOST_DIALS:
            dials[index] += step
            missing -= step
    plan.dials = dials
