from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator

from bench import sets
from bench.clock import Job, table
from bench.world import Seeded, World, say


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure Rebound beside its floors, in one run.")
    parser.add_argument("--leads", type=int, default=1_000_000)
    parser.add_argument(
        "--only",
        default="",
        help="comma-separated: repair, recycle, pages, csv, events, http, timeline, hopper, files, attempts",
    )
    parser.add_argument("--no-growth", action="store_true", help="skip the runs at 10,000 and 100,000 leads")
    given = parser.parse_args()
    chosen = set(filter(None, given.only.split(",")))
    world = World()
    jobs: list[Job] = []
    growth: dict[str, dict[int, float]] = {"repair": {}, "recycle": {}, "CSV": {}}
    try:
        sizes = [size for size in (10_000, 100_000) if size < given.leads and not given.no_growth]
        for size in (*sizes, given.leads):
            source = world.seeded(size)
            for name, run in parts().items():
                if (chosen and name not in chosen) or (size < given.leads and name not in ("repair", "recycle", "csv")):
                    continue
                say(f"{name} at {size:,} ... (load {os.getloadavg()[0]:.1f})")
                for job in run(world, source):
                    jobs.append(job)
                    say("  " + " | ".join(job.line()))
                    key = {"repair with ledger": "repair", "recycle with ledger": "recycle", "CSV export": "CSV"}.get(
                        job.name
                    )
                    if key:
                        growth[key][size] = job.mine * size / (job.rows or size)
    finally:
        world.close()
    print(table(jobs))
    if sizes:
        print("\nCost per row\n" + sets.grows(world, {name: by for name, by in growth.items() if len(by) > 1}))


def parts() -> dict[str, Callable[[World, Seeded], Iterator[Job]]]:
    from bench import attempts, files, hopper, http, timeline

    return {
        "repair": lambda w, s: iter([sets.repair(w, s)]),
        "recycle": lambda w, s: iter([sets.recycle(w, s)]),
        "pages": sets.pages,
        "csv": lambda w, s: iter([sets.csv(w, s)]),
        "events": lambda w, s: iter([sets.events(w, s)]),
        "http": http.run,
        "timeline": timeline.run,
        "hopper": hopper.run,
        "files": files.run,
        "attempts": attempts.run,
    }


if __name__ == "__main__":
    main()
