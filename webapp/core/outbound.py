"""The one guard for everything that goes out to an address somebody typed, and a small client behind it.

A name is looked up once, within a time; every address it has must be public, or the name be one that an admin
named; the connection goes to the very address that was judged, so that a second answer of the DNS has no say.
The standard library only: the browser's proxy and the jobs use it alike.
"""

from __future__ import annotations

import http.client
import io
import json
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from webapp.core.addresses import AddressRefused as AddressRefused
from webapp.core.addresses import OutboundError as OutboundError
from webapp.core.addresses import Target, clean_host, is_address, is_allowed, is_never, parse_url, why_not_public
from webapp.core.addresses import Unreachable as Unreachable

Lookup = Callable[[str, int], list[str]]

LOOKUP_SECONDS = 5.0
HOPS = 3
REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    cut: bool  # there was more than `limit`, or it did not come in time
    host: str  # that answered, after redirects

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


def system_lookup(host: str, port: int) -> list[str]:
    """The addresses the system's resolver knows, in the order it would try them. Raises OSError."""
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _look_up(host: str, port: int, timeout: float, lookup: Lookup | None) -> list[str]:
    """In a thread of its own, for the system's resolver knows no time limit."""
    answers: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put((lookup or system_lookup)(host, port))
        except (OSError, UnicodeError) as error:
            answers.put(error if isinstance(error, OSError) else OSError(str(error)))

    threading.Thread(target=ask, daemon=True, name="lookup").start()
    try:
        found = answers.get(timeout=max(timeout, 0.001))
    except queue.Empty:
        raise Unreachable(f"{host} could not be looked up in time") from None
    if isinstance(found, OSError) or not found:
        raise Unreachable(f"There is no host called {host}, or its name cannot be looked up now")
    return found


def resolve_public(
    host: str, port: int, *, allowed: Collection[str] = (), timeout: float = LOOKUP_SECONDS, lookup: Lookup | None = None,
) -> str:  # fmt: skip
    """The address to connect to, looked up this once. Raises AddressRefused, or Unreachable when there is none.

    Every address of the name has to be public. A host of `allowed` ("host", "host:port", "*.suffix",
    "*.suffix:port") may be anywhere but at `addresses.NEVER`. localhost and .invalid are never looked up (RFC 6761).
    """
    name = clean_host(host)
    if is_address(name):
        found = [name]
    elif name == "localhost" or name.endswith(".localhost"):
        found = ["127.0.0.1"]
    elif lookup is None and (name == "invalid" or name.endswith(".invalid")):
        raise Unreachable(f"There is no host called {name}")
    else:
        found = [address.partition("%")[0] for address in _look_up(name, port, timeout, lookup)]
    named = is_allowed(name, port, allowed)
    for address in found:
        why = why_not_public(address)
        if is_never(address) or (why and not named):
            hint = "" if is_never(address) else f" unless an admin allows {name} under Settings, Allowed hosts"
            raise AddressRefused(
                f"{name} {'is' if is_address(name) else 'leads to'} {why}, which is not contacted{hint}"
            )
    return found[0]


class _Deadline:
    def __init__(self, seconds: float):
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _Reader(io.RawIOBase):
    """Reads what comes before the deadline, however slowly it drips."""

    def __init__(self, sock: socket.socket, deadline: _Deadline):
        self._sock, self._deadline = sock, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(self._deadline.left())
        return self._sock.recv_into(buffer)


class _TimedSocket:
    """What http.client needs of a socket, bounded by one deadline for the whole exchange."""

    def __init__(self, sock: socket.socket, deadline: _Deadline):
        self._sock, self._deadline = sock, deadline

    def sendall(self, content: bytes) -> None:
        view = memoryview(content)
        while view:
            self._sock.settimeout(self._deadline.left())
            view = view[self._sock.send(view) :]

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._sock, self._deadline))

    def close(self) -> None:
        self._sock.close()


