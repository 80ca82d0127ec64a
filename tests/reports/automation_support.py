"""Reports of automation, read back: a document's tables, a PDF's words, and the seed's SQL run as it is."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from webapp.automation.models import Project
from webapp.core.db import db as database
from webapp.reports.automation.document import Document, Table
from webapp.reports.automation.scope import Scope, read_scope

LIVE = "(SELECT * FROM automation_attempts WHERE NOT dry_run)"


def raw(sql: str) -> list[Any]:
    return list(database.session.execute(sa.text(sql)))


def table(document: Document, key: str) -> Table:
    return next(one for one in document.tables if one.key == key)


def rows(document: Document, key: str) -> list[dict[str, Any]]:
    found = table(document, key)
    return [dict(zip((column.key for column in found.columns), row, strict=True)) for row in found.rows]


def totals(document: Document) -> dict[str, Any]:
    return {fact.key: fact.value for fact in document.totals}


def scope_of(project: Project, **args: Any) -> Scope:
    return read_scope(args, project)[0]
