"""How the demo's dealerships look: six shells, each with a style sheet in assets/, and the pages that every dealership has."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import cache
from typing import Any

from flask import Response
from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

_jinja = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "home": "Home", "inventory": "Inventory", "service": "Service", "finance": "Finance", "about": "About Us",
        "hours": "Hours", "in_stock": "In stock this week", "miles": "miles", "call": "Call us", "visit": "Visit us",
        "all": "See all vehicles", "days": "Mon to Fri", "sat": "Saturday", "sun": "Sunday", "closed": "closed",
    },
    "es": {
        "home": "Inicio", "inventory": "Inventario", "service": "Servicio", "finance": "Financiamiento",
        "about": "Sobre nosotros", "hours": "Horario", "in_stock": "Disponibles esta semana", "miles": "millas",
        "call": "Llámenos", "visit": "Visítenos", "all": "Ver todos los vehículos", "days": "Lun a vie", "sat": "Sábado",
        "sun": "Domingo", "closed": "cerrado",
    },
    "fr": {
        "home": "Accueil", "inventory": "Véhicules", "service": "Entretien", "finance": "Financement",
        "about": "À propos", "hours": "Heures d'ouverture", "in_stock": "En stock cette semaine", "miles": "milles",
        "call": "Appelez-nous", "visit": "Nous trouver", "all": "Tous les véhicules", "days": "Lun à ven", "sat": "Samedi",
        "sun": "Dimanche", "closed": "fermé",
    },
}  # fmt: skip

CATALOG = {
    "Honda": (("CR-V", "suv"), ("Accord", "sedan"), ("Odyssey", "van"), ("Pilot", "suv"), ("Civic", "sedan")),
    "Ford": (("F-150", "pickup"), ("Escape", "suv"), ("Explorer", "suv"), ("Transit Connect", "van")),
    "Toyota": (("RAV4", "suv"), ("Camry", "sedan"), ("Tacoma", "pickup"), ("Sienna", "van"), ("Corolla", "sedan")),
    "Chevrolet": (("Silverado 1500", "pickup"), ("Equinox", "suv"), ("Malibu", "sedan"), ("Traverse", "suv")),
    "Jeep": (("Grand Cherokee", "suv"), ("Compass", "suv"), ("Gladiator", "pickup")),
    "Ram": (("1500", "pickup"), ("ProMaster City", "van"), ("2500", "pickup")),
    "Subaru": (("Outback", "suv"), ("Forester", "suv"), ("Legacy", "sedan")),
    "Kia": (("Sportage", "suv"), ("K5", "sedan"), ("Carnival", "van"), ("Sorento", "suv")),
    "Hyundai": (("Tucson", "suv"), ("Elantra", "sedan"), ("Santa Fe", "suv")),
    "Nissan": (("Rogue", "suv"), ("Altima", "sedan"), ("Frontier", "pickup")),
}
_PAINT = ("#7d8791", "#20262d", "#9c2f2b", "#27518a", "#c9ccd0", "#4d5d4a", "#b98c3e", "#5a2f3c")

_NAV = """<nav class="main" aria-label="Main"><ul>{% for label, href in nav %}<li><a href="{{ href }}">{{ label }}</a></li>{% endfor %}</ul></nav>"""
_HEAD = """<!doctype html>
<html lang="{{ lang }}"><head><meta charset="utf-8"><title>{{ title }} | {{ d.title }}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="description" content="{{ d.title }}, {{ d.town }}, {{ d.state }}: {{ d.tagline }}">
<link rel="icon" href="/assets/icon.svg"><link rel="stylesheet" href="/assets/base.css"><link rel="stylesheet" href="/assets/{{ d.look }}.css">
{{ head }}</head>
"""
_MAIN = """<main class="{{ 'home' if home else 'inner' }}">{% if home %}{{ main }}{% else %}<div class="wrap">{{ main }}</div>{% endif %}</main>"""
SHELLS: dict[str, str] = {
    "harbor": """<body style="--accent: {{ d.accent }}"><div class="topbar"><div class="wrap"><span>{{ w.call }}: <a href="tel:{{ d.dial }}">{{ d.phone }}</a></span>
