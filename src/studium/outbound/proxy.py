"""An HTTP proxy on loopback for libraries that dial themselves: what they dial for somebody goes through the same fence.

It is the proxy of runs (`runner.egress`): every connection is to an address that was looked at, wherever a redirect leads and
whatever a name resolves to by then.
"""

import os
import socket
import threading
from collections.abc import Collection, Iterator

from studium.outbound.fence import allowed
from studium.outbound.spelling import LOWEST_PORT, PORTS
from studium.runner import addresses, egress

_lock = threading.Lock()
_running: dict[tuple[int, tuple[str, ...]], str] = {}


class _Targets(Collection[str]):
    """`*:port` for each port that is called at any host, and for those that the operator names."""

    def __init__(self, entries: tuple[str, ...]) -> None:
        self._ports = {port for each in entries if (port := addresses.entry(each).port)} | set(PORTS.values())

    def __contains__(self, target: object) -> bool:
        host, _, port = str(target).rpartition(":")
        return host == "*" and port.isdigit() and (int(port) in self._ports or LOWEST_PORT <= int(port) < 65536)

    def __iter__(self) -> Iterator[str]:
        return (f"*:{port}" for port in self._ports)

    def __len__(self) -> int:
        return len(self._ports)


def proxy_url() -> str:
    """Its address. The first call of a process starts it, in threads of that process."""
    entries = allowed()
    key = (os.getpid(), entries)
    with _lock:
        if key not in _running:
            listener = socket.create_server(("127.0.0.1", 0))
            serving = threading.Thread(target=egress.serve, args=(listener, _Targets(entries), entries), daemon=True)
            serving.start()
            _running[key] = f"http://127.0.0.1:{listener.getsockname()[1]}"
        return _running[key]
