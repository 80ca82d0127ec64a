"""Which Chromium to start."""

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium(named: str = "") -> str | None:
    """`named` (the setting CHROMIUM_PATH), else one on the PATH, else None: Playwright's own."""
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)
