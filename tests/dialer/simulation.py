"""A dial campaign's floor in simulated time: agents, a dialer that tells late, twice or never, and a ledger of its own.

The ledger knows a call from the first event of it that was delivered; it judges each claim by plain rules, not by the app's code.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from webapp.core.db import db as database
from webapp.dialer.claims import Claim, claim_next, finish, heartbeat, release, sweep_claims
from webapp.dialer.eligible import count_reasons, judge
from webapp.dialer.events import parse_event
from webapp.dialer.models import Callback, DialCampaign, HopperEntry
from webapp.dialer.rules import DEFAULT_RULES
from webapp.dialer.service import record_events
from webapp.leads.models import Lead
from webapp.timeline.models import DncEntry

PER_PASS, LIFETIME, GAP, HANDOVER = 5, 8, timedelta(minutes=60), timedelta(minutes=30)
CAP = timedelta(hours=24)
PROTECTED = {"sale", "qualified", "dnc"}
SPOKE = {"contacted", "sale", "qualified", "not_interested", "dnc"}
STATUS_OF = {
    "answered": "contacted", "machine": "no_answer", "no_answer": "no_answer", "busy": "busy", "congestion": "congestion",
    "dropped": "dropped", "failed": "failed", "invalid_number": "invalid", "unknown": "failed",
}  # fmt: skip
RESULTS = (
    ("no_answer", None, 30), ("busy", None, 18), ("congestion", None, 5), ("dropped", None, 5), ("failed", None, 4),
    ("machine", None, 6), ("invalid_number", None, 2), ("answered", None, 3), ("answered", "callback", 12),
    ("answered", "contacted", 4), ("answered", "sale", 3), ("answered", "not_interested", 4), ("answered", "dnc", 3),
    ("answered", "qualified", 1),
)  # fmt: skip


def may_call(zone: str | None, at: datetime) -> bool:
    """Monday to Saturday, 09:00 to 20:00 on the lead's own clock."""
    if zone is None:
        return False
    local = at.astimezone(ZoneInfo(zone))
    return local.weekday() < 6 and time(9) <= local.time() < time(20)


@dataclass(eq=False)
class Call:
    """One dial as the ledger knows it. `events` are those not delivered yet."""

    key: str
    lead: int
    phone: str
    start: datetime
    status: str
    disposition: str | None
    callback_at: datetime | None
    known: bool = False
    ended: bool = False
    closed: bool = False  # by the sweep, for want of an end
    answered: bool = False
    answered_last: bool = False  # after it was closed

    @property
    def over(self) -> bool:
        return self.ended or self.closed

    @property
    def call_status(self) -> str:
        if self.ended:
            return self.status
        if self.closed:
            return "answered" if self.answered_last else "unknown"
        return "answered" if self.answered else "dialing"

    @property
    def result(self) -> str | None:
        if not self.over:
            return None
        return (self.disposition if self.ended else None) or STATUS_OF[self.call_status]

    @property
    def human(self) -> bool:
        return self.call_status == "answered" or (self.ended and self.disposition in SPOKE)

    @property
    def decided(self) -> bool:
        return self.over and ((self.ended and self.disposition is not None) or self.call_status == "answered")


@dataclass
class Hand:
    claim: Claim
    until: datetime
    call: Call | None = None
    left: bool = False  # whoever held it does not come back to it


