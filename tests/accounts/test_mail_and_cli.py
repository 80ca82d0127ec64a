import re
import socketserver
import threading

import pytest

from tests.factories import PASSWORD, make_company, make_user, sign_in
from webapp.accounts.models import User


class Sink(socketserver.ThreadingTCPServer):
    """An SMTP server that keeps what it is given."""

    allow_reuse_address = daemon_threads = True

    def __init__(self):
        self.mails = []
        super().__init__(("127.0.0.1", 0), _Talk)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self):
        return f"smtp://127.0.0.1:{self.server_address[1]}"


class _Talk(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"220 sink\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go\r\n")
                lines = []
                while (part := self.rfile.readline()) != b".\r\n":
                    lines.append(part)
                self.server.mails.append(b"".join(lines).decode())
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
            if word == b"QUIT":
                return


@pytest.fixture
def sink(app, monkeypatch):
    server = Sink()
    monkeypatch.setitem(app.config, "SETTINGS", app.config["SETTINGS"].model_copy(update={"smtp_url": server.url}))
    yield server
    server.shutdown()
    server.server_close()


def forget(client, email, **kwargs):
    """The mail goes out once the answer is with the browser: when it is closed."""
    answer = client.post("/forgot", data={"email": email}, **kwargs)
    answer.close()
    return answer


def link_in(mail):
    plain = mail.replace("=\r\n", "").replace("=3D", "=")
    return re.search(r"http://localhost(/reset/[\w-]{43})", plain)[1]


def test_a_forgotten_password_is_replaced_by_a_mailed_link(client, admin, sink, travel):
    answer = forget(client, "Ana@example.com")
    assert answer.status_code == 200
    assert "is on its way" in answer.text
    (mail,) = sink.mails
    assert "To: ana@example.com" in mail
    link = link_in(mail)
    assert client.get(link).status_code == 200
    assert client.post(link, data={"password": "a brand new one"}).status_code == 303
    assert client.post("/login", data={"email": admin.email, "password": "a brand new one"}).status_code == 303
    assert client.get(link).status_code == 404


def test_a_mailed_link_ends_after_an_hour_and_names_the_configured_host(client, admin, sink, travel):
    client.csrf_token()
    client.set_cookie("rebound", client.get_cookie("rebound").value, domain="evil.example")
    forget(client, admin.email, environ_overrides={"HTTP_HOST": "evil.example"})
    assert "evil.example" not in sink.mails[0]
    travel(minutes=61)
    assert client.get(link_in(sink.mails[0])).status_code == 404


def test_unknown_and_deactivated_addresses_get_the_same_answer_and_no_mail(client, admin, sink, db):
    make_user(admin.company, email="gone@example.com", deactivated_at=db.func.now())
    known = forget(client, "ana@example.com").text
    for email in ("gone@example.com", "nobody@example.com"):
        answer = forget(client, email)
        assert answer.text.replace(email, "ana@example.com") == known
    assert len(sink.mails) == 1


def test_asking_for_mails_is_throttled_for_known_and_unknown_alike(client, admin, sink):
    for email in (admin.email, "nobody@example.com"):
        codes = [forget(client, email).status_code for _ in range(8)]
        assert codes == [200] * 6 + [429] * 2


def test_a_mail_server_that_is_away_breaks_nothing(client, admin, app, monkeypatch):
    settings = app.config["SETTINGS"].model_copy(update={"smtp_url": "smtp://127.0.0.1:1"})
    monkeypatch.setitem(app.config, "SETTINGS", settings)
    assert forget(client, admin.email).status_code == 200


def test_without_a_mail_server_the_page_names_the_way_that_works(client, admin):
    page = client.get("/forgot")
    assert "Make reset link" in page.text
    assert "<form" not in page.text
    assert forget(client, admin.email).status_code == 200


def test_an_admin_is_made_on_the_console(runner, client, db):
    args = ["create-admin", "--company", "Acme", "--email", "Ana@Example.com", "--name", "Ana", "--password-stdin"]
    result = runner.invoke(args=args, input=PASSWORD + "\n")
    assert result.exit_code == 0, result.output
    assert PASSWORD not in result.output
    user = db.session.scalars(db.select(User)).one()
    assert (user.email, user.role, user.company.name) == ("ana@example.com", "admin", "Acme")
    sign_in(client, user)
    second = [arg.replace("Ana", "Ben") for arg in args]
    assert runner.invoke(args=second, input=PASSWORD).exit_code == 0
    assert len({row.company_id for row in db.session.scalars(db.select(User))}) == 1, "the company is found by its name"
    again = runner.invoke(args=args, input=PASSWORD)
    assert again.exit_code == 1
    assert "has an account already" in again.output


def test_the_console_asks_for_the_password_twice(runner, db):
    args = ["create-admin", "--company", "Acme", "--email", "ana@example.com", "--name", "Ana"]
    result = runner.invoke(args=args, input=f"{PASSWORD}\n{PASSWORD}\n")
    assert result.exit_code == 0, result.output
    assert PASSWORD not in result.output


@pytest.mark.parametrize(("email", "password"), [("no address", PASSWORD), ("ana@example.com", "short")])
def test_the_console_refuses_what_the_pages_refuse(runner, db, email, password):
    result = runner.invoke(
        args=["create-admin", "--company", "A", "--email", email, "--name", "Ana", "--password-stdin"], input=password
    )
    assert result.exit_code == 1
    assert "Traceback" not in result.output


def test_a_password_is_reset_on_the_console_and_sessions_end(runner, client, admin):
    sign_in(client, admin)
    result = runner.invoke(args=["reset-password", "ANA@example.com", "--password-stdin"], input="a brand new one\n")
    assert result.exit_code == 0, result.output
    assert client.get("/settings/profile").status_code == 303
    assert client.post("/login", data={"email": admin.email, "password": "a brand new one"}).status_code == 303


def test_resetting_nobodys_password_says_so(runner, db):
    make_company()
    result = runner.invoke(args=["reset-password", "nobody@example.com", "--password-stdin"], input=PASSWORD)
    assert result.exit_code == 1
    assert "Nobody has the address" in result.output
