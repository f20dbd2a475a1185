"""Reading an address that somebody wrote down, strictly: there is one way to spell each, and no two programs disagree on it.

Pure and of the standard library alone: it is also used inside sandboxes, by plain import.
"""

import ipaddress
import re
from typing import NamedTuple

LONGEST = 2000
PORTS = {"http": 80, "https": 443}
# Below 1024 stand the services that are not meant here: mail, file shares, remote shells.
LOWEST_PORT = 1024
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_WHOLE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^#]*)(?:#.*)?")


class SpellingError(ValueError):
    """The address is refused; `code` is stable, the text is a sentence, `next_step` says how to write it."""

    def __init__(self, code: str, message: str, next_step: str) -> None:
        super().__init__(message)
        self.code, self.message, self.next_step = code, message, next_step


class Target(NamedTuple):
    """An address taken apart. `host` is small letters, an IPv6 one without brackets; `rest` is path and query."""

    scheme: str
    host: str
    port: int
    rest: str

    @property
    def is_address(self) -> bool:
        """Whether the host is a numeric address, not a name."""
        return _address(self.host) is not None

    @property
    def netloc(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS.get(self.scheme) else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.netloc}"

    @property
    def url(self) -> str:
        return self.origin + self.rest


def understood(url: str, schemes: tuple[str, ...] = ("https", "http")) -> Target:
    """Take an address apart. Raises SpellingError."""
    example = f"Write it as {schemes[0]}://host/path."
    if len(url) > LONGEST or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        why = "The address is too long, or contains a space, a backslash, a control character or a letter beyond ASCII."
        raise SpellingError("outbound.url", why, "Write special characters as %20, and foreign host names as xn--...")
    found = _WHOLE.fullmatch(url)
    if found is None:
        raise SpellingError("outbound.url", "This is no whole address.", example)
    scheme, authority, rest = found[1].lower(), found[2], found[3]
    if scheme not in schemes:
        known = " or ".join(schemes)
        raise SpellingError(
            "outbound.scheme", f"Addresses that begin with {scheme}: are not called, only {known}.", example
        )
    if "@" in authority:
        raise SpellingError(
            "outbound.credentials", "The address contains a user or a password.", "Leave it out of the address."
        )
    host, port = _host_and_port(authority.lower(), PORTS[scheme], example)
    return Target(scheme, host, port, rest if rest.startswith("/") else f"/{rest}")


def _host_and_port(authority: str, usual: int, example: str) -> tuple[str, int]:
    found = re.fullmatch(r"(\[[0-9a-f:.]+\]|[^:\[\]]*)(?::([0-9]{1,5}))?", authority)
    if found is None:
        raise SpellingError("outbound.host", "The address has no host that can be read in one way.", example)
    port = int(found[2]) if found[2] else usual
    if not 0 < port < 65536:
        raise SpellingError("outbound.port", f"{port} is no port.", "Leave it out, or write one from 1 to 65535.")
    return _checked_host(found[1], example), port


def _checked_host(written: str, example: str) -> str:
    host = written.removesuffix(".")
    if written.startswith("["):
        host = written[1:-1]
        address = _address(host)
        if not isinstance(address, ipaddress.IPv6Address):
            raise SpellingError("outbound.host", f"{written} is no address.", example)
        return address.compressed
    labels = host.split(".")
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise SpellingError("outbound.host", "The address has no host that can be read in one way.", example)
    if _NUMBER.fullmatch(labels[-1]) and _address(host) is None:
        # Such as 2130706433, 0177.0.0.1, 0x7f.1 or 127.1, which some programs read as 127.0.0.1.
        raise SpellingError("outbound.host", f"{host} is no address.", "Write four numbers from 0 to 255, or a name.")
    return host


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