def request(
    method: str, url: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None, allowed: Collection[str] = (),
    timeout: float = 10.0, limit: int = 65_536, hops: int = HOPS, lookup: Lookup | None = None,
) -> Answer:  # fmt: skip
    """One exchange, `timeout` seconds in all, at most `limit` bytes of its body. Raises AddressRefused or Unreachable.

    A redirect is followed by GET and HEAD, and by any method where it keeps the method (307, 308); each hop passes the
    guard again, and one from https to http is refused. Any other redirect of a POST is the answer.
    """
    deadline, target = _Deadline(timeout), parse_url(url)
    sent = {
        "User-Agent": "Rebound",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "close",
        **(headers or {}),
    }
    for hop in range(hops + 1):
        answer, where = _exchange(method, target, body, sent, deadline, allowed, limit, lookup)
        follows = answer.status in (307, 308) or method in ("GET", "HEAD")
        if answer.status not in REDIRECTS or not where or not follows:
            return answer
        if hop == hops:
            raise Unreachable(f"{target.host} redirects more than {hops} times")
        there = parse_url(urljoin(f"{target.scheme}://{target.authority}{target.path}", where))
        if target.scheme == "https" and there.scheme == "http":
            raise AddressRefused(f"{target.host} redirects from https to http, which is not followed")
        if there.authority != target.authority:
            sent = {name: value for name, value in sent.items() if name.lower() not in ("authorization", "cookie")}
        target = there
    raise AssertionError("unreachable")


def _exchange(
    method: str, target: Target, body: bytes, headers: Mapping[str, str], deadline: _Deadline, allowed: Collection[str],
    limit: int, lookup: Lookup | None,
) -> tuple[Answer, str]:  # fmt: skip
    """The answer, and where it redirects to."""
    connection = http.client.HTTPConnection(target.host, target.port)
    try:
        patience = min(LOOKUP_SECONDS, deadline.left())
        address = resolve_public(target.host, target.port, allowed=allowed, timeout=patience, lookup=lookup)
        sock = socket.create_connection((address, target.port), timeout=deadline.left())
        connection.sock = sock
        if target.scheme == "https":
            sock.settimeout(deadline.left())
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=target.host)
        connection.sock = _TimedSocket(sock, deadline)
        length = {"Content-Length": str(len(body))} if body or method not in ("GET", "HEAD") else {}
        connection.putrequest(method, target.path, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": target.authority, **headers, **length}.items():
            connection.putheader(name, value)
        connection.endheaders(body or None)
        response = connection.getresponse()
        content, cut = _read_body(response, limit)
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"{target.host} {_what_failed(error)}") from error
    finally:
        connection.close()
    names = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, names, content, cut, target.host), names.get("location", "")


def _read_body(response: http.client.HTTPResponse, limit: int) -> tuple[bytes, bool]:
    """What came of the body, up to the limit and in time; the status has been told before, so a bad body spoils nothing."""
    content = b""
    with response:
        try:
            while len(content) <= limit:
                part = response.read1(limit + 1 - len(content))
                if not part:
                    return content, False
                content += part
        except (OSError, http.client.HTTPException, ValueError):
            return content[:limit], True
    return content[:limit], True


def _what_failed(error: OSError | http.client.HTTPException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"has a certificate that cannot be trusted ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return "could not agree on a secure connection"
    if isinstance(error, TimeoutError):
        return "did not answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "refused the connection"
    if isinstance(error, ConnectionError):
        return "broke the connection off"
    if isinstance(error, OSError):
        return "could not be reached"
    return "did not answer as a web server does"


def post_json(
    url: str, payload: object, *, headers: Mapping[str, str] | None = None, allowed: Collection[str] = (), timeout: float = 10.0,
    limit: int = 65_536, lookup: Lookup | None = None,
) -> Answer:  # fmt: skip
    """`request` with a JSON body."""
    return request(
        "POST", url, body=json.dumps(payload, ensure_ascii=False).encode(), allowed=allowed, timeout=timeout, limit=limit,
        headers={"Content-Type": "application/json; charset=utf-8", **(headers or {})}, lookup=lookup,
    )  # fmt: skip
