"""Addresses of the other features' pages, as Today needs them."""

from __future__ import annotations

from typing import Any

from flask import current_app, url_for

# Where a piece of work is shown, and what it is called, by its table.
WORK: dict[str, tuple[str, str, str]] = {
    "imports": ("Import", "imports.show", "import_id"),
    "repairs": ("Repair", "recycling.repair", "repair_id"),
    "recycle_batches": ("Recycling", "recycling.batch", "batch_id"),
    "undos": ("Undo", "", ""),
    "bulk_actions": ("Bulk change", "leads.bulk", "bulk_id"),
    "exports": ("Export", "reports.export", "export_id"),
    "demo_loads": ("Demo data", "demo.index", ""),
    "runs": ("Automation run", "automation.run", "run_id"),
}


def find_url(endpoint: str, **values: Any) -> str | None:
    """None for a page that this installation does not have."""
    return url_for(endpoint, **values) if endpoint in current_app.view_functions else None


def work_label(table: str) -> str:
    return WORK[table][0] if table in WORK else table.replace("_", " ").capitalize()


def work_url(table: str, row_id: int) -> str | None:
    _, endpoint, key = WORK.get(table, ("", "", ""))
    return find_url(endpoint, **({key: row_id} if key else {})) if endpoint else None
