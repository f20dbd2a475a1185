"""A real server for clients: the platform's WSGI application behind a socket, a scripted world moving under it.

The server's thread uses the test's own database connection, so nothing is committed and tests stay apart; requests are
served one at a time. Before each request the world takes a step: the controller's passes run, then the next event of
the script. No test waits for a clock.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from django.core.wsgi import get_wsgi_application
from django.db import connections

from factories.accounts import Cast, make_cast
from factories.compute import load_plans
from factories.notebooks import make_environment
from studium.accounts.actions import create_token
from studium.accounts.models import User
from studium.accounts.states import Scope
from studium.client import Client
from studium.compute.engines import registry
from studium.compute.engines.fake import FakeEngine
from studium.compute.models import Run
from studium.compute.reconcile import machines, place, start, stop, watch
from studium.lib import clock
from studium.notebooks.reconcile import settle_ended
from studium.notebooks.snapshots import reconcile as workspaces
from studium.notebooks.versions import reconcile as versions

Event = Callable[["World"], None]
Cli = Callable[..., Any]


@dataclass
class World:
    """People, an engine, and what is to happen. `script` holds an event per request for a run; `down` cuts connections."""

    cast: Cast
    engine: FakeEngine
    url: str = ""
    script: list[Event] = field(default_factory=list)
    down: int = 0
    requests: list[str] = field(default_factory=list)

    def step(self, path: str, method: str) -> None:
        """What happens before a request is answered."""
        self.requests.append(f"{method} {path}")
        engines, now = {"fake": self.engine}, clock.now()
        if (
            method == "GET"
            and path.startswith("/rest/runs/")
            and not path.endswith(("log", "document"))
            and self.script
        ):
            self.script.pop(0)(self)
        Run.objects.update(due_at=now)
        place.run_pass("test", now)
        start.run_pass(engines, now)
        watch.run_pass(engines, now)
        stop.run_pass(engines, now)
        settle_ended(engines, now)
        versions.follow_running(engines, now)
        versions.settle_ended(engines, now)
        workspaces.run_pass(engines, now)

    @property
    def run(self) -> Run:
        return Run.objects.latest("submitted_at")

    def token(self, user: User, *scopes: Scope) -> str:
        allowed = [s for s in Scope if s != Scope.ADMIN or user.is_staff]
        return create_token(user, "tests", list(scopes) or allowed, now=clock.now(), expires_at=None)[1]

    def client(self, user: User, **more: Any) -> Client:
        return Client(self.url, self.token(user), **more)


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class _Server(WSGIServer):
    world: World

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Cut the connection while the world says that the server is down."""
        if self.world.down > 0:
            self.world.down -= 1
            return False
        return True

    def server_bind(self) -> None:
        # Without looking up the machine's name, which takes seconds where there is no resolver.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "localhost", self.server_address[1]
        self.setup_environ()


def _stepping(world: World) -> Callable[..., Iterable[bytes]]:
    application = get_wsgi_application()

    def stepping(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if not environ["PATH_INFO"].endswith(("/me", "/types")):
            world.step(environ["PATH_INFO"], environ["REQUEST_METHOD"])
        return application(environ, start_response)

    return stepping


@contextlib.contextmanager
def serving(world: World) -> Iterator[World]:
    """Serve until the block ends."""
    connection = connections["default"]
    server = _Server(("127.0.0.1", 0), _Quiet)
    server.world = world
    server.set_app(_stepping(world))
    world.url = f"http://localhost:{server.server_port}"

    def serve() -> None:
        connections["default"] = connection
        server.serve_forever(poll_interval=0.01)

    thread = threading.Thread(target=serve, daemon=True)
    connection.inc_thread_sharing()
    thread.start()
    try:
        yield world
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        connection.dec_thread_sharing()


def make_world() -> World:
    """A cast, the open plan and the fake engine's machine."""
    engine = FakeEngine(time.time)
    registry.use({"fake": engine})
    load_plans("open", "kaggle")
    make_environment()
    machines.run_pass({"fake": engine}, clock.now())
    return World(cast=make_cast(), engine=engine)
