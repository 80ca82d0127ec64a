"""Hosts, addresses and what an admin may name, judged without asking anybody: see `core.outbound`."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

URL_LENGTH = 2_048
PORTS = {"http": 80, "https": 443}
LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
INSIDE = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "test")  # ends nobody can buy

# Where clouds hand out a machine's own credentials, and what reaches no single machine: not even an admin may name these.
NEVER = [ipaddress.ip_network(text) for text in (
    "0.0.0.0/8", "169.254.0.0/16", "168.63.129.16/32", "100.100.100.200/32", "192.0.0.192/32", "224.0.0.0/4", "255.255.255.255/32",
    "::/128", "fe80::/10", "fd00:ec2::254/128", "fd20:ce::254/128", "ff00::/8",
)]  # fmt: skip
NOT_PUBLIC = [ipaddress.ip_network(text) for text in ("100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "240.0.0.0/4")]
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
NAT64 = ipaddress.ip_network("64:ff9b::/96")


class OutboundError(Exception):
    """Nothing was received. `reason` is a sentence for a person, without the address's secret parts."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


class AddressRefused(OutboundError):
    """Not to be contacted: trying again changes nothing until an admin allows the host."""


class Unreachable(OutboundError):
    """The name is unknown, or nobody answered properly in time: later it may work."""


@dataclass(frozen=True, slots=True)
class Target:
    scheme: str
    host: str  # lower case, IDNA; an IPv6 address without its brackets
    port: int
    path: str  # with the query; never empty

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def clean_host(host: str) -> str:
    """The one spelling of a host: lower case, no dot at its end, IDNA. Raises AddressRefused for what is no name."""
    bracketed = host.startswith("[") and host.endswith("]")
    if bracketed or ":" in host:
        return str(_read_v6(host[1:-1] if bracketed else host))
    try:
        name = host.removesuffix(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        name = ""
    labels = name.split(".")
    if not name or len(name) > 253 or not all(LABEL.fullmatch(label) for label in labels):
        raise AddressRefused("This is not the name of a host")
    if NUMBER.fullmatch(labels[-1]) and not _is_plain_v4(name):
        raise AddressRefused("An IP address has to be written as four plain numbers, like 203.0.113.7")
    return name


def _read_v6(text: str) -> ipaddress.IPv6Address:
    try:
        found = ipaddress.IPv6Address(text)
    except ValueError:
        raise AddressRefused("This is not the name of a host") from None
    if found.scope_id:
        raise AddressRefused("An address with a zone is of this server's own network")
    return found


def _is_plain_v4(text: str) -> bool:
    try:
        return str(ipaddress.IPv4Address(text)) == text
    except ValueError:
        return False


def parse_url(url: str) -> Target:
    """Raises AddressRefused with what is wrong with it."""
    if len(url) > URL_LENGTH:
        raise AddressRefused(f"The address is longer than {URL_LENGTH} characters")
    if any(ord(letter) <= 32 or letter in '\\<>"' or 127 <= ord(letter) < 160 for letter in url):
        raise AddressRefused("The address holds a space or another character that does not belong there")
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        raise AddressRefused("This is not a web address") from None
    if parts.scheme not in PORTS:
        raise AddressRefused("The address has to begin with https:// or http://")
    if "@" in parts.netloc:
        raise AddressRefused("The address must not hold a user name or password")
    if not host:
        raise AddressRefused("The address names no host")
    if port == 0:
        raise AddressRefused("Port 0 cannot be reached")
    try:
        path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
        query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    except UnicodeEncodeError:
        raise AddressRefused("The address holds a character that does not belong there") from None
    return Target(parts.scheme, clean_host(host), port or PORTS[parts.scheme], f"{path}?{query}" if query else path)


def split_pattern(pattern: str) -> tuple[str, int | None]:
    """("host" or "*.suffix", port or None) of what an admin may name. Raises AddressRefused for anything else."""
    text, port = pattern.strip(), None
    bare = text.count(":") > 1 and not text.startswith("[")
    head, colon, tail = ("", "", "") if bare else text.rpartition(":")
    if colon and not tail.endswith("]"):
        if not re.fullmatch(r"[0-9]{1,5}", tail) or not 0 < int(tail) < 65_536:
            raise AddressRefused("A port is a number from 1 to 65535")
        text, port = head, int(tail)
    if not text.startswith("*."):
        return clean_host(text), port
    suffix = clean_host(text[2:])
    if is_address(suffix):
        raise AddressRefused("*. goes before a name, not before an IP address")
    if "." not in suffix and suffix not in INSIDE:
        raise AddressRefused(f"*.{suffix} would allow half of the internet: name the domain, like *.example.{suffix}")
    return f"*.{suffix}", port


def is_allowed(host: str, port: int, allowed: Collection[str]) -> bool:
    """Whether one of the patterns names this host (as `clean_host` spells it) and port."""
    for pattern in allowed:
        name, only = split_pattern(pattern)
        fits = host.endswith(name[1:]) if name.startswith("*.") else host == name
        if fits and only in (None, port):
            return True
    return False


def is_address(host: str) -> bool:
    return ":" in host or _is_plain_v4(host)


def unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 one carries to its network's edge, or the address itself."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        return inner or address
    return address


def why_not_public(text: str) -> str:
    """ "" for an address of the open internet, else what it is, for a person."""
    address = unwrapped(ipaddress.ip_address(text))
    if address.is_loopback:
        return "this server itself"
    if any(address in network for network in NEVER):
        return "an address that is nobody's website"
    if address.is_private:
        return "this server's own network"
    v6_special = address.version == 6 and address not in GLOBAL_UNICAST
    if not address.is_global or v6_special or any(address in network for network in NOT_PUBLIC):
        return "a reserved part of the internet"
    return ""


def is_never(text: str) -> bool:
    """Whether not even an admin's word opens this address."""
    address = unwrapped(ipaddress.ip_address(text))
    return any(address in network for network in NEVER)
