"""All sites at once."""

from __future__ import annotations

import importlib
import pkgutil

import demo_sites
from demo_sites.server import SITES, Site


def load_sites(beginning: str = "") -> dict[str, Site]:
    """Import every module of the package, or those whose names begin so, that their sites are declared."""
    for found in pkgutil.iter_modules(demo_sites.__path__):
        if found.name.startswith(beginning) and not found.name.startswith("_"):
            importlib.import_module(f"demo_sites.{found.name}")
    return SITES


def dealerships() -> list[Site]:
    """The demo's own, in the order of its import file."""
    from demo_sites.dealers import DEALERS

    load_sites("dealers")
    return [SITES[name] for name in DEALERS if name in SITES]
