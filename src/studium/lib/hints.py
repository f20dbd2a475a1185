"""Hints between processes: best-effort datagrams that only shorten a wait. Losing every one of them loses no work."""

import json
import os
import socket
from collections.abc import Iterable
from pathlib import Path


def send(path: Path, topics: Iterable[str]) -> None:
    """Send the topics to the datagram socket at `path`; nothing happens when nobody listens or it is full."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        try:
            sock.sendto(json.dumps({"topics": list(topics)}).encode(), os.fspath(path))
        except OSError:
            return


def listen(path: Path) -> socket.socket:
    """A bound datagram socket at `path`, replacing one that a dead process left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(os.fspath(path))
    return sock
