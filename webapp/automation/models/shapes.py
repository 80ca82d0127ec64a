"""Shapes that the tables of this room share."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

EMPTY: Any = sa.text("'{}'::jsonb")
NONE_YET: Any = sa.text("'[]'::jsonb")


def one_of(column: str, values: Any) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


class Town:
    """Where in a country; empty where nobody said."""

    city: Mapped[str] = mapped_column(server_default="", default="")
    state: Mapped[str] = mapped_column(server_default="", default="")
    postal_code: Mapped[str] = mapped_column(server_default="", default="")
