"""What a form says of a call: the result, the notes, and when to call back on the lead's own clock."""

from __future__ import annotations

from datetime import datetime

from flask import request


def read_said() -> tuple[str, dict[str, str], datetime | None]:
    """The result, what was typed beside it, to be shown again, and a callback's time. One of the nearest times (`use`) is a
    callback at it.
    """
    use = request.form.get("use", "")[:40]
    result = "callback" if use else request.form.get("result", "")
    typed = {"notes": read_notes(), "callback": use or request.form.get("callback", "")[:40], "own": request.form.get("own", "")}  # fmt: skip
    return result, typed, read_moment(typed["callback"]) if result == "callback" else None


def read_notes() -> str:
    text = request.form.get("notes", "").replace("\x00", " ").replace("\r\n", "\n").strip()
    return "".join(char for char in text if not 0xD800 <= ord(char) <= 0xDFFF)[:20_000]


def read_moment(text: str) -> datetime | None:
    """A datetime-local, naive; None for anything else."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.replace(tzinfo=None, second=0, microsecond=0) if 2000 <= found.year < 2100 else None