<span>{{ d.street }}, {{ d.town }}, {{ d.state }} {{ d.zip }}</span><span class="far">{{ w.days }} 9-7 &middot; {{ w.sat }} 9-5</span></div></div>
<header class="site"><div class="wrap"><a class="brand" href="/">{{ d.title.split(' ')[0] }} <b>{{ d.title.split(' ')[1:] | join(' ') }}</b></a>"""
    + _NAV
    + """</div></header>"""
    + _MAIN
    + """<footer class="site"><div class="wrap"><div><h3>{{ d.title }}</h3><p>{{ d.tagline }}</p></div><div><h3>{{ w.visit }}</h3><p>{{ d.street }}<br>{{ d.town }}, {{ d.state }} {{ d.zip }}</p></div>
<div><h3>{{ w.hours }}</h3><p>{{ w.days }} 9 am - 7 pm<br>{{ w.sat }} 9 am - 5 pm<br>{{ w.sun }} {{ w.closed }}</p></div></div></footer>""",
    "meadow": """<body style="--accent: {{ d.accent }}"><header class="site"><a class="brand" href="/">{{ d.title }}<small>{{ d.town }}, {{ d.state }} &middot; since 19{{ d.zip[-2:] if d.zip else '78' }}</small></a>"""
    + _NAV
    + """</header>"""
    + _MAIN
    + """<footer class="site"><div class="wrap">{{ d.title }} &middot; {{ d.street }} &middot; {{ d.town }}, {{ d.state }} {{ d.zip }} &middot; <a href="tel:{{ d.dial }}">{{ d.phone }}</a></div></footer>""",
    "garage": """<body style="--accent: {{ d.accent }}"><header class="site"><div class="wrap"><a class="brand" href="/">{{ d.title }}</a><a class="call" href="tel:{{ d.dial }}"><small>{{ w.call }}</small>{{ d.phone }}</a></div></header>
<div class="bar">"""
    + _NAV.replace("<ul>", '<ul class="wrap">')
    + """</div>"""
    + _MAIN
    + """<footer class="site"><div class="wrap">{{ d.street }}, {{ d.town }}, {{ d.state }} {{ d.zip }}. {{ w.days }} 8-6, {{ w.sat }} 9-3. &copy; {{ d.title }}</div></footer>""",
    "paper": """<body style="--accent: {{ d.accent }}"><header class="site"><a class="brand" href="/">{{ d.title }}</a>"""
    + _NAV
    + """<div class="where">{{ d.street }}<br>{{ d.town }}, {{ d.state }} {{ d.zip }}<br><a href="tel:{{ d.dial }}">{{ d.phone }}</a></div></header>"""
    + _MAIN
    + """<footer class="site">&copy; {{ d.title }}. Prices exclude tax, title and a $250 documentation fee.</footer>""",
    "chrome": """<body style="--accent: {{ d.accent }}"><div class="page"><header class="site"><a class="brand" href="/">{{ d.title }}</a><div class="call"><small>{{ w.call }}</small>{{ d.phone }}</div></header>"""
    + _NAV
    + _MAIN
    + """<footer class="site">{{ d.title }} | {{ d.street }} | {{ d.town }}, {{ d.state }} {{ d.zip }} | Tel. {{ d.phone }}</footer></div>""",
    "avenue": """<body style="--accent: {{ d.accent }}"><div class="strip"><div class="wrap"><span>Sales <a href="tel:{{ d.dial }}">{{ d.phone }}</a></span><span>{{ w.hours }}: 9-8</span>
<form role="search" action="{{ p.inventory }}" method="get"><input type="search" name="search" placeholder="Search make, model, stock #" aria-label="Search inventory"><button type="submit">Search</button></form></div></div>
<header class="site"><div class="wrap"><a class="brand" href="/">{{ d.title }}</a><address>{{ d.street }}<br>{{ d.town }}, {{ d.state }} {{ d.zip }}</address></div></header>"""
    + _NAV
    + _MAIN
    + """<footer class="site"><div class="wrap"><div>{{ d.title }}<br>{{ d.street }}, {{ d.town }}, {{ d.state }} {{ d.zip }}<br>{{ d.phone }}</div>
