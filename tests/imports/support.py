"""Helpers: bring a file in through the pages, as a person does."""

from __future__ import annotations

import io
import re
from typing import Any

import sqlalchemy as sa

from tests.factories import make_company, make_user, sign_in
from tests.harness.client import Client
from webapp.accounts.models import User
from webapp.core.db import db
from webapp.imports.models import Import, ImportRow

S9 = (
    "Phone,Name\n(212) 555-0101,Ann One\n212.555.0102,Bob Two\n+1 212 555 0103,Cay Three\n2125550104,Dan Four\n"
    "2125550105,Eve Five\n1-212-555-0105,Eve Again\n5550105,Gus Seven\n,Hal Eight\n212-555-0106 x9,Ida Nine\n"
    "+44 20 7946 0018,Jon Ten\n"
)


def signed_in(client: Client, role: str = "manager", **company: Any) -> User:
    user = make_user(make_company(**company), role=role)
    sign_in(client, user)
    return user


def upload(client: Client, content: bytes | str, filename: str = "leads.csv", **fields: Any) -> Any:
    """POST the form; the response of it."""
    data = {"kind": "leads", "country": "US", "scope": "list", "duplicates": "skip", **fields}
    raw = content if isinstance(content, bytes) else content.encode()
    return client.post("/imports/new", data={**data, "file": (io.BytesIO(raw), filename)})


def newest() -> Import:
    db.session.expire_all()
    return db.session.scalars(sa.select(Import).order_by(Import.id.desc()).limit(1)).one()


def bring(client: Client, worker: Any, content: bytes | str, filename: str = "leads.csv", **fields: Any) -> Import:
    """Upload, and read it in the worker when it is a workbook."""
    answer = upload(client, content, filename, **fields)
    assert answer.status_code == 303, answer.text[:2000]
    worker()
    return newest()


def columns_of(row: Import) -> dict[str, str]:
    return {f"column-{index}": field for index, field in row.columns.items()}


def check(client: Client, worker: Any, row: Import, **fields: Any) -> Import:
    answer = client.post(f"/imports/{row.id}/mapping", data={**columns_of(row), **fields})
    assert answer.status_code == 303, answer.text[:3000]
    worker()
    return newest()


def confirm(client: Client, worker: Any, row: Import) -> Import:
    assert client.post(f"/imports/{row.id}/confirmation").status_code == 303
    worker()
    return newest()


def import_all(client: Client, worker: Any, content: bytes | str, filename: str = "leads.csv", **fields: Any) -> Import:
    row = check(client, worker, bring(client, worker, content, filename, **fields))
    return confirm(client, worker, row)


def outcomes(row: Import) -> dict[int, tuple[str, str]]:
    rows = db.session.scalars(sa.select(ImportRow).where(ImportRow.import_id == row.id).order_by(ImportRow.number))
    return {found.number: (found.outcome, found.reason) for found in rows}


def error_rows(client: Client, row: Import) -> list[list[str]]:
    import csv

    answer = client.get(f"/imports/{row.id}/errors.csv")
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"), newline="")))


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())
