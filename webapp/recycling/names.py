from __future__ import annotations

from typing import Any


def name_of(row: Any) -> str:
    """A name from a row of a preview, as the lead itself would say it."""
    return f"{row.first_name} {row.last_name}".strip() or row.business or row.email or row.phone or f"Lead {row.id}"
