"""Which channels an alert is written for, in the transaction that writes the alert."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import make_company, make_user
from tests.notifications.conftest import Office
from webapp.config import ROOT
from webapp.core.db import atomic
from webapp.core.db import db as database
from webapp.notifications.channels import set_own_copy
from webapp.notifications.kinds import ALERTS, PERSONAL
from webapp.notifications.models import Channel, Delivery, Notification
from webapp.notifications.service import notify


def takers(note: Notification | None) -> set[str]:
    assert note is not None
    query = sa.select(Channel.name).join(Delivery, Delivery.channel_id == Channel.id)
    return set(database.session.scalars(query.where(Delivery.notification_id == note.id)))


def test_an_alert_goes_to_each_active_channel_that_takes_its_kind(office: Office) -> None:
    office.channel(name="all")
    office.channel(name="chosen", alert_kinds=["completion", "over_cap"])
    office.channel(name="others", alert_kinds=["site_changes"])
    office.channel(name="none", alert_kinds=[])
    office.channel(name="paused", active=False)
    database.session.add(Channel(company_id=make_company().id, kind="webhook", name="theirs"))
    assert takers(notify(office.company_id, "completion", "Run 7 finished")) == {"all", "chosen"}
    assert takers(notify(office.company_id, "captcha_blocking", "Captchas")) == {"all"}


def test_a_repeated_alert_is_not_written_again(office: Office) -> None:
    office.channel()
    for _ in range(3):
        notify(office.company_id, "completion", "Run 7 finished", dedupe_key="completion:7")
    assert len(office.deliveries()) == 1


def test_what_is_rolled_back_leaves_no_delivery_and_rings_for_none(office: Office, worker: Any) -> None:
    office.channel()

    @atomic
    def fail() -> None:
        notify(office.company_id, "completion", "Run 7 finished")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert office.deliveries() == []
    assert worker.waiting() == []


def test_without_a_channel_no_job_is_rung_for(office: Office, worker: Any) -> None:
    notify(office.company_id, "completion", "Run 7 finished")
    assert worker.waiting() == []


def test_one_persons_own_affair_goes_to_no_channel_of_the_company(office: Office) -> None:
    office.channel(name="all")
    office.channel(name="asks for it", alert_kinds=["export_done"])
    note = notify(office.company_id, "export_done", "Your file is ready", user_id=office.admin.id)
    assert takers(note) == set()


def test_an_alert_for_an_owner_is_the_companys_affair_too(office: Office) -> None:
    office.channel(name="all")
    note = notify(office.company_id, "over_cap", "A contact over the limit", user_id=office.admin.id)
    assert takers(note) == {"all"}


def test_a_persons_copy_is_of_what_that_persons_inbox_shows(office: Office) -> None:
    company = office.admin.company
    people = {role: make_user(company, role=role) for role in ("rep", "manager", "admin")}
    gone = make_user(company, role="manager")
    for person in (*people.values(), gone):
        set_own_copy(True, None, by=person)
    gone.deactivated_at = sa.func.now()
    database.session.commit()

    def readers(note: Notification | None) -> set[int | None]:
        assert note is not None
        query = sa.select(Channel.user_id).join(Delivery, Delivery.channel_id == Channel.id)
        return set(database.session.scalars(query.where(Delivery.notification_id == note.id)))

    everyones = notify(office.company_id, "completion", "Run 7 finished")
    assert readers(everyones) == {people["manager"].id, people["admin"].id}
    reps = notify(office.company_id, "export_done", "Your file is ready", user_id=people["rep"].id)
    assert readers(reps) == {people["rep"].id}
    set_own_copy(True, ["completion"], by=people["rep"])
    assert readers(notify(office.company_id, "export_done", "Again", user_id=people["rep"].id)) == set()
    set_own_copy(False, None, by=people["admin"])
    assert readers(notify(office.company_id, "completion", "Run 8 finished")) == {people["manager"].id}


def test_an_alert_about_a_channel_passes_that_channel_by(office: Office) -> None:
    broken, _ = office.channel(name="broken"), office.channel(name="well")
    assert takers(notify(office.company_id, "channel_failing", "Broken", but=broken.id)) == {"well"}


def test_every_kind_that_the_code_tells_of_has_its_words() -> None:
    told = set()
    for path in [*(ROOT / "webapp").rglob("*.py"), *(ROOT / "jobs").rglob("*.py")]:
        for node in ast.walk(ast.parse(Path(path).read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "notify":
                told |= {arg.value for arg in node.args[1:2] if isinstance(arg, ast.Constant)}
    assert {"export_done", "over_cap", "channel_failing"} <= told
    assert told <= set(ALERTS)
    assert set(PERSONAL) == {"export_done", "export_failed"}
