"""Settings, Notifications: channels by hand, from the first to the last."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import make_company, make_user, sign_in
from tests.harness.web import check_accessible
from tests.notifications.conftest import Mailbox, Office
from tests.notifications.receivers import Receiver, Reply
from webapp.core.audit import AuditEvent
from webapp.core.db import db as database
from webapp.notifications import channels
from webapp.notifications.models import Channel, Delivery
from webapp.notifications.queries import list_failing
from webapp.notifications.rules import sign
from webapp.notifications.service import notify

PAGE = "/settings/notifications"


@pytest.fixture
def ana(client: Any, office: Office) -> Any:
    return sign_in(client, office.admin)


def form(**facts: Any) -> dict[str, Any]:
    return {"name": "Sales", "takes": "all", "form_token": "once-and-only"} | facts


def add(client: Any, kind: str, **facts: Any) -> Any:
    return client.post(f"{PAGE}/new?kind={kind}", data=form(**facts))


def only() -> Channel:
    database.session.expire_all()
    return database.session.scalars(sa.select(Channel)).one()


def last_event() -> AuditEvent:
    found = database.session.scalars(sa.select(AuditEvent).order_by(AuditEvent.id.desc())).first()
    assert found is not None
    return found


# --- adding ----------------------------------------------------------------------------------------------


def test_without_a_channel_the_page_says_where_alerts_are_and_how_to_have_them_elsewhere(ana: Any) -> None:
    page = ana.get(PAGE).text
    assert "Alerts stay in the inbox" in page
    assert f'href="{PAGE}/new"' in page
    kinds = ana.get(f"{PAGE}/new").text
    assert [word for word in ("Email", "Slack", "Teams", "Webhook") if f">{word}<" not in kinds] == []


def test_a_slack_channel_is_added_and_its_url_never_told_again(ana: Any, receiver: Receiver) -> None:
    url = receiver.url(path="/services/T000/B000/secretWXYZ")
    answer = add(ana, "slack", target=f" {url} ", takes="chosen", alert_kinds=["completion", "automation_stuck"])
    row = only()
    assert (answer.status_code, answer.location) == (303, f"{PAGE}/{row.id}")
    assert (row.kind, row.target, row.secret, row.alert_kinds) == ("slack", url, "", ["automation_stuck", "completion"])
    broken = ana.post(f"{PAGE}/{row.id}", data=form(name=""))
    assert broken.status_code == 422
    for page in (ana.get(PAGE).text, ana.get(f"{PAGE}/{row.id}").text, ana.get("/activity").text, broken.text):
        assert "secret" not in page.replace("signing secret", "")
    assert "…WXYZ" in ana.get(PAGE).text
    assert (last_event().kind, last_event().summary) == ("setting_changed", "Added the Slack channel Sales")
    assert "T000" not in str(last_event().details)


def test_a_webhooks_secret_is_shown_once_and_can_be_made_anew(ana: Any, receiver: Receiver) -> None:
    add(ana, "webhook", target=receiver.url())
    row = only()
    first = ana.get(f"{PAGE}/{row.id}").text
    assert row.secret in first
    assert row.secret.startswith("whsec_")
    assert row.secret not in ana.get(f"{PAGE}/{row.id}").text
    old = row.secret
    ana.post(f"{PAGE}/{row.id}/secret")
    new = only().secret
    assert new != old
    assert new in ana.get(f"{PAGE}/{row.id}").text
    assert old not in str(last_event().details)


def test_a_form_sent_twice_makes_one_channel(ana: Any) -> None:
    assert [add(ana, "email", target="office@example.com").status_code for _ in range(2)] == [303, 303]
    assert only().target == "office@example.com"


@pytest.mark.parametrize(
    ("kind", "facts", "says"),
    [
        ("slack", {"target": ""}, "Enter the URL"),
        ("slack", {"target": "hooks.slack.com/x"}, "has to begin with https://"),
        ("webhook", {"target": "https://user:pass@hooks.example/"}, "must not hold a user name"),
        ("webhook", {"target": "http://127.0.0.1:9/"}, "unless an admin allows 127.0.0.1"),
        ("webhook", {"target": "http://localhost/"}, "is not contacted"),
        ("teams", {"target": "http://169.254.169.254/latest"}, "nobody&#39;s website"),
        ("webhook", {"target": "http://2130706433/"}, "four plain numbers"),
        ("webhook", {"target": "http://[::ffff:10.0.0.1]/"}, "own network"),
        ("email", {"target": "office"}, "Enter an email address"),
        ("email", {"target": "a@example.com\r\nBcc: b@example.com"}, "control characters"),
        ("email", {"target": "a@example.com", "takes": "chosen"}, "Choose at least one"),
        ("email", {"target": "a@example.com", "takes": "chosen", "alert_kinds": ["nonsense"]}, "not a valid"),
        ("email", {"target": "a@example.com", "takes": "chosen", "alert_kinds": ["export_done"]}, "not a valid"),
        ("email", {"target": "a@example.com", "name": " "}, "Enter a name"),
        ("email", {"target": "a@example.com", "form_token": ""}, "The form is incomplete"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_is_added(ana: Any, kind: str, facts: dict[str, Any], says: str) -> None:
    answer = add(ana, kind, **facts)
    assert answer.status_code == 422
    assert says in answer.text
    assert database.session.scalar(sa.select(sa.func.count()).select_from(Channel)) == 0


def test_there_is_an_end_to_channels(ana: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "MOST", 1)
    add(ana, "email", target="a@example.com")
    answer = add(ana, "email", target="b@example.com", form_token="another-token")
    assert answer.status_code == 422
    assert "Remove one first" in answer.text


# --- changing ----------------------------------------------------------------------------------------------


def test_an_empty_url_keeps_the_one_there_is_and_a_new_one_is_checked(
    ana: Any, office: Office, receiver: Receiver
) -> None:
    row = office.channel("teams", receiver.url(path="/old-secret"), failures=7, last_error="no")
    ana.post(f"{PAGE}/{row.id}", data=form(name="Renamed", target=""))
    assert (only().name, only().target, only().failures) == ("Renamed", receiver.url(path="/old-secret"), 7)
    assert ana.post(f"{PAGE}/{row.id}", data=form(target="http://10.0.0.1/")).status_code == 422
    ana.post(f"{PAGE}/{row.id}", data=form(target=receiver.url(path="/new-secret")))
    assert (only().target, only().failures, only().last_error) == (receiver.url(path="/new-secret"), 0, "")
    assert "/new-secret" not in str(last_event().details)
    again = len(database.session.scalars(sa.select(AuditEvent)).all())
    ana.post(f"{PAGE}/{row.id}", data=form(target=""))
    assert len(database.session.scalars(sa.select(AuditEvent)).all()) == again


def test_a_paused_channel_says_so_and_new_alerts_pass_it_by(ana: Any, office: Office) -> None:
    row = office.channel("email", "office@example.com")
    ana.post(f"{PAGE}/{row.id}/pause", data={"active": "no"})
    notify(office.company_id, "completion", "Run 7 finished")
    assert office.deliveries() == []
    assert "Paused" in ana.get(PAGE).text
    ana.post(f"{PAGE}/{row.id}/pause", data={"active": "yes"})
    assert only().active
    assert last_event().summary == f"Resumed the channel {row.name}"


def test_a_removed_channel_takes_what_waits_along_and_leaves_the_alerts(ana: Any, office: Office) -> None:
    path = f"{PAGE}/{office.channel('email', 'office@example.com').id}"
    notify(office.company_id, "completion", "Run 7 finished")
    assert ana.post(f"{path}/remove").status_code == 303
    assert database.session.scalar(sa.select(sa.func.count()).select_from(Delivery)) == 0
    assert "Run 7 finished" in ana.get("/notifications").text
    assert ana.get(path).status_code == 404


# --- a test, and what became of the alerts -------------------------------------------------------------------


def test_a_test_is_sent_at_once_and_its_answer_shown(ana: Any, office: Office, receiver: Receiver) -> None:
    receiver.replies = [Reply(404, b"no_service <b>"), Reply(200, b"welcome")]
    path = f"{PAGE}/{office.channel(target=receiver.url(), failures=6).id}"
    ana.post(f"{path}/test")
    page = ana.get(path).text
    assert "The test did not get through" in page
    assert "127.0.0.1 answered 404: no_service &lt;b&gt;" in page
    assert only().failures == 6
    ana.post(f"{path}/test")
    page = ana.get(path).text
    assert "The test got through" in page
    assert "answered 200: welcome" in page
    assert only().failures == 0
    assert "The test" not in ana.get(path).text
    got = receiver.got[-1]
    assert (got.json["kind"], got.json["url"], got.headers["x-rebound-id"]) == (
        "test",
        "http://localhost",
        got.json["id"],
    )
    assert got.headers["x-rebound-signature"] == sign(office.secret, int(got.headers["x-rebound-timestamp"]), got.body)
    assert office.deliveries() == []


def test_a_test_by_mail_arrives(ana: Any, office: Office, mailbox: Mailbox) -> None:
    path = f"{PAGE}/{office.channel('email', 'office@example.com').id}"
    ana.post(f"{path}/test")
    assert [mail["Subject"] for mail in mailbox.mails] == ["Information: This is a test"]
    assert "The mail server took it for office@example.com" in ana.get(path).text


def test_the_page_tells_what_became_of_each_alert_and_a_failed_one_is_sent_again(
    ana: Any, office: Office, receiver: Receiver, worker: Any
) -> None:
    receiver.replies = [Reply(410, b"gone"), Reply(200)]
    path = f"{PAGE}/{office.channel(target=receiver.url()).id}"
    notify(office.company_id, "completion", "Run 7 finished", url="/exports")
    worker()
    page = ana.get(path).text
    assert "Run 7 finished" in page
    assert "answered 410: gone" in page
    again = f"{path}/deliveries/{office.deliveries()[0].id}/again"
    assert f'action="{again}"' in page
    assert ana.post(again).status_code == 303
    worker()
    assert office.states() == ["sent"]
    assert ana.post(again).status_code == 409


def test_a_failing_channel_stands_on_top_of_the_page(ana: Any, office: Office) -> None:
    facts = {"failures": 5, "failing_since": sa.func.now(), "last_error": "hooks.example answered 500."}
    row = office.channel(target="https://hooks.example/", name="Dashboard", **facts)
    office.channel(target="https://hooks.example/", name="Resting", active=False, **facts)
    page = ana.get(PAGE).text
    assert "Alerts do not get through" in page
    assert page.count("hooks.example answered 500.") == 1
    assert [channel.id for channel in list_failing(office.company_id)] == [row.id]
    assert "5 tries in a row have failed" in ana.get(f"{PAGE}/{row.id}").text


def test_a_copy_that_does_not_get_through_is_told_to_its_person(ana: Any, office: Office) -> None:
    channels.set_own_copy(True, None, by=office.admin)
    notify(office.company_id, "completion", "Run 7 finished")
    office.deliver()
    page = ana.get(PAGE).text
    assert "The last copy did not get through" in page
    assert "No mail server is set up on this installation" in page


def test_without_a_mail_server_the_pages_say_so(ana: Any, office: Office) -> None:
    row = office.channel("email", "office@example.com")
    for path in (PAGE, f"{PAGE}/new?kind=email", f"{PAGE}/{row.id}"):
        assert "No mail server is set up" in ana.get(path).text


# --- whose page it is ----------------------------------------------------------------------------------------


def test_everyone_chooses_a_copy_of_their_own(client: Any, office: Office) -> None:
    rep = make_user(office.admin.company, role="rep")
    sign_in(client, rep)
    page = client.get(PAGE).text
    assert rep.email in page
    assert "Add channel" not in page
    client.post(f"{PAGE}/mine", data={"wanted": "y", "takes": "chosen", "alert_kinds": ["export_done"]})
    row = only()
    assert (row.user_id, row.kind, row.active, row.alert_kinds) == (rep.id, "email", True, ["export_done"])
    assert re.search(r'<input[^>]* checked [^>]*name="wanted"', client.get(PAGE).text)
    client.post(f"{PAGE}/mine", data={"takes": "all"})
    assert (only().active, only().alert_kinds) == (False, None)
    assert client.post(f"{PAGE}/mine", data={"wanted": "y", "takes": "chosen"}).status_code == 422


@pytest.mark.parametrize("role", ["rep", "manager"])
def test_only_admins_change_the_companys_channels(client: Any, office: Office, role: str) -> None:
    row = office.channel("email", "office@example.com")
    sign_in(client, make_user(office.admin.company, role=role))
    assert "office@example.com" not in client.get(PAGE).text
    for path in ("new", str(row.id)):
        assert client.get(f"{PAGE}/{path}").status_code == 403
        assert client.post(f"{PAGE}/{path}", data=form()).status_code == 403
    for verb in ("test", "pause", "remove", "secret"):
        assert client.post(f"{PAGE}/{row.id}/{verb}").status_code == 403
    assert only().active


def test_a_persons_copy_is_no_channel_that_an_admin_opens(ana: Any, office: Office) -> None:
    channels.set_own_copy(True, None, by=make_user(office.admin.company, role="rep"))
    row = only()
    assert ana.get(f"{PAGE}/{row.id}").status_code == 404
    assert ana.post(f"{PAGE}/{row.id}/remove").status_code == 404
    assert "your email" not in ana.get(PAGE).text


def test_another_companys_channels_are_not_there(ana: Any, office: Office) -> None:
    theirs = Channel(company_id=make_company().id, kind="email", name="Theirs", target="theirs@example.com")
    database.session.add(theirs)
    database.session.commit()
    assert "Theirs" not in ana.get(PAGE).text
    assert ana.get(f"{PAGE}/{theirs.id}").status_code == 404
    assert ana.get(f"{PAGE}/{2**70}").status_code == 404


# --- in a browser ------------------------------------------------------------------------------------------


@pytest.fixture
def desk(new_page: Any, office: Office) -> Any:
    page = new_page(viewport={"width": 390, "height": 800}, reduced_motion="reduce")
    page.goto("/login")
    page.fill("#email", office.admin.email)
    page.fill("#password", "correct horse battery")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/login" not in url)
    return page


def test_a_channel_is_added_tested_and_removed_on_a_phone(desk: Any, receiver: Receiver) -> None:
    desk.goto(PAGE)
    desk.get_by_role("link", name="Add channel").first.click()
    desk.get_by_role("link", name="Webhook").click()
    desk.get_by_label("Name").fill("Dashboard")
    desk.get_by_label("URL").fill(receiver.url())
    desk.get_by_role("button", name="Add channel").click()
    desk.get_by_text("The signing secret of Dashboard").wait_for()
    check_accessible(desk)
    desk.get_by_role("button", name="Send a test").click()
    desk.get_by_text("The test got through").wait_for()
    assert len(receiver.got) == 1
    desk.emulate_media(color_scheme="dark")
    check_accessible(desk)
    desk.get_by_role("button", name="Remove…").click()
    desk.get_by_role("button", name="Remove channel").click()
    desk.get_by_text("Alerts stay in the inbox").wait_for()
    check_accessible(desk)
    desk.goto("/settings/allowed-hosts")
    check_accessible(desk)