@dataclass
class Floor:
    """`phone_of`, `zone_of`: of each lead. `forbidden`: phones and leads that nobody may call."""

    company: Any
    campaign: DialCampaign
    agents: list[Any]
    dice: random.Random
    phone_of: dict[int, str | None]
    zone_of: dict[int, str | None]
    forbidden: set[str | int]
    old_calls: Counter[int]
    now: datetime = field(init=False)
    calls: dict[int, list[Call]] = field(default_factory=lambda: defaultdict(list))
    by_phone: dict[str, list[Call]] = field(default_factory=lambda: defaultdict(list))
    hands: dict[str, Hand] = field(default_factory=dict)
    later: list[tuple[datetime, Call, dict[str, Any]]] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)  # what happened, to see that the day was worth it
    back: dict[int, datetime] = field(default_factory=dict)  # agents who are away until then

    # --- the dialer -------------------------------------------------------------------------------------------

    def deliver(self, batch: list[tuple[Call, dict[str, Any]]]) -> None:
        """Shuffled and some of it twice, in the ledger in the same order."""
        batch = batch + [one for one in batch if self.dice.random() < 0.3]
        self.dice.shuffle(batch)
        record_events(self.company.id, [parse_event(event) for _, event in batch])
        for call, event in batch:
            if not call.known:
                call.known = True
                self.calls[call.lead].append(call)
                self.by_phone[call.phone].append(call)
            if event["type"] == "ended":
                call.ended = True
                if call.disposition == "dnc":
                    self.forbidden |= {call.phone, call.lead}
            if event["type"] == "answered":
                call.answered_last |= call.closed and not call.answered
                call.answered = True

    def deliver_late(self) -> None:
        due = [(call, event) for at, call, event in self.later if at <= self.now]
        self.later = [one for one in self.later if one[0] > self.now]
        if due:
            self.told["late"] += len(due)
            self.deliver(due)

    def dial(self, claim: Claim, agent: Any) -> tuple[Call, list[dict[str, Any]]]:
        status, disposition, _ = self.dice.choices(RESULTS, [weight for *_, weight in RESULTS])[0]
        promised = self.now + timedelta(minutes=self.dice.choice((20, 40, 90, 300, 900, 2400)))
        call = Call(
            claim.token, claim.lead_id, claim.phone, self.now, status, disposition, promised if disposition == "callback" else None
        )  # fmt: skip
        base = {"provider": "sim", "call_id": call.key, "lead_id": call.lead, "phone": call.phone, "agent": agent.name}
        at = self.now.isoformat()
        events = [{"type": "dialing"}]
        if status in ("answered", "machine"):
            events.append({"type": "answered"})
        end: dict[str, Any] = {"type": "ended", "call_status": status}
        if disposition:
            end["disposition"] = disposition
        if call.callback_at:
            end["callback_at"] = call.callback_at.isoformat()
        events.append(end)
        return call, [
            base | {"event_id": f"{call.key}-{e['type']}", "occurred_at": at, "started_at": at} | e for e in events
        ]

    # --- the agents -------------------------------------------------------------------------------------------

    def work(self, agent: Any) -> bool:
        """One claim and what the agent makes of it; False when there was none."""
        claim = claim_next(self.company.id, self.campaign.id, by=agent)
        if claim is None:
            return False
        self.check(claim, agent)
        hand = self.hands[claim.token] = Hand(claim, claim.lease_until)
        self.told["claims"] += 1
        fate = self.dice.random()
        if fate < 0.03:
            release(self.company.id, claim.token)
            del self.hands[claim.token]
            self.told["released"] += 1
            return True
        if fate < 0.06:
            self.told["vanished"] += 1
            self.back[agent.id] = self.now + timedelta(minutes=self.dice.choice((10, 40, 90)))
            return False
        call, events = self.dial(claim, agent)
        self.told["dials"] += 1
        hand.call = call
        if fate < 0.08:  # the dialer is mute for a while
            self.postpone(call, events)
            self.told["mute"] += 1
        elif fate < 0.13:  # vanishes in the call
            self.deliver([(call, event) for event in events[:-1]])
            self.postpone(call, events[-1:])
            self.back[agent.id] = self.now + timedelta(minutes=self.dice.choice((10, 40)))
            self.told["vanished in call"] += 1
        elif fate < 0.2:  # a long call
            self.deliver([(call, event) for event in events[:-1]])
            hand.until = heartbeat(self.company.id, claim.token, lease=timedelta(minutes=20))
            self.later.append((self.now + timedelta(minutes=9), call, events[-1]))
            self.back[agent.id] = self.now + timedelta(minutes=9)
        elif fate < 0.22:  # the call ends, and nobody puts it down
            self.deliver([(call, event) for event in events])
            hand.left = True
        else:
            now = [event for event in events if self.dice.random() > 0.08] or events[-1:]
            self.deliver([(call, event) for event in now])
            self.postpone(call, [event for event in events if event not in now])
            self.finish(claim.token)
            self.keep_for(call, agent)
        return agent.id not in self.back

    def postpone(self, call: Call, events: list[dict[str, Any]]) -> None:
        for event in events:
            if self.dice.random() < 0.8:
                self.later.append((self.now + timedelta(minutes=self.dice.choice((5, 30, 100, 260))), call, event))

    def finish(self, token: str) -> None:
        finish(self.company.id, token)
        del self.hands[token]

    def finish_long(self) -> None:
        """Whoever is still in a call that has ended puts it down; who was away is back."""
        for token, hand in list(self.hands.items()):
            if hand.call is not None and hand.call.ended and not hand.left:
                self.finish(token)
        self.back = {agent: until for agent, until in self.back.items() if until > self.now}

    def keep_for(self, call: Call, agent: Any) -> None:
        """Some promise it for themselves."""
        if call.ended and call.disposition == "callback" and self.dice.random() < 0.4:
            database.session.execute(
                sa.update(Callback)
                .where(Callback.lead_id == call.lead, Callback.state == "open")
                .values(agent_id=agent.id)
            )
            database.session.commit()

    def forbid(self) -> None:
        """A phone or a lead that stands ready is forbidden meanwhile."""
        query = sa.select(HopperEntry.lead_id).where(HopperEntry.status == "ready").order_by(HopperEntry.id)
        ready = list(database.session.scalars(query))
        if not ready:
            return
        lead = self.dice.choice(ready[:10])
        kind: str = self.dice.choice(("phone", "lead"))
        value = self.phone_of[lead] if kind == "phone" else lead
        assert value is not None
        if value not in self.forbidden:
            self.forbidden.add(value)
            database.session.add(DncEntry(company_id=self.company.id, kind=kind, value=str(value)))
            database.session.commit()

    # --- what must hold ---------------------------------------------------------------------------------------

    def sweep(self) -> None:
        """The dead's claims come back exactly as the ledger says."""
        want = {"back": 0, "closed": 0, "done": 0}
        for token, hand in list(self.hands.items()):
            if hand.until < self.now:
                del self.hands[token]
                call = hand.call
                if call is None or not call.known:
                    want["back"] += 1
                elif call.over:
                    want["done"] += 1
                else:
                    want["closed"] += 1
                    call.closed = True
        assert sweep_claims(self.company.id) == want
        self.told.update({f"swept {name}": count for name, count in want.items()})

    def check(self, claim: Claim, agent: Any) -> None:
        lead, phone, now = claim.lead_id, claim.phone, self.now
        told = f"lead {lead} at {now:%a %d %H:%M}Z"
        assert may_call(self.zone_of[lead], now), f"{told}: outside its hours in {self.zone_of[lead]}"
        assert phone == self.phone_of[lead], told
        for hand in self.hands.values():
            assert hand.claim.lead_id != lead, f"{told}: the lead is in another hand"
            assert hand.claim.phone != phone, f"{told}: the phone is in another hand"
        assert not {phone, lead} & self.forbidden, f"{told}: nobody may call it"
        row = database.session.execute(
            sa.select(Lead.status, Callback.due_at, Callback.agent_id, Callback.state)
            .outerjoin(Callback, (Callback.lead_id == Lead.id) & (Callback.state != "closed"))
            .where(Lead.id == lead)
        ).one()
        database.session.rollback()
        known = sorted(self.calls[lead], key=lambda call: call.start)
        promised = row.due_at is not None
        if promised:
            self.told["callbacks dialed"] += 1
            assert row.status == "callback", told
            assert row.due_at <= now, f"{told}: promised for later"
            assert row.due_at in {call.callback_at for call in known}, f"{told}: nobody promised that"
            if row.state == "open" and row.agent_id not in (None, agent.id):
                raise AssertionError(f"{told}: another agent's callback")
        else:
            assert row.status in ("new", "enriched", *DEFAULT_RULES), f"{told}: {row.status}"
        assert len(known) < PER_PASS, f"{told}: {len(known)} dials in this pass"
        assert len(known) + self.old_calls[lead] < LIFETIME, f"{told}: all dials of its life are used"
        for call in self.by_phone[phone]:
            if call.lead != lead:
                assert call.start <= now - GAP, (
                    f"{told}: its phone was dialed at {call.start:%H:%M}Z for lead {call.lead}"
                )
            if call.human and not promised:
                assert call.start <= now - CAP, f"{told}: somebody spoke to it at {call.start:%H:%M}Z"
        if known:
            self.check_redial(known, told, row.due_at)

    def check_redial(self, known: list[Call], told: str, due: datetime | None) -> None:
        self.told["redials"] += 1
        last = known[-1]
        assert all(call.over for call in known), f"{told}: a call goes on"
        assert not PROTECTED & {call.result for call in known}, f"{told}: it had its last word"
        decided = [call for call in known if call.decided]
        if decided and due is None:
            assert decided[-1].result == "invalid", told
        assert last.result is not None
        if last.result in DEFAULT_RULES:
            delay, redials = DEFAULT_RULES[last.result]
            waited = self.now - last.start
            assert waited >= delay or (due is not None and due > last.start), f"{told}: {last.result} {waited} ago"
            if due is not None:
                self.told["callbacks redialed"] += 1
                promised = max(n for n, call in enumerate(known) if call.callback_at == due)
                known = known[promised + 1 :]
            assert sum(call.result == last.result for call in known) <= redials, f"{told}: redials used up"
        else:
            assert due is not None, f"{told}: {last.result}"

    def check_nothing_idle(self) -> None:
        """Told that there is nothing to dial: then there is nothing, but for phones in hand."""
        database.session.rollback()
        in_hand = {hand.claim.phone for hand in self.hands.values()}
        verdicts = judge(self.campaign, list(self.zone_of))
        self.told["nothing to dial"] += 1
        idle = [lead for lead, reason in verdicts.items() if reason is None and self.phone_of[lead] not in in_hand]
        assert idle == [], f"{len(idle)} leads idle at {self.now:%a %d %H:%M}Z"

    def check_counts(self) -> None:
        database.session.rollback()
        why = count_reasons(self.campaign)
        verdicts = judge(self.campaign, list(self.zone_of))
        assert why.total == len(verdicts) == len(self.zone_of)
        tally = Counter(reason or "free" for reason in verdicts.values())
        told = Counter(
            {"ready": "free", "dialable": "free"}.get(name, name)
            for name in why.counts
            for _ in range(why.counts[name])
        )
        assert told == tally
        for reason in why.counts:
            self.told[f"why {reason}"] += 1
