"""The keys that do not stand on a button of their own page."""

from __future__ import annotations

KEYS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("Everywhere", (
        ("?", "Show the keys of this page"),
        ("/", "Search"),
        ("Esc", "Close a dialog, leave an edit"),
    )),
    ("In lists", (
        ("j", "Next row"),
        ("k", "Row before"),
        ("Enter", "Open the row"),
        ("x", "Select the row"),
        ("e", "Edit the row or the page"),
    )),
)  # fmt: skip
