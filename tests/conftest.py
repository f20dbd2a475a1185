"""What every test gets: no network but loopback, a frozen-friendly clock, and no engines but those it puts in place."""

import ipaddress
import os
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db.backends.signals import connection_created
from hypothesis import settings

from running import database
from studium.compute.engines import registry

# Platforms and programs are started hundreds of times: what they import is compiled once, whatever the machine says.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


# The same code gets the same answer. To search for more:  pytest --hypothesis-profile=searching --hypothesis-seed=7
settings.register_profile("searching", settings())
settings.register_profile("repeatable", derandomize=True, database=None)
settings.load_profile("repeatable")


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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test marked `no_database` asks for none, or what it finds on PostgreSQL would stay unknown."""
    for item in items:
        asks = item.get_closest_marker("django_db") or "db" in getattr(item, "fixturenames", ())
        if asks and item.get_closest_marker("no_database"):
            raise pytest.UsageError(f"{item.nodeid} is marked no_database and asks for one")


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    yield
    registry.use(None)
    cache.clear()


@pytest.fixture(scope="session")
def _tables_at_hand() -> None:
    """A database in memory gets its tables from one that was migrated before."""
    connection_created.connect(database.fill)


@pytest.fixture(scope="session")
def django_db_setup(_tables_at_hand: None, django_db_setup: None) -> None:
    """As pytest-django does it, only that there is nothing left to migrate."""
    connection_created.disconnect(database.fill)
