"""What was written to demo leads beside the calls, and the days to come back to some of them.

Only to leads whose status stays what their calls made it: an answer comes from those who are qualified or customers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from webapp.demo.calls import Calendar, Story
from webapp.demo.plan import Plan

# Status of the lead -> how likely it was written to, and how likely it answered.
WRITTEN = {
    "qualified": (0.8, 0.55), "sale": (0.6, 0.8), "contacted": (0.4, 0.0), "callback": (0.5, 0.0), "no_answer": (0.05, 0.0),
}  # fmt: skip
METHODS = (("email", 78), ("linkedin", 12), ("sms", 10))
SUBJECTS = (
    "What we talked about", "Prices for {business}", "A short question", "References near {city}", "Next steps", "The offer",
)  # fmt: skip
BODIES = (
    "Hello {first},\n\nthank you for your time on the phone. As promised, here is what it costs for a business of your size, "
    "and the names of two customers near {city} who are glad to tell you how it went.\n\nWhen may I call you about it?",
    "Hello {first},\n\na short reminder of my message: did you find the time to look at it? Ten minutes are enough to see "
    "whether it fits {business}.",
    "Good morning {first},\n\nthe dates you asked for are free. Tell me which one suits you and I will keep it.",
)


@dataclass(frozen=True, slots=True)
class Message:
    method: str
    agent: int
    subject: str
    body: str
    at: datetime
    response_at: datetime | None


def make_messages(plan: Plan, index: int, who: dict[str, Any], story: Story, calendar: Calendar) -> list[Message]:
    """At most three, a week apart, each in the hours of the call it follows."""
    rng = plan.rng(index, "messages")
    likely, answers = WRITTEN.get(story.facts["status"] or "", (0.0, 0.0))
    if index in plan.planted or not story.calls or not who["email"] or rng.random() > likely:
        return []
    last = story.calls[-1]
    at = last["ended_at"] + timedelta(minutes=rng.randrange(4, 45))
    words = {"first": who["first_name"], "business": who["business"] or "your business", "city": who["city"]}
    found: list[Message] = []
    for n in range(rng.choice((1, 1, 2, 3))):
        if at >= calendar.now - timedelta(hours=1):
            break
        method = rng.choices([name for name, _ in METHODS], [weight for _, weight in METHODS])[0]
        answered = at + timedelta(minutes=rng.choice((25, 70, 190, 1300, 2900))) if rng.random() < answers else None
        if answered is not None and answered >= calendar.now:
            answered = None
        subject = rng.choice(SUBJECTS).format(**words) if method == "email" else ""
        found.append(Message(method, last["agent"], subject, BODIES[min(n, 2)].format(**words), at, answered))
        if answered is not None:
            break
        at += timedelta(days=7)
    return found


def follow_up_of(plan: Plan, index: int, messages: list[Message], calendar: Calendar) -> date | None:
    """A day between the day before yesterday and next week, for some who have not answered yet."""
    rng = plan.rng(index, "follow-up")
    if not messages or messages[-1].response_at is not None or rng.random() > 0.12:
        return None
    return calendar.now.date() + timedelta(days=rng.randrange(-2, 8))
