"""Agents as processes of their own, to be killed: `python -m tests.dialer.claim_worker`, told by lines what to do.

"round COMPANY CAMPAIGN SEED" forks WORKERS agents that start together and claim CLAIMS times each. They say on stdout what they
hold: "took PID TOKEN LEAD PHONE", "called PID TOKEN"; "stopped PID" means that one waits for its death; "over" that all have ended.
No pid is given back to the system before the next line is read, so none can be killed by mistake.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import traceback
from datetime import UTC, datetime

from flask import Flask
from sqlalchemy import event, orm

from webapp import create_app
from webapp.config import Settings
from webapp.core.db import db
from webapp.dialer.claims import Claim, claim_next, finish, release
from webapp.dialer.events import parse_event
from webapp.dialer.hours import hours_of, open_zones
from webapp.dialer.service import record_events
from webapp.serve.children import die_with_parent

WORKERS, CLAIMS = 20, 10
MOMENTS = ("before the commit", "after the claim", "in the call")  # of two workers each


class Agent:
    def __init__(self, out: int, company_id: int, campaign_id: int, number: int, seed: int) -> None:
        self.out, self.company_id, self.campaign_id = out, company_id, campaign_id
        self.dice = random.Random(f"{seed} {number}")
        self.moment = MOMENTS[number // 2] if number // 2 < len(MOMENTS) else None
        self.last_claim = self.dice.randrange(CLAIMS - 4)

    def say(self, *words: object) -> None:
        os.write(self.out, (" ".join(str(word) for word in words) + "\n").encode())  # short, so never torn

    def stop(self, *_: object) -> None:
        self.say("stopped", os.getpid())
        while True:
            signal.pause()

    def tell(self, claim: Claim, kind: str, **facts: str) -> None:
        told = {
            "event_id": f"{claim.token}-{kind}",
            "call_id": claim.token,
            "lead_id": claim.lead_id,
            "phone": claim.phone,
        }
        record_events(self.company_id, [parse_event({"provider": "sim", "type": kind} | told | facts)])
        if kind == "dialing":
            self.say("called", os.getpid(), claim.token)

    def work(self) -> None:
        for turn in range(CLAIMS):
            last = self.moment is not None and turn >= self.last_claim
            if last and self.moment == "before the commit":
                event.listen(orm.Session, "before_commit", self.stop)
            claim = claim_next(self.company_id, self.campaign_id, fill=False)
            if claim is None:
                continue
            self.say("took", os.getpid(), claim.token, claim.lead_id, claim.phone)
            if last and self.moment == "after the claim":
                self.stop()
            fate = self.dice.random()
            if fate < 0.3 and not last:
                release(self.company_id, claim.token)
            elif fate < 0.85 or last:
                self.tell(claim, "dialing")
                if last:
                    self.stop()
                self.tell(claim, "ended", call_status="no_answer")
                if fate < 0.7:
                    finish(self.company_id, claim.token)


def run_round(app: Flask, out: int, company_id: int, campaign_id: int, seed: int) -> list[int]:
    gate, opener = os.pipe()
    born, nursery = [], os.getpid()
    for number in range(WORKERS):
        pid = os.fork()
        if pid:
            born.append(pid)
            continue
        try:
            die_with_parent(signal.SIGKILL, nursery)
            os.close(opener)
            agent = Agent(out, company_id, campaign_id, number, seed)
            os.read(gate, 1)  # ends when the nursery lets go
            with app.app_context():
                agent.work()
                db.session.remove()
        except BaseException:  # noqa: BLE001 - told to the test
            os.write(out, b"error " + traceback.format_exc().replace("\n", " | ").encode()[-3000:] + b"\n")
        finally:
            os._exit(0)
    os.close(gate)
    os.write(out, f"born {' '.join(map(str, born))}\n".encode())
    os.close(opener)
    for pid in born:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    os.write(out, b"over\n")
    return born


def main() -> None:
    out = os.dup(1)
    os.dup2(2, 1)  # the app's own log
    app = create_app(Settings.from_env(os.environ))
    open_zones(datetime.now(UTC), hours_of({}, []))  # read the zones once, before there are twenty
    dead: list[int] = []
    for line in sys.stdin:
        for pid in dead:
            os.waitpid(pid, 0)
        company_id, campaign_id, seed = map(int, line.split()[1:])
        dead = run_round(app, out, company_id, campaign_id, seed)


if __name__ == "__main__":
    main()
