"""A world for REST: a cast, a machine of the fake engine, and people who call with tokens."""

import json
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.test import Client

from factories.accounts import Cast, make_cast
from factories.compute import drive, load_plans, make_machine
from factories.kept import kept
from factories.notebooks import make_environment, make_notebook, notebook_json
from studium.accounts import actions as accounts
from studium.accounts.models import User
from studium.accounts.states import Scope
from studium.compute.engines import registry
from studium.compute.engines.fake import FakeEngine
from studium.compute.models import Run
from studium.compute.states import Reason, State
from studium.compute.transitions import end
from studium.lib import clock
from studium.notebooks import actions as notebooks
from studium.notebooks.launching import volume_of_version
from studium.notebooks.models import Notebook, Version
from studium.notebooks.states import LaunchKind, Visibility
from studium.notebooks.versions import actions as versions
from studium.notebooks.versions.reconcile import settle_ended

MEMBER_SCOPES = [Scope.READ, Scope.WRITE, Scope.TEAM]


def make_token(user: User, scopes: list[Scope] | None = None) -> str:
    """A token with all that the person may have, or just these scopes."""
    wanted = scopes if scopes is not None else (list(Scope) if user.is_staff else MEMBER_SCOPES)
    now = clock.now()
    return accounts.create_token(user, "tests", wanted, now=now, expires_at=now + timedelta(days=30))[1]


@dataclass
class World:
    """People, a team, a machine; and how they call."""

    cast: Cast
    engine: FakeEngine
    _tokens: dict[int, str] = field(default_factory=dict)

    def token(self, user: User) -> str:
        return self._tokens.setdefault(user.pk, make_token(user))

    def call(
        self, user: User | None, method: str, path: str, body: Any = None, *, token: str = "", **more: Any
    ) -> HttpResponse:
        """One request to `/rest<path>`, as this person or with this token; `body` as JSON."""
        headers = dict(more.pop("headers", {}))
        secret = token or (self.token(user) if user is not None else "")
        if secret:
            headers["Authorization"] = f"Bearer {secret}"
        if body is not None:
            more["data"] = json.dumps(body)
        more.setdefault("content_type", "application/json")
        client = Client(raise_request_exception=False, enforce_csrf_checks=True)
        return client.generic(method, f"/rest{path}", headers=headers, **more)

    def json(
        self, user: User | None, method: str, path: str, body: Any = None, *, status: int = 200, **more: Any
    ) -> Any:
        """The answer's JSON; its status must be `status`."""
        response = self.call(user, method, path, body, **more)
        assert response.status_code == status, response.content.decode()
        return json.loads(response.content) if response.content else None

    def notebook(self, visibility: Visibility = Visibility.TEAM, user: User | None = None, **more: Any) -> Notebook:
        return make_notebook(user or self.cast.owner, self.cast.team, visibility=visibility, now=clock.now(), **more)

    def run(
        self,
        notebook: Notebook | None = None,
        to: State | None = State.RUNNING,
        kind: LaunchKind = LaunchKind.EXECUTION,
    ) -> Run:
        """A run of a notebook, driven to a state; None leaves it in the queue."""
        found = notebook or self.notebook()
        run = notebooks.start(self.cast.owner, found, kind, "cpu-small", now=clock.now())
        return drive(run, to, now=clock.now()) if to else run

    def version(self, notebook: Notebook | None = None, **more: Any) -> Version:
        """A quick version."""
        return versions.save_quick(self.cast.owner, notebook or self.notebook(), now=clock.now(), **more)

    def run_version(
        self,
        notebook: Notebook | None = None,
        files: dict[str, bytes] | None = None,
        reason: Reason | None = Reason.FINISHED,
    ) -> Version:
        """A version whose run left these files and then ended for this reason; with None it runs on."""
        found = notebook or self.notebook()
        version = versions.save_and_run(self.cast.owner, found, "cpu-small", now=clock.now())
        assert version.run is not None
        drive(version.run, State.RUNNING, now=clock.now())
        self.engine._state["runs"][version.run.pk] = {"log": "printed\n"}
        volume = volume_of_version(version.run.pk)
        document = notebook_json("executed")
        for path, content in {found.filename: document, **(files or {})}.items():
            self.engine.write_file(volume, path, content, 1 << 30)
        if reason is not None:
            end(version.run, reason, now=clock.now())
            settle_ended({"fake": self.engine}, clock.now())
        version.refresh_from_db()
        return version


def make_world() -> World:
    """The world at this moment."""
    engine = FakeEngine(time.time)
    registry.use({"fake": engine})
    return World(cast=kept(_people), engine=engine)


def _people() -> Cast:
    load_plans("open")
    make_environment()
    make_machine("box")
    return make_cast()
