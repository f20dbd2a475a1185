"""Which addresses may be dialled for somebody who chose the host: public ones, and what the operator allows beside them.

Shared by the platform, which calls webhooks, and by the proxy of runs (`egress`). An entry of what is allowed is a network
(`10.1.0.0/16`), an address, or a host's name, each with a port or for all ports (`10.1.2.3:8080`, `[fd00::1]:443`).
"""

import ipaddress
import socket
import time
from collections.abc import Iterable
from typing import NamedTuple

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

CLOSED4 = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
)  # fmt: skip
# Of IPv6 only what is given out as public is open, less the forms in which another address is hidden: compatible, mapped and
# translated ones lie outside of it, Teredo and 6to4 within. Nor are the ranges for documentation and for tunnels anybody's.
OPEN6 = "2000::/3"
CLOSED6 = ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")


class Entry(NamedTuple):
    """One thing that is allowed: a network or a host's name, and the port, None for all."""

    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None
    name: str
    port: int | None


def entry(text: str) -> Entry:
    """Raises ValueError for what is none."""
    host, port = _apart(text.strip().lower())
    try:
        return Entry(ipaddress.ip_network(host), "", port)
    except ValueError:
        pass
    labels = host.split(".")
    if len(host) > 253 or not all(_is_label(label) for label in labels) or not labels[-1].strip("0123456789"):
        raise ValueError(f"{text.strip()!r} is neither a network nor a host")
    return Entry(None, host, port)


def _apart(text: str) -> tuple[str, int | None]:
    """Host and port of `host`, `host:port`, `[v6]` or `[v6]:port`; a bare IPv6 address has no port."""
    host, port = text, ""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        if rest and not rest.startswith(":"):
            raise ValueError(f"{text!r} is neither a network nor a host")
        port = rest[1:]
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if not port:
        return host, None
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{port!r} is no port")
    return host, int(port)


def _is_label(label: str) -> bool:
    plain = label.replace("-", "a").replace("_", "a")
    return 0 < len(label) < 64 and plain.isascii() and plain.isalnum() and label[0] != "-" and label[-1] != "-"


def is_public(address: str) -> bool:
    """Whether a numeric address is one of the public internet. Raises ValueError for what is no address."""
    given = ipaddress.ip_address(address)
    if isinstance(given, ipaddress.IPv4Address):
        return not any(given in ipaddress.IPv4Network(network) for network in CLOSED4)
    if given.scope_id or given not in ipaddress.IPv6Network(OPEN6):
        return False
    return not any(given in ipaddress.IPv6Network(network) for network in CLOSED6)


def is_allowed(host: str, address: str, port: int, entries: Iterable[str]) -> bool:
    """Whether an operator's entry names the host, or the address as it stands: one hidden in another is not looked for."""
    given = ipaddress.ip_address(address)
    for each in map(entry, entries):
        if each.port not in (None, port):
            continue
        if each.name == host.lower() if each.network is None else given in each.network:
            return True
    return False


def may_be_dialled(host: str, address: str, port: int, entries: Iterable[str]) -> bool:
    return is_public(address) or is_allowed(host, address, port, entries)


def resolve(host: str, port: int) -> list[str]:
    """The numeric addresses of a host, in the order to try them. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def dial(host: str, port: int, entries: Iterable[str], seconds: float) -> socket.socket:
    """A connection to the host at an address that may be dialled: its name is resolved once, and what was looked at is what
    is connected to. Raises `ClosedError`, or OSError when nobody answers.
    """
    known = tuple(entries)
    found = resolve(host, port)
    fine = [address for address in found if may_be_dialled(host, address, port, known)]
    if not fine:
        raise ClosedError(found[0] if found else host)
    end = time.monotonic() + seconds
    trouble: OSError = TimeoutError()
    for address in fine[:4]:
        try:
            return socket.create_connection((address, port), max(0.1, end - time.monotonic()))
        except OSError as error:
            trouble = error
    raise trouble


class ClosedError(Exception):
    """None of the host's addresses may be dialled; the text is one of them."""
