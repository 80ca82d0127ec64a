"""Who a demo lead is."""

from __future__ import annotations

import re
from typing import Any

from webapp.demo.places import phone_and_places
from webapp.demo.plan import LISTS, Plan
from webapp.demo.words import FIRST, LAST, PLACE, TAGS, TRADES


def make_person(plan: Plan, index: int) -> dict[str, Any]:
    """The facts of a lead that come with an import, as columns of `leads`. A twin shares them with the lead it repeats."""
    rng = plan.rng(plan.twins.get(index, index), "person")
    entry = LISTS[plan.list_of(index)]
    trade = TRADES[LISTS[plan.list_of(plan.twins.get(index, index))].trade]
    first, last = rng.choice(FIRST), rng.choice(LAST)
    phone, places = phone_and_places(plan.slot_of(index))
    place = rng.choice(places)
    owner = rng.random()
    named_after = last if owner < 0.35 else place.city if owner < 0.6 else rng.choice(PLACE).replace("-", " ")
    business = f"{named_after} {rng.choice(trade['names'])}"
    site = re.sub(r"[^a-z0-9]+", "-", business.lower()).strip("-") + ".example.com"
    label, values = trade["custom"]
    return {
        "first_name": first, "last_name": last, "business": business, "title": rng.choice(trade["titles"]),
        "phone": phone if plan.has_phone(index) else None,
        "extension": str(rng.randint(100, 499)) if rng.random() < 0.04 else "",
        "email": f"{first}.{last}@{site}".lower() if rng.random() < 0.86 else None,
        "website": f"https://{site}" if rng.random() < 0.8 else "",
        "linkedin_url": f"https://www.example.com/in/{first}-{last}-{index}".lower() if rng.random() < 0.15 else "",
        "city": place.city, "state": place.state, "postal_code": place.postal_code, "country": "US", "zone": place.zone,
        "source": entry.source if rng.random() < 0.9 else rng.choice(("Referral", "Website")),
        "tags": sorted(rng.sample(TAGS, rng.choice((1, 1, 2)))) if rng.random() < 0.22 else [],
        "custom": {label: rng.choice(values.split("|"))} if rng.random() < 0.7 else {},
    }  # fmt: skip
