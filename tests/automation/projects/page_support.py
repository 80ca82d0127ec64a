"""A manager signed in beside a project, and what a page says and would send."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

from tests.harness.client import Client
from webapp.accounts.models import Company, User
from webapp.automation.models import Project
from webapp.leads.models import LeadList

UGLY = 'Zoë\'s <b>"Motors"</b> & Söhne \u202eاب 🚗 {{ 7*7 }} %s 100%'


@dataclass
class Place:
    client: Client
    company: Company
    manager: User
    list: LeadList
    project: Project


def text_of(answer: Any) -> str:
    body = re.sub(r"<(script|style|head)\b.*?</\1>", " ", answer.text, flags=re.S)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def form_of(client: Client, path: str, form_id: str) -> dict[str, Any]:
    """What a browser would send of a form as it stands."""
    page = client.get(path).text
    found = re.search(rf'<form[^>]*id="{form_id}".*?</form>', page, re.S)
    assert found, form_id
    part, sent = found[0], {}
    for tag in re.findall(r"<input\b[^>]*>", part):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if attributes.get("type") in ("checkbox", "radio") and " checked" not in tag:
            continue
        if "name" in attributes:
            sent[attributes["name"]] = unescape(attributes.get("value", "on"))
    for name, body in re.findall(r'<textarea\b[^>]*name="([^"]*)"[^>]*>(.*?)</textarea>', part, re.S):
        sent[name] = unescape(body).lstrip("\r\n")
    for name, body in re.findall(r'<select\b[^>]*name="([^"]*)"[^>]*>(.*?)</select>', part, re.S):
        chosen = re.search(r'<option selected value="([^"]*)"|<option value="([^"]*)" selected', body)
        first = re.search(r'<option[^>]*value="([^"]*)"', body)
        sent[name] = (
            unescape(next(filter(None, chosen.groups()), "")) if chosen else unescape(first[1]) if first else ""
        )
    sent.pop("csrf_token", None)
    return sent