<form class="newsletter" action="/newsletter" method="post"><label>Specials by email <input type="email" name="newsletter_email" placeholder="Email address"></label><button>Sign up</button></form></div></footer>""",
}
_STOCK = """<ul class="stock">{% for c in cars %}<li><svg class="car" style="color: {{ c.paint }}" role="img" aria-label="{{ c.model }}"><use href="/assets/cars.svg#{{ c.kind }}"/></svg>
<h3>{{ c.year }} {{ c.make }} {{ c.model }}</h3><div class="price">${{ '{:,}'.format(c.price) }}</div><div class="facts">{{ '{:,}'.format(c.miles) }} {{ w.miles }} &middot; #{{ c.stock }}</div></li>{% endfor %}</ul>"""
HOME = (
    """<section class="hero"><div class="wrap"><div><h1>{{ d.tagline }}</h1><p>{{ d.welcome }}</p><p><a class="button" href="{{ p.inventory }}">{{ w.all }}</a></p></div>
<svg class="car" aria-hidden="true"><use href="/assets/cars.svg#{{ cars[0].kind }}"/></svg></div></section>
{% if d.look == 'avenue' %}<div class="wrap tiles"><a href="{{ p.inventory }}">Shop all</a><a href="{{ p.finance }}">Get approved</a><a href="{{ p.service }}">Schedule service</a><a href="{{ p.about }}">Why us</a></div>{% endif %}
<div class="wrap"><h2>{{ w.in_stock }}</h2>"""
    + _STOCK
    + """{{ extra }}</div>"""
)
PAGES: dict[str, str] = {
    "inventory": "<h1>{{ title }}</h1><p>Every vehicle is inspected on 150 points, washed and ready for a drive.</p>"
    + _STOCK,
    "service": """<h1>{{ title }}</h1><div class="two"><div><p>Oil and filter, brakes, tires, alignment and state inspection by factory-trained people. Most jobs are done while you wait, with coffee.</p>
<p>Call the service desk at <a href="tel:{{ d.dial }}">{{ d.phone }}</a> for a slot.</p></div><div class="panel"><h3>{{ w.hours }}</h3><table class="hours"><tr><td>{{ w.days }}</td><td>7:30 - 5:30</td></tr><tr><td>{{ w.sat }}</td><td>8 - noon</td></tr></table></div></div>""",
    "finance": "<h1>{{ title }}</h1><p>We work with nine lenders in {{ d.state }} and beyond. Bring a driver's license, proof of income and proof of insurance; an answer takes about an hour.</p><p>First car, second chance, or a lease that ends: ask for our finance desk.</p>",
    "about": "<h1>{{ title }}</h1><p>{{ d.welcome }}</p><p>You find us at {{ d.street }} in {{ d.town }}. Some of us have sold the same family three generations of cars.</p>",
}


@cache
def _compiled(text: str) -> Template:
    return _jinja.from_string(text)


def fill(text: str, **values: Any) -> Markup:
    """A template's text with its values in; they are escaped unless they are Markup."""
    return Markup(_compiled(text).render(**values))  # noqa: S704  the template is ours, its values are escaped


@cache
def cars_of(name: str, makes: tuple[str, ...]) -> tuple[dict[str, Any], ...]:
    """Six vehicles, always the same for one dealership."""
    rng = random.Random(name)  # noqa: S311  the same stock each time, nothing secret
    found = []
    for number in range(6):
        make = makes[number % len(makes)]
        model, kind = CATALOG[make][(number // len(makes) + rng.randrange(2)) % len(CATALOG[make])]
        year = rng.randrange(2017, 2026)
        found.append(
            {
                "make": make, "model": model, "kind": kind, "year": year, "paint": rng.choice(_PAINT),
                "miles": (2026 - year) * rng.randrange(7000, 14000) + rng.randrange(900),
                "price": 8000 + (year - 2014) * 2350 + rng.randrange(9) * 500 + 495,
                "stock": f"{make[0]}{rng.randrange(1000, 9999)}",
            }
        )  # fmt: skip
    return tuple(found)


def draw(
    d: Any,
    paths: Mapping[str, str],
    nav: list[tuple[str, str]],
    title: str,
    text: str,
    *,
    lang: str = "en",
    head: str = "",
    home: bool = False,
    status: int = 200,
    headers: dict[str, str] | None = None,
    **values: Any,
) -> Response:
    """One page of a dealership: its template `text` within the shell of its look."""
    values = {"d": d, "p": paths, "w": WORDS[lang], "title": title, "cars": (), "extra": "", "errors": {}} | values
    values["f"] = values.get("f") or Sent({})
    main = fill(text, **values)
    shell = _HEAD + SHELLS[d.look] + "</body></html>"
    html = fill(shell, **values | {"nav": nav, "main": main, "home": home, "lang": lang, "head": Markup(head)})  # noqa: S704
    return Response(html, status, headers, mimetype="text/html")


class Sent:
    """A form that came back: `f['email']` in a template is its value, "" for one that was not sent."""

    def __init__(self, form: Mapping[str, list[str]]) -> None:
        self.form = form

    def __getitem__(self, name: str) -> str:
        return (self.form.get(name) or [""])[0]
