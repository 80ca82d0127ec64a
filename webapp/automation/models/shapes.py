"""Shapes that the tables of this room share."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

EMPTY: Any = sa.text("'{}'::jsonb")
NONE_YET: Any = sa.text("'[]'::jsonb")


def one_of(column: str, values: Any) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"
