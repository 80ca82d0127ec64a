"""Addresses of dealerships in their one spelling. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from webapp.core.addresses import PORTS, OutboundError, parse_url

_SCHEME = re.compile(
    r"[a-zA-Z][a-zA-Z0-9+.-]*:(?=//)|(?:mailto|javascript|data|tel|ftp|file|about|blob|vbscript):", re.IGNORECASE
)
_ENDS = re.compile(r"^[<\s]+|[>\s]+$")


class WebsiteRefused(ValueError):
    """Why this is no website; the text is for the person."""


@dataclass(frozen=True, slots=True)
class Website:
    """`host` without "www.", with its port where that is not the scheme's own: "city-motors.localhost:8100"."""

    url: str
    host: str


def read_website(text: str) -> Website:
    """With scheme, the host in lower case and IDNA, without credentials and fragment. Raises WebsiteRefused."""
    given = _ENDS.sub("", text or "")
    if not given:
        raise WebsiteRefused("Give the address of the website.")
    if not _SCHEME.match(given):
        given = f"https://{given.lstrip('/')}"
    try:
        target = parse_url(re.sub(r"^[a-zA-Z]+(?=:)", lambda found: found[0].lower(), given))
    except OutboundError as refused:
        raise WebsiteRefused(f"{refused.reason.rstrip('.')}.") from None
    name = target.host.removeprefix("www.")
    if "." not in name and ":" not in name and name != "localhost":
        raise WebsiteRefused("The address names no website: it has no ending such as .com.")
    bare = f"[{name}]" if ":" in name else name
    port = "" if target.port == PORTS[target.scheme] else f":{target.port}"
    return Website(f"{target.scheme}://{target.authority}{target.path}", f"{bare}{port}")


def read_contact_url(text: str, website: Website) -> str:
    """A whole address, or a path of the website; "" for empty. Raises WebsiteRefused."""
    given = _ENDS.sub("", text or "")
    if not given:
        return ""
    if given.startswith("/") and not given.startswith("//"):
        given = urljoin(website.url, given)
    try:
        return read_website(given).url
    except WebsiteRefused as refused:
        raise WebsiteRefused(
            f"{str(refused).rstrip('.')}. Give the whole address, or a path such as /contact."
        ) from None


def spoken_host(host: str) -> str:
    """A host as people write it: xn--mnchen-3ya.de is münchen.de."""
    try:
        return host.encode("ascii").decode("idna") if "xn--" in host else host
    except UnicodeError:
        return host


def told_hosts(host: str) -> tuple[str, ...]:
    """The spellings by which a lead may name this host."""
    return tuple(dict.fromkeys((host, spoken_host(host))))


# The host of a website as somebody typed it, of the column that takes the place of {0}: the SQL twin of `read_website` for
# plain addresses. What it cannot read stays unlike any host.
HOST_SQL = (
    "regexp_replace(regexp_replace(regexp_replace(regexp_replace(lower(btrim({0})), '^https?://', ''), '^www\\.', ''),"
    " '[/?#].*$', ''), ':(80|443)$', '')"
)


def path_of(url: str) -> str:
    """ "/contact" of a whole address; "" of a bare host."""
    parts = urlsplit(url)
    return (
        "" if parts.path in ("", "/") and not parts.query else parts.path + (f"?{parts.query}" if parts.query else "")
    )
