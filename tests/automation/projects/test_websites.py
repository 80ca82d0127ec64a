"""Websites and contact pages: one spelling each, and what is none."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from webapp.automation.websites import HOST_SQL, Website, WebsiteRefused, read_contact_url, read_website
from webapp.core.db import db as database


@pytest.mark.parametrize(
    ("text", "url", "host"),
    [
        ("City-Motors.example", "https://city-motors.example/", "city-motors.example"),
        ("HTTP://WWW.City.example:80/Sales?x=1#top", "http://www.city.example/Sales?x=1", "city.example"),
        ("http://city-motors.localhost:8100", "http://city-motors.localhost:8100/", "city-motors.localhost:8100"),
        (
            "city-motors.localhost:8100/contact",
            "https://city-motors.localhost:8100/contact",
            "city-motors.localhost:8100",
        ),
        ("//münchen.example/kontakt", "https://xn--mnchen-3ya.example/kontakt", "xn--mnchen-3ya.example"),
        (" <https://city.example.> ", "https://city.example/", "city.example"),
        ("http://127.0.0.1:81/", "http://127.0.0.1:81/", "127.0.0.1:81"),
    ],
)
def test_a_website_has_one_spelling(text: str, url: str, host: str) -> None:
    assert read_website(text) == Website(url, host)


@pytest.mark.parametrize(
    "text",
    ["", "dealer", "ftp://city.example", "javascript:alert(1)", "mailto:a@city.example", "https://me:pw@city.example", "city example.com",
     "http://city..example", "https://city.example:99999", "data:text/html,x", "https://" + "a" * 300 + ".example", "https://x.example/\ud800"],
)  # fmt: skip
def test_what_is_no_website_is_refused(text: str) -> None:
    with pytest.raises(WebsiteRefused):
        read_website(text)


def test_a_contact_page_is_a_path_of_the_website_or_a_whole_address() -> None:
    site = read_website("https://city.example/en/")
    assert read_contact_url("/contact-us", site) == "https://city.example/contact-us"
    assert read_contact_url("forms.example/c?d=1", site) == "https://forms.example/c?d=1"
    assert read_contact_url(" ", site) == ""
    with pytest.raises(WebsiteRefused, match="/contact"):
        read_contact_url("javascript:alert(1)", site)


@pytest.mark.parametrize(
    "text", ["City.example", "https://www.city.example/x", "HTTP://city.example:80", "http://a.localhost:8100/?q"]
)
def test_the_database_reads_the_host_of_a_plain_website_alike(db: Any, text: str) -> None:
    assert database.session.scalar(sa.text(f"SELECT {HOST_SQL.format(':t')}"), {"t": text}) == read_website(text).host
