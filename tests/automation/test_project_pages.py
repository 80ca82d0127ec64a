"""The pages of projects, contact requests and dealerships."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from io import BytesIO
from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import (
    make_attempt,
    make_company,
    make_contact_request,
    make_dealership,
    make_lead,
    make_list,
    make_project,
    make_project_dealership,
    make_run,
    make_user,
    sign_in,
)
from tests.harness.client import Client
from webapp.accounts.models import Company, User
from webapp.automation.models import ContactRequest, Dealership, Project, ProjectDealership
from webapp.core.db import db as database
from webapp.leads.models import Lead, LeadList

UGLY = "Zoë's <b>\"Motors\"</b> & Söhne \u202eاب 🚗 {{ 7*7 }} %s 100%"


@dataclass
class Place:
    client: Client
    company: Company
    manager: User
    list: LeadList
    project: Project


@pytest.fixture
def place(client: Client) -> Place:
    company = make_company()
    manager = make_user(company, "manager", name="Mia")
    sign_in(client, manager)
    return Place(client, company, manager, make_list(company, name="Ohio"), make_project(company, name="Spring"))


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
        sent[name] = unescape(next(filter(None, chosen.groups()), "")) if chosen else unescape(first[1]) if first else ""
    sent.pop("csrf_token", None)
    return sent


def test_every_page_opens(place: Place) -> None:
    dealership = make_dealership(place.list, name=UGLY)
    row = make_project_dealership(place.project, dealership, contact_status="failed", error_type="captcha_detected", reason=UGLY)
    run = make_run(place.project)
    make_attempt(row, run, "failed", error_type="captcha_detected", error_message=UGLY)
    p, d = place.project.id, dealership.id
    request_id = database.session.scalar(sa.select(ContactRequest.id))
    for path in (
        "/projects", "/projects?archived=1", "/projects/new", f"/projects/{p}", f"/projects/{p}/settings", f"/projects/{p}/request",
        f"/projects/{p}/request/{request_id}", f"/projects/{p}/dealerships/add", f"/project-dealerships/{row.id}", "/dealerships",
        f"/dealerships/{d}", f"/dealerships/{d}/edit", "/dealerships/from-leads", "/dealerships/import", "/settings/automation",
    ):  # fmt: skip
        answer = place.client.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        assert "<b>" not in answer.text, path
