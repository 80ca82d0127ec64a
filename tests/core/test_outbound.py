"""What goes out to a typed address: public only, looked up once, certificates and redirects checked, bounded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.notifications.receivers import Receiver, Reply, receiving
from webapp.core.addresses import is_allowed, parse_url, split_pattern
from webapp.core.outbound import AddressRefused, Unreachable, post_json, request, resolve_public

CERTIFICATES = Path(__file__).parent / "certificates"
PUBLIC = "93.184.216.34"


def answering(*addresses: str) -> Callable[[str, int], list[str]]:
    return lambda host, port: list(addresses)


def never(host: str, port: int) -> list[str]:
    raise AssertionError(f"{host} was looked up")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


# --- which addresses -----------------------------------------------------------------------------------

INSIDE = (
    "127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200",
    "0.0.0.0", "0.1.2.3", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1",
    "203.0.113.1", "192.88.99.1", "168.63.129.16", "::", "::1", "fc00::1", "fd00:ec2::254", "fe80::1", "ff02::1", "2001:db8::1",
    "2001::1", "100::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::", "2002:a00:1::1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "::127.0.0.1", "fec0::1", "4000::1",
)  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_that_is_not_public_is_refused_whether_typed_or_looked_up(address: str) -> None:
    with pytest.raises(AddressRefused):
        resolve_public(address, 443, lookup=never)
    with pytest.raises(AddressRefused, match="leads to"):
        resolve_public("hooks.example", 443, lookup=answering(address))
    with pytest.raises(AddressRefused):
        resolve_public("hooks.example", 443, lookup=answering(PUBLIC, address))


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700::1111", "::ffff:808:808", "64:ff9b::808:808"])
def test_a_public_address_is_let_through_as_it_is(address: str) -> None:
    assert resolve_public(address, 443, lookup=never) == address
    assert resolve_public("hooks.example", 443, lookup=answering(address, PUBLIC)) == address


@pytest.mark.parametrize(
    "spelling",
    ["0x7f.1", "0x7f000001", "2130706433", "017700000001", "127.1", "127.0.1", "010.0.0.1", "1.2.3.4.5", "0", "0x", "1.2.3.08",
     "256.1.1.1", "１２７.1", "[::ffff:127.0.0.1]", "[::1]", "::1%lo", "[fe80::1%25eth0]"],
)  # fmt: skip
def test_an_odd_spelling_of_an_address_opens_nothing(spelling: str) -> None:
    with pytest.raises(AddressRefused):
        resolve_public(spelling, 80, lookup=never)


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST", "localhost.", "shop.localhost"])
def test_localhost_is_this_machine_and_never_asked_of_the_dns(name: str) -> None:
    with pytest.raises(AddressRefused, match="this server itself"):
        resolve_public(name, 80, lookup=never)
    assert resolve_public(name, 80, allowed=["localhost", "*.localhost"], lookup=never) == "127.0.0.1"


@pytest.mark.parametrize(
    "name", ["", ".", "a..b", "-a.example", "a-.example", "a b.example", "a\x00.example", "é" * 70 + ".example", "x" * 64 + ".example",
             ("a" * 50 + ".") * 6 + "example", "*", "a/b", "[not-v6]", "a:b"]
)  # fmt: skip
def test_what_is_no_host_is_refused(name: str) -> None:
    with pytest.raises(AddressRefused):
        resolve_public(name, 80, lookup=never)


def test_a_name_that_does_not_exist_may_exist_later() -> None:
    def fail(host: str, port: int) -> list[str]:
        raise OSError("no such host")

    with pytest.raises(Unreachable, match="There is no host called"):
        resolve_public("nowhere.example", 80, lookup=fail)


def test_a_lookup_that_hangs_is_not_waited_for() -> None:
    release = threading.Event()

    def hang(host: str, port: int) -> list[str]:
        release.wait(30)
        return [PUBLIC]

    with pytest.raises(Unreachable, match="in time"):
        resolve_public("slow.example", 80, timeout=0.05, lookup=hang)
    release.set()


# --- what an admin allows ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "host", "port", "fits"),
    [
        ("crm.internal", "crm.internal", 80, True),
        ("CRM.internal.", "crm.internal", 80, True),
        ("crm.internal", "www.crm.internal", 80, False),
        ("crm.internal:8080", "crm.internal", 8080, True),
        ("crm.internal:8080", "crm.internal", 80, False),
        ("*.internal", "crm.internal", 80, True),
        ("*.internal", "a.b.internal", 80, True),
        ("*.internal", "internal", 80, False),
        ("*.internal", "evilinternal", 80, False),
        ("*.crm.example:81", "a.crm.example", 81, True),
        ("*.crm.example:81", "a.crm.example", 80, False),
        ("10.0.0.5", "10.0.0.5", 80, True),
        ("10.0.0.5:80", "10.0.0.5", 80, True),
        ("::1", "::1", 80, True),
        ("[::1]:80", "::1", 80, True),
        ("[::1]:80", "::1", 81, False),
    ],
)
def test_a_pattern_names_hosts_and_ports(pattern: str, host: str, port: int, fits: bool) -> None:
    assert is_allowed(host, port, [pattern]) is fits


@pytest.mark.parametrize(
    "pattern", ["", "*", "*.", "*.com", "*.*.example", "a.*.example", "*.10.0.0.1", "*.5", "crm:0", "crm:70000", "crm:", "crm:x",
                "http://crm", "crm/x", "user@crm", "0x7f.1", "127.1", "[::1", "a b"]
)  # fmt: skip
def test_a_pattern_that_is_none_or_too_wide_is_refused(pattern: str) -> None:
    with pytest.raises(AddressRefused):
        split_pattern(pattern)


def test_an_allowed_host_may_be_inside_and_another_may_not() -> None:
    assert resolve_public("crm.internal", 80, allowed=["crm.internal:80"], lookup=answering("10.0.0.5")) == "10.0.0.5"
    with pytest.raises(AddressRefused, match="unless an admin allows"):
        resolve_public("crm.internal", 81, allowed=["crm.internal:80"], lookup=answering("10.0.0.5"))


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "0.0.0.0", "fe80::1"]
)
def test_nobody_may_allow_what_hands_out_a_machines_credentials(address: str) -> None:
    with pytest.raises(AddressRefused):
        resolve_public("meta.internal", 80, allowed=["meta.internal"], lookup=answering(address))
    with pytest.raises(AddressRefused):
        resolve_public(address, 80, allowed=[address], lookup=never)


# --- addresses of the web --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    ["", "hooks.example", "ftp://hooks.example/", "file:///etc/passwd", "gopher://hooks.example", "//hooks.example/x",
     "https://", "https:///x", "https://user@hooks.example/", "https://user:pass@hooks.example/", "https://@hooks.example/",
     "https://hooks.example:0/", "https://hooks.example:99999/", "https://hooks.example:x/", "https://hooks.example\\@evil.example/",
     "https://hooks.example/a b", "https://hooks.example/\r\nHost: evil", "https://[::1/", "https://hooks.example/\ud800",
     "javascript:alert(1)", "https://x.example/" + "a" * 3000],
)  # fmt: skip
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        parse_url(url)


def test_a_web_address_is_taken_apart() -> None:
    there = parse_url("HTTPS://Bücher.Example:8443/päth?q=ä&r=%20#part")
    assert (there.scheme, there.host, there.port) == ("https", "xn--bcher-kva.example", 8443)
    assert (there.path, there.authority) == ("/p%C3%A4th?q=%C3%A4&r=%20", "xn--bcher-kva.example:8443")
    assert parse_url("http://[2606:4700::1111]").authority == "[2606:4700::1111]"


# --- one exchange ----------------------------------------------------------------------------------------


def test_json_is_posted_and_the_answer_comes_back(receiver: Receiver) -> None:
    receiver.replies = [Reply(202, b"taken", {"X-Word": "yes"})]
    answer = post_json(receiver.url(path="/in?key=1"), {"é": 1}, allowed=["127.0.0.1"], headers={"X-Own": "2"})
    assert (answer.status, answer.ok, answer.text, answer.cut, answer.headers["x-word"]) == (
        202,
        True,
        "taken",
        False,
        "yes",
    )
    (got,) = receiver.got
    assert (got.method, got.path, got.json, got.headers["x-own"]) == ("POST", "/in?key=1", {"é": 1}, "2")
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert got.headers["content-type"] == "application/json; charset=utf-8"


def test_nothing_is_sent_to_a_host_inside(receiver: Receiver) -> None:
    for url in (receiver.url(), receiver.url("localhost"), receiver.url("[::ffff:127.0.0.1]")):
        with pytest.raises(AddressRefused):
            post_json(url, {})
    assert receiver.got == []


def test_the_name_is_looked_up_once_and_a_second_answer_has_no_say(receiver: Receiver) -> None:
    with receiving(address="127.0.0.2", port=receiver.port) as other:
        answers = iter([["127.0.0.1"], ["127.0.0.2"]])
        answer = request(
            "GET", receiver.url("hooks.example"), allowed=["hooks.example"], lookup=lambda *_: next(answers)
        )
        assert answer.ok
        assert next(answers) == ["127.0.0.2"]
        assert other.got == []
    assert receiver.got[0].headers["host"] == f"hooks.example:{receiver.port}"


def test_a_name_that_turns_private_on_the_second_hop_is_refused(receiver: Receiver) -> None:
    receiver.replies = [Reply(302, b"", {"Location": f"http://turned.example:{receiver.port}/secret"})]
    with pytest.raises(AddressRefused, match="leads to this server itself"):
        request("GET", receiver.url("hooks.example"), allowed=["hooks.example"], lookup=answering("127.0.0.1"))
    assert [got.path for got in receiver.got] == ["/in"]


@pytest.mark.parametrize(
    "where", ["http://127.0.0.1:{other}/", "http://localhost:{other}/", "//127.0.0.1:{other}/", "http://0x7f.1:{other}/",
              "http://169.254.169.254/latest/meta-data/", "file:///etc/passwd", "http://user@127.0.0.1:{port}/"]
)  # fmt: skip
@pytest.mark.parametrize(("method", "status"), [("GET", 302), ("POST", 307)])
def test_a_redirect_leads_nowhere_inside(receiver: Receiver, where: str, method: str, status: int) -> None:
    with receiving() as other:
        place = where.format(other=other.port, port=receiver.port)
        receiver.replies = [Reply(status, b"", {"Location": place})]
        with pytest.raises(AddressRefused):
            request(method, receiver.url(), body=b"secret", allowed=[f"127.0.0.1:{receiver.port}"])
        assert other.got == []
    assert len(receiver.got) == 1


def test_a_redirect_that_keeps_the_method_is_followed_with_the_body(receiver: Receiver) -> None:
    receiver.replies = [Reply(308, b"", {"Location": "/new?x=1"}), Reply(200, b"here")]
    answer = request("POST", receiver.url(), body=b"alert", allowed=["127.0.0.1"])
    assert (answer.text, [(got.method, got.path, got.body) for got in receiver.got]) == (
        "here", [("POST", "/in", b"alert"), ("POST", "/new?x=1", b"alert")],
    )  # fmt: skip


def test_a_redirect_that_would_turn_a_post_into_a_get_is_the_answer(receiver: Receiver) -> None:
    receiver.replies = [Reply(302, b"moved", {"Location": "/new"})]
    assert request("POST", receiver.url(), body=b"alert", allowed=["127.0.0.1"]).status == 302
    assert len(receiver.got) == 1


def test_redirects_in_a_circle_end(receiver: Receiver) -> None:
    receiver.replies = [Reply(302, b"", {"Location": "/in"})]
    with pytest.raises(Unreachable, match="redirects more than 3 times"):
        request("GET", receiver.url(), allowed=["127.0.0.1"])
    assert len(receiver.got) == 4


def test_a_redirect_to_another_host_takes_no_credentials_along(receiver: Receiver) -> None:
    receiver.replies = [Reply(307, b"", {"Location": receiver.url("localhost", "/other")}), Reply()]
    request(
        "POST", receiver.url(), headers={"Authorization": "Bearer x", "X-Own": "1"}, allowed=["127.0.0.1", "localhost"]
    )
    assert [("authorization" in got.headers, "x-own" in got.headers) for got in receiver.got] == [
        (True, True),
        (False, True),
    ]


def drip(part: bytes) -> Callable[[Any], None]:
    """Write it over and over until the other side has gone, for some seconds at most."""

    def write(handler: Any) -> None:
        pause = threading.Event()
        for _ in range(400):
            handler.wfile.write(part)
            pause.wait(0.01)

    return write


def test_an_answer_that_never_begins_is_not_waited_for(receiver: Receiver) -> None:
    gone = threading.Event()
    receiver.replies = [Reply(0, before=lambda _: gone.wait(30))]
    with pytest.raises(Unreachable, match="did not answer in time"):
        request("GET", receiver.url(), allowed=["127.0.0.1"], timeout=0.2)
    gone.set()


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 100 Continue\r\nX: 1\r\n"])
def test_heads_that_drip_are_cut(receiver: Receiver, start: bytes) -> None:
    receiver.replies = [Reply(0, before=lambda handler: handler.wfile.write(start), after=drip(b"a"))]
    with pytest.raises(Unreachable):
        request("GET", receiver.url(), allowed=["127.0.0.1"], timeout=0.2)
    assert receiver.cut.wait(5)


@pytest.mark.parametrize(
    "headers", [{"Content-Length": "1000000000"}, {"Transfer-Encoding": "chunked", "Content-Length": "0"}]
)
def test_a_body_that_drips_is_cut_and_its_status_counts(receiver: Receiver, headers: dict[str, str]) -> None:
    part = b"1\r\na\r\n" if "Transfer-Encoding" in headers else b"a"
    receiver.replies = [Reply(200, b"", headers, after=drip(part))]
    answer = request("GET", receiver.url(), allowed=["127.0.0.1"], timeout=0.3)
    assert (answer.status, answer.cut) == (200, True)
    assert set(answer.body) == {ord("a")}
    assert receiver.cut.wait(5)


def test_an_endless_body_is_read_to_its_limit(receiver: Receiver) -> None:
    receiver.replies = [Reply(200, b"", {"Content-Length": "1000000000"}, after=drip(b"b" * 65_536))]
    answer = request("GET", receiver.url(), allowed=["127.0.0.1"], limit=1_000)
    assert (len(answer.body), answer.cut) == (1_000, True)
    assert receiver.cut.wait(5)


@pytest.mark.parametrize(
    "said", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"\x00" * 100, b"HTTP/1.1 abc\r\n\r\n", b"+PONG\r\n"]
)
def test_what_is_no_web_server_is_told_so(receiver: Receiver, said: bytes) -> None:
    def say(handler: Any) -> None:
        handler.wfile.write(said)
        handler.close_connection = True

    receiver.replies = [Reply(0, before=say)]
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1"):
        request("GET", receiver.url(), allowed=["127.0.0.1"], timeout=2)


def test_a_header_too_long_and_a_closed_port_are_told_so(receiver: Receiver) -> None:
    receiver.replies = [Reply(200, b"", {"X-Long": "a" * 100_000})]
    with pytest.raises(Unreachable):
        request("GET", receiver.url(), allowed=["127.0.0.1"])
    with receiving() as gone:
        url = gone.url()
    with pytest.raises(Unreachable, match="refused the connection"):
        request("GET", url, allowed=["127.0.0.1"])


# --- secure connections ----------------------------------------------------------------------------------


@pytest.fixture
def secure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """Its certificate is for hooks.example, by an authority that this test trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATES / "ca.pem"))
    with receiving(certificate=CERTIFICATES / "hooks.example.pem") as server:
        yield server


def ask(server: Receiver, host: str) -> Any:
    return request("GET", server.url(host), allowed=[host], lookup=answering("127.0.0.1"), timeout=5)


def test_the_certificate_is_checked_for_the_name_and_the_name_is_asked_for(secure: Receiver) -> None:
    assert ask(secure, "hooks.example").ok
    assert secure.names == ["hooks.example"]


def test_a_certificate_for_another_name_or_by_a_stranger_is_refused(
    secure: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Unreachable, match="certificate that cannot be trusted"):
        ask(secure, "other.example")
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(Unreachable, match="certificate that cannot be trusted"):
        ask(secure, "hooks.example")
    assert secure.got == []


def test_a_redirect_from_a_secure_address_to_an_open_one_is_refused(secure: Receiver, receiver: Receiver) -> None:
    secure.replies = [Reply(302, b"", {"Location": receiver.url()})]
    with pytest.raises(AddressRefused, match="from https to http"):
        request(
            "GET", secure.url("hooks.example"), allowed=["hooks.example", "127.0.0.1"], lookup=answering("127.0.0.1")
        )
    assert receiver.got == []
