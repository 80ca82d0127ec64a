"""Processes of many threads that claim together: `python -m tests.dialer.gather_worker COMPANY CAMPAIGN`.

Forks PROCESSES that start together, THREADS in each, CLAIMS by each thread. They say on stdout "took PID TOKEN LEAD PHONE"; one stops
before the commit of a claim for several, "stopped PID CLAIMS", and waits for its death; "over" says that all have ended. No pid is
given back to the system before stdin is closed, so none can be killed by mistake.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from sqlalchemy import event, orm

from webapp import create_app
from webapp.config import Settings
from webapp.core.db import db
from webapp.dialer import claims
from webapp.dialer.hours import hours_of, open_zones
from webapp.serve.children import die_with_parent

PROCESSES, THREADS, CLAIMS = 4, 16, 3


class Office:
    def __init__(self, app: Flask, out: int, company_id: int, campaign_id: int) -> None:
        self.app, self.out, self.company_id, self.campaign_id = app, out, company_id, campaign_id
        self.shared = threading.local()

    def say(self, *words: object) -> None:
        os.write(self.out, (" ".join(str(word) for word in words) + "\n").encode())  # short, so never torn

    def die_in_a_shared_claim(self) -> None:
        real = claims._lanes._serve

        def serve(key: Any, asked: Sequence[Any]) -> Any:
            self.shared.size = len(asked)
            return real(key, asked)

        def stop(_: orm.Session) -> None:
            if getattr(self.shared, "size", 1) > 1:
                self.say("stopped", os.getpid(), self.shared.size)
                while True:
                    signal.pause()

        claims._lanes._serve = serve  # type: ignore[method-assign]
        event.listen(orm.Session, "before_commit", stop)

    def work(self) -> None:
        try:
            with self.app.app_context():
                for _ in range(CLAIMS):
                    claim = claims.claim_next(self.company_id, self.campaign_id, fill=False)
                    if claim is not None:
                        self.say("took", os.getpid(), claim.token, claim.lead_id, claim.phone)
                db.session.remove()
        except BaseException:  # noqa: BLE001 - told to the test
            self.say("error", traceback.format_exc().replace("\n", " | ")[-3000:])

    def open(self) -> None:
        threads = [threading.Thread(target=self.work) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def main() -> None:
    out = os.dup(1)
    os.dup2(2, 1)  # the app's own log
    app = create_app(Settings.from_env(os.environ))
    open_zones(datetime.now(UTC), hours_of({}, []))  # read the zones once, before there are four
    company_id, campaign_id = map(int, sys.argv[1:])
    gate, opener = os.pipe()
    born, nursery = [], os.getpid()
    for number in range(PROCESSES):
        pid = os.fork()
        if pid:
            born.append(pid)
            continue
        die_with_parent(signal.SIGKILL, nursery)
        os.close(opener)
        office = Office(app, out, company_id, campaign_id)
        if number == 0:
            office.die_in_a_shared_claim()
        os.read(gate, 1)  # ends when the nursery lets go
        office.open()
        os._exit(0)
    os.close(gate)
    os.close(opener)
    for pid in born:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    os.write(out, b"over\n")
    sys.stdin.read()


if __name__ == "__main__":
    main()
