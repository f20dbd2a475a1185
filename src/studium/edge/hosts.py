"""Which host a request is for. Anything but the platform's host or one label below the content domain is refused.

That refusal is what defeats DNS rebinding: a page of a foreign name that resolves to this machine still sends its own
name in `Host`.
"""

import re
from dataclasses import dataclass
from typing import Literal

from studium.edge.asgi import Headers
from studium.edge.settings import EdgeConfig

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LOOPBACK = re.compile(r"(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?")
_DEFAULT_PORT = {"http": ":80", "https": ":443"}


@dataclass(frozen=True)
class Place:
    """`loopback` says that the host names this machine itself; only `/healthz` answers there."""

    kind: Literal["platform", "content", "unknown"]
    host: str = ""
    label: str = ""
    loopback: bool = False


class Hosts:
    def __init__(self, config: EdgeConfig) -> None:
        self._default_port = _DEFAULT_PORT[config.scheme]
        self._platform = config.platform_host.removesuffix(self._default_port)
        self._suffix = "." + config.content_domain.removesuffix(self._default_port)

    def place(self, headers: Headers, target: bytes) -> Place:
        """The place a request is for. `target` is the request target as it came over the wire."""
        named = [value for name, value in headers if name == b"host"]
        if len(named) != 1:
            return Place("unknown")
        host = self._canonical(named[0])
        if not self._target_agrees(target, host):
            return Place("unknown")
        loopback = _LOOPBACK.fullmatch(host) is not None
        if host == self._platform:
            return Place("platform", host, loopback=loopback)
        label = host.removesuffix(self._suffix)
        if label != host and _LABEL.fullmatch(label):
            return Place("content", host, label)
        return Place("unknown", host, loopback=loopback)

    def _canonical(self, value: bytes) -> str:
        return value.decode("latin-1").strip().lower().removesuffix(self._default_port)

    def _target_agrees(self, target: bytes, host: str) -> bool:
        """An origin-form target always agrees; an absolute one must name the host of the `Host` header."""
        if target.startswith(b"/") or target == b"*":
            return b"#" not in target
        scheme, _, rest = target.partition(b"://")
        if scheme.lower() not in (b"http", b"https", b"ws", b"wss"):
            return False
        authority = re.split(rb"[/?#]", rest, maxsplit=1)[0]
        return b"#" not in target and self._canonical(authority) == host
