"""What every test gets: no network but loopback, a frozen-friendly clock, and no engines but those it puts in place."""

import ipaddress
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from studium.compute.engines import registry


def _only_loopback(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "socket.connect":
        return
    sock, address = arguments
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    host = address[0]
    if host == "localhost" or ipaddress.ip_address(host.split("%")[0]).is_loopback:
        return
    raise RuntimeError(f"tests talk to loopback only, not to {host}")


sys.addaudithook(_only_loopback)


@pytest.fixture(autouse=True)
def _no_engine_left_behind() -> Iterator[None]:
    yield
    registry.use(None)
