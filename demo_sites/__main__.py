"""`python -m demo_sites [--port 8100] [--csv dealerships.csv]`: serve the sites until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from demo_sites.dealers_index import csv_text
from demo_sites.loading import dealerships
from demo_sites.server import SiteServer


def main() -> None:
    parser = argparse.ArgumentParser("python -m demo_sites", description=__doc__)
    parser.add_argument("--port", type=int, default=8100, help="on 127.0.0.1; 0 takes a free one (default: 8100)")
    parser.add_argument("--csv", type=Path, default=Path("dealerships.csv"), help="import file to write")
    options = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with SiteServer(options.port) as here:
        count = len(dealerships())
        options.csv.write_text(csv_text(here), encoding="utf-8", newline="")
        told = f"{count} dealerships at http://127.0.0.1:{here.port}/, import file {options.csv}. Ctrl-C ends them.\n"
        sys.stdout.write(told)
        sys.stdout.flush()
        ended.wait()


if __name__ == "__main__":
    main()
