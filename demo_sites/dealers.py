"""The demo's dealerships: who they are, the pages all of them have, and what their servers check.

Every one is fictional: phones are 555-01xx, the towns are real so that distances are. An enquiry that should pass everywhere gives
first and last name, an email address, a US phone, a ZIP, a message, a vehicle (a Honda CR-V passes), and agrees to terms and contact.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flask import Response, redirect

from demo_sites import dealers_facts, looks
from demo_sites.server import given, keep, page
from demo_sites.server import site as declare

STYLES = {
    "wp": "/{}/", "htm": "/{}/index.htm", "aspx": "/{}.aspx", "php": "/{}.php", "html": "/{}.html", "bare": "/{}",
}  # fmt: skip
_EMAIL = re.compile(r"[\w.+'-]+@[\w-]+(\.[\w-]+)*\.[a-z]{2,}", re.IGNORECASE)


@dataclass(frozen=True)
class Dealer:
    """`place` says what the import file gives: both (coordinates and ZIP), zip, or none."""

    name: str
    title: str
    street: str
    town: str
    state: str
    zip: str
    latitude: float
    longitude: float
    phone: str
    look: str
    accent: str
    makes: tuple[str, ...]
    tagline: str
    place: str = "both"

    @cached_property
    def dial(self) -> str:
        return "+1" + re.sub(r"\D", "", self.phone)

    @property
    def welcome(self) -> str:
        return f"{' and '.join(self.makes)}, new and pre-owned, for {self.town} and the towns around it. Family owned, no haggling, a loaner while we work on yours."


DEALERS: dict[str, Dealer] = {row[0]: Dealer(*row) for row in dealers_facts.rows()}


class Lot:
    """A dealership's site with its home, inventory, service, finance and about pages; the caller adds what tells it apart.

    `contact` is the path of its contact page, linked in the menu as `link` unless that is "". `extra` is a template at the end of the home page.
    """

    def __init__(
        self,
        name: str,
        expect: dict[str, Any],
        *,
        builder: str,
        style: str = "wp",
        contact: str = "/contact/",
        link: str = "Contact",
        lang: str = "en",
        extra: str = "",
        home_head: str = "",
        **facts: Any,
    ) -> None:
        self.dealer = DEALERS[name]
        self.site = declare(name, self.dealer.title, expect, topic="dealership", builder=builder, **facts)
        self.contact, self.lang = contact, lang
        self.paths = {key: STYLES[style].format(key) for key in looks.PAGES}
        words = looks.WORDS[lang]
        self.nav = [(words["home"], "/")] + [(words[key], path) for key, path in self.paths.items()]
        if link:
            self.nav.append((link, contact))
        self.get("/")(
            lambda: self.draw(
                words["home"], looks.HOME, home=True, cars=self.cars[:3], head=home_head, extra=self.fill(extra)
            )
        )
        for key, path in self.paths.items():
            self.page(path, words[key], looks.PAGES[key])
        self.post("/newsletter")(self._newsletter)

    def get(self, path: str) -> Any:
        return self.site.get(path)

    def post(self, path: str) -> Any:
        return self.site.post(path)

    @property
    def cars(self) -> tuple[dict[str, Any], ...]:
        return looks.cars_of(self.dealer.name, self.dealer.makes)

    def fill(self, text: str, **values: Any) -> Any:
        given = {"d": self.dealer, "p": self.paths, "cars": self.cars, "errors": {}, "f": looks.Sent({})}
        return looks.fill(text, **given | {"w": looks.WORDS[self.lang]} | values)

    def draw(self, title: str, text: str, **values: Any) -> Response:
        values = {"cars": self.cars, "lang": self.lang} | values
        return looks.draw(self.dealer, self.paths, self.nav, title, text, **values)

    def page(self, path: str, title: str, text: str, **values: Any) -> None:
        self.get(path)(lambda: self.draw(title, text, **values))

    def again(self, title: str, text: str, errors: dict[str, str], **values: Any) -> Response:
        """The page with what was sent still in its form."""
        return self.draw(title, text, errors=errors, f=looks.Sent(given()), **values)

    def _newsletter(self) -> Any:
        keep(accepted=False, note="the newsletter, not the contact form")
        return page("Thank you", "<p>You are on our list.</p>")


def check(
    form: dict[str, list[str]] | None = None,
    *,
    need: str = "",
    email: str = "",
    phone: str = "",
    zip: str = "",
    empty: str = "",
    ticked: str = "",
    among: dict[str, tuple[str, ...]] | None = None,
) -> dict[str, str]:
    """What a careful server finds wrong with the form, by field; names are separated by blanks. `empty` are honeypots: spam is under "".

    Email, phone and ZIP are looked at where they were given; `among` holds the choices of a list ("" passes unless it is needed too).
    """
    sent = given() if form is None else form
    value = {key: (values or [""])[0].strip() for key, values in sent.items()}
    wrong = {name: "Please fill out this field." for name in need.split() if not value.get(name)}
    wrong |= {name: "Please accept this." for name in ticked.split() if not value.get(name)}
    for name in email.split():
        if value.get(name) and not _EMAIL.fullmatch(value[name]):
            wrong[name] = "Please enter a valid email address."
    for name in phone.split():
        if value.get(name) and not re.fullmatch(r"1?[2-9]\d{9}", re.sub(r"\D", "", value[name])):
            wrong[name] = "Please enter a ten-digit phone number."
    for name in zip.split():
        if value.get(name) and not re.fullmatch(r"\d{5}(-\d{4})?", value[name]):
            wrong[name] = "Please enter a five-digit ZIP code."
    for name, choices in (among or {}).items():
        if value.get(name) and value[name] not in choices:
            wrong[name] = "Please choose from the list."
    if any(value.get(name) for name in empty.split()):
        wrong = {"": "Your message could not be accepted."}
    return wrong


def receive(
    form: dict[str, list[str]] | None = None, *, marketing: str = "", note: str = "", site: str = "", **rules: Any
) -> dict[str, str]:
    """Check the form in hand and log it, accepted if nothing is wrong. Of an opt-in that nobody asked for, the log has a note."""
    sent = given() if form is None else form
    wrong = check(sent, **rules)
    notes = [note] if note else []
    notes += [f"{name or 'spam'}: {text}" for name, text in wrong.items()]
    notes += [f"{name} was given" for name in marketing.split() if any(one.strip() for one in sent.get(name, []))]
    keep(accepted=not wrong, note="; ".join(notes), form=sent, site=site)
    return wrong


def seen_elsewhere(path: str) -> Response:
    """Post, redirect, get."""
    return redirect(path, 303)  # type: ignore[return-value]


ERRORS = """{% if errors %}<div class="errors" role="alert"><strong>Please correct the following:</strong><ul>{% for name, text in errors.items() %}<li>{{ text }}{% if name %} ({{ name }}){% endif %}</li>{% endfor %}</ul></div>{% endif %}"""
SIDE = """<aside class="panel"><h3>{{ d.title }}</h3><p>{{ d.street }}<br>{{ d.town }}, {{ d.state }} {{ d.zip }}</p><p><a href="tel:{{ d.dial }}">{{ d.phone }}</a></p>
<table class="hours"><tr><td>{{ w.days }}</td><td>9 - 7</td></tr><tr><td>{{ w.sat }}</td><td>9 - 5</td></tr><tr><td>{{ w.sun }}</td><td>{{ w.closed }}</td></tr></table></aside>"""


def beside(main: str) -> str:
    """A page's template in two columns: what is given, and the dealership's address and hours."""
    return f'<div class="two"><div>{main}</div>{SIDE}</div>'
