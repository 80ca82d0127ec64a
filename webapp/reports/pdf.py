"""HTML to a tagged PDF. Nothing is fetched but what the document carries and our own static files.

Only workers come here: a page of table costs a second and megabytes that return when the process ends.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import structlog
from flask import render_template
from weasyprint import HTML
from weasyprint.urls import URLFetcher, URLFetcherResponse

from webapp.config import ROOT

log = structlog.get_logger(__name__)

STATIC = ROOT / "static"
LETTER_COUNTRIES = ("US", "CA", "MX", "PH", "CL", "CO", "VE")
TYPES = {".css": "text/css", ".svg": "image/svg+xml", ".png": "image/png", ".woff2": "font/woff2", ".ttf": "font/ttf"}
# XML and fonts know neither; a reader would show boxes.
UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]")

# It names each character that no font has, one line each: names of people do not belong into a log.
logging.getLogger("weasyprint").setLevel(logging.ERROR)


class OwnFiles(URLFetcher):
    """data: addresses, and `static:name` for a file of our static folder."""

    def __init__(self) -> None:
        super().__init__(allowed_protocols=("data",), allow_redirects=False)

    def fetch(self, url: str, headers: Any = None) -> URLFetcherResponse:
        if url.startswith("static:"):
            return URLFetcherResponse(url, *_read(unquote(urlsplit(url).path)))
        if not url.startswith("data:"):
            log.warning("pdf_fetch_refused", scheme=urlsplit(url).scheme)
            raise ValueError("A PDF takes nothing from outside.")
        return super().fetch(url, headers)


def _read(name: str) -> tuple[bytes, dict[str, str]]:
    path = (STATIC / name.lstrip("/")).resolve()
    if not path.is_relative_to(STATIC.resolve()) or path.suffix not in TYPES or not path.is_file():
        raise ValueError("There is no such file.")
    return path.read_bytes(), {"Content-Type": TYPES[path.suffix]}


def page_size(country: str) -> str:
    return "letter" if country.upper() in LETTER_COUNTRIES else "A4"


def printable(text: str) -> str:
    return UNPRINTABLE.sub("", text)


def write_pdf(target: Path, template: str, **context: Any) -> None:
    """Render `template` (with autoescaping) and write the PDF/UA to `target`."""
    html = render_template(template, printable=printable, **context)
    HTML(string=html, url_fetcher=OwnFiles(), base_url="static:").write_pdf(str(target), pdf_variant="pdf/ua-1")
