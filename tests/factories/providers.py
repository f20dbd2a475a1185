"""Providers for tests: of the S3-compatible server, and of a web server of a folder."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from factories.accounts import NOW
from running.swift import SECRET, USER, Swift
from studium.accounts.models import Team, User
from studium.outbound import fence, proxy
from studium.secrets import actions as secrets
from studium.secrets.access import Place
from studium.storage.providers import actions, reach
from studium.storage.providers.actions import Wanted
from studium.storage.providers.models import Provider
from studium.storage.providers.states import Kind


def allow(monkeypatch: pytest.MonkeyPatch, *entries: str) -> None:
    """As with STUDIUM_OUTBOUND_ALLOW."""
    for module in (fence, proxy, reach):
        monkeypatch.setattr(module, "allowed", lambda: entries)


def swift_provider(owner: User, team: Team, swift: Swift, bucket: str, name: str = "lab", **more: Any) -> Provider:
    """A bucket of the server, with the right credentials as secrets of the team."""
    place = Place(team)
    secrets.set_secret(owner, place, "LAB_KEY_ID", USER, now=NOW)
    secrets.set_secret(owner, place, "LAB_KEY", SECRET, now=NOW)
    wanted = Wanted(
        kind=Kind.S3,
        bucket=bucket,
        endpoint=swift.endpoint,
        key_id_secret="LAB_KEY_ID",
        key_secret="LAB_KEY",
        writable=True,
    )
    return actions.make_provider(owner, team, name, replace(wanted, **more), now=NOW)


def web_provider(owner: User, team: Team, address: str, name: str = "web", **more: Any) -> Provider:
    wanted = replace(Wanted(kind=Kind.HTTP, endpoint=address), **more)
    return actions.make_provider(owner, team, name, wanted, now=NOW)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def web_server(folder: Path, handler: type[SimpleHTTPRequestHandler] = _Quiet) -> Iterator[str]:
    """Its address, without a slash at the end."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
