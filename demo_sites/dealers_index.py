"""The start page of the demo's world, and the file that brings its dealerships into a project."""

from __future__ import annotations

import csv
import io
import time

from demo_sites import looks
from demo_sites.dealers import DEALERS
from demo_sites.loading import dealerships, load_sites
from demo_sites.server import SiteServer

COLUMNS = "name website contact_url address city state postal_code latitude longitude phone".split()
# What somebody knew beforehand; the others' contact page is found.
CONTACT_URLS = {
    "maple-street-motors": "/contact/",
    "scioto-valley-ford": "/contact.htm",
    "gem-city-chevrolet": "/contact/index.htm",
    "three-rivers-auto": "/sales-contact",
    "athens-auto": "/contact-us.php",
    "capital-imports": "/contact/",
    "shifting-gears": "/contact",
}


def csv_text(here: SiteServer) -> str:
    """One row a dealership; coordinates and ZIP are left out where the dealership's `place` says so."""
    out = io.StringIO()
    rows = csv.DictWriter(out, COLUMNS, lineterminator="\r\n")
    rows.writeheader()
    for it in dealerships():
        d = DEALERS[it.name]
        known = CONTACT_URLS.get(it.name)
        row = {
            "name": d.title,
            "website": here.url_of(it.name, "/"),
            "address": d.street,
            "city": d.town,
            "state": d.state,
        }
        row |= {"contact_url": here.url_of(it.name, known) if known else "", "phone": d.phone}
        if d.place != "none":
            row["postal_code"] = d.zip
        if d.place == "both":
            row |= {"latitude": f"{d.latitude:.4f}", "longitude": f"{d.longitude:.4f}"}
        rows.writerow(row)
    return out.getvalue()


_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Demo sites</title><meta http-equiv="refresh" content="3"><meta name="viewport" content="width=device-width"><link rel="icon" href="/assets/icon.svg">
<style>body{font:15px/1.5 "Segoe UI",Roboto,Arial,sans-serif;margin:0;color:#1f2933;background:#f4f6f8}header{background:#14202c;color:#fff;padding:26px 36px}header h1{margin:0 0 6px;font-size:1.5em}header a{color:#a9d0f5}main{padding:26px 36px}table{border-collapse:collapse;width:100%;background:#fff;border-radius:8px;overflow:hidden;box-shadow:0 1px 4px #0001}th,td{text-align:left;padding:8px 14px;border-bottom:1px solid #e8ecf0;vertical-align:top}th{background:#eaf0f5;font-size:.85em}td small{color:#68757f}.n{text-align:right;font-variant-numeric:tabular-nums}.ok{color:#17713b}.no{color:#a3361f}.skip{color:#75640a}form{display:inline}button{font:inherit;padding:3px 12px}details{margin-top:28px}</style></head>
<body><header><h1>Demo sites</h1><div>{{ own | length }} dealerships on this machine; nothing leaves it. <a href="/dealerships.csv">dealerships.csv</a> &middot; <a href="/received">received</a> &middot; <a href="/visits">visits</a> &middot; <a href="/sites.json">sites.json</a> &middot; <form method="post" action="/forget"><button>Forget what arrived</button></form></div></header>
<main><table><thead><tr><th>Dealership</th><th>Built with</th><th>Expected</th><th class="n">Visits</th><th class="n">Received</th><th class="n">Accepted</th><th>Last</th></tr></thead><tbody>
{% for it in own %}<tr><td><a href="{{ it.url }}">{{ it.title }}</a><br><small>{{ it.town }}</small></td><td>{{ it.builder }}{% if it.note %}<br><small>{{ it.note }}</small>{% endif %}</td><td class="{{ it.tone }}">{{ it.expected }}</td><td class="n">{{ it.visits }}</td><td class="n">{{ it.received }}</td><td class="n">{{ it.accepted }}</td><td>{{ it.last }}</td></tr>{% endfor %}</tbody></table>
{% if others %}<details><summary>{{ others | length }} other sites, for tests</summary><p>{% for it in others %}<a href="{{ it.url }}">{{ it.name }}</a> {% endfor %}</p></details>{% endif %}</main></body></html>"""


def expected(expect: dict[str, object], later: dict[str, object]) -> str:
    def words(one: dict[str, object]) -> str:
        if one.get("ok"):
            return "sent"
        if one.get("skipped"):
            return "skipped by robots.txt"
        return ", ".join(str(value).replace("_", " ") for value in one.values())

    return words(expect) + (f"; then {words(later)}" if later else "")


def index_page(here: SiteServer) -> str:
    own, now = [], time.monotonic()
    for it in dealerships():
        d, forms = DEALERS[it.name], here.forms_of(it.name)
        last = f"{now - forms[-1].at:.0f} s ago. {forms[-1].note}" if forms else ""
        own.append(
            {
                "title": it.title, "town": f"{d.town}, {d.state}", "builder": it.builder, "note": it.note, "last": last,
                "url": here.url_of(it.name), "expected": expected(it.expect, it.later), "received": len(forms),
                "accepted": len(here.accepted(it.name)), "visits": sum(one.site == it.name for one in list(here.visits)),
                "tone": "ok" if it.expect.get("ok") else "skip" if it.expect.get("skipped") else "no",
            }
        )  # fmt: skip
    others = [{"name": it.name, "url": here.url_of(it.name)} for it in load_sites().values() if it.name not in DEALERS]
    return str(looks.fill(_PAGE, own=own, others=others))
