"""A populated installation for page tests: a cast, plans, a machine with simulated devices, notebooks, runs in every state."""

from dataclasses import dataclass
from datetime import timedelta

from django.test import Client

from factories.accounts import NOW, Cast, make_cast
from factories.compute import drive, load_plans, make_accelerator, make_machine
from factories.notebooks import make_environment, make_notebook
from studium.accounts.models import User
from studium.compute.engines import registry
from studium.compute.engines.fake import FakeEngine
from studium.compute.models import Machine, Run
from studium.compute.reconcile.ending import finish
from studium.compute.states import Reason, State
from studium.notebooks import actions
from studium.notebooks.models import Notebook
from studium.notebooks.states import LaunchKind, Visibility


def client_of(user: User | None) -> Client:
    client = Client(headers={"host": "localhost"})
    if user is not None:
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@dataclass(frozen=True)
class Scene:
    cast: Cast
    machine: Machine
    notebook: Notebook  # of the team, a session runs
    quiet: Notebook  # private to the owner, never run
    public: Notebook  # everybody's, its run has ended
    running: Run
    ended: Run
    queued: Run


def make_scene() -> Scene:
    """The scene at `NOW`; use it under a frozen clock."""
    registry.use({"fake": FakeEngine(NOW.timestamp)})
    load_plans("open", "kaggle")
    make_environment()
    cast = make_cast()
    machine = make_machine()
    make_accelerator(machine, "P100", 0)
    owner, team = cast.owner, cast.team
    notebook = make_notebook(owner, team, "Team work", visibility=Visibility.TEAM)
    quiet = make_notebook(owner, team, "Quiet work", visibility=Visibility.PRIVATE)
    public = make_notebook(owner, team, "Open work", visibility=Visibility.PUBLIC)
    waiting = make_notebook(cast.teammate, team, "Waiting work", visibility=Visibility.TEAM)
    running = drive(
        actions.start(owner, notebook, LaunchKind.SESSION, "cpu-small", now=NOW), State.RUNNING, machine=machine
    )
    ended = drive(
        actions.start(owner, public, LaunchKind.EXECUTION, "cpu-small", now=NOW), State.RUNNING, machine=machine
    )
    finish(ended, Reason.FAILED, now=NOW + timedelta(minutes=3), message="Cell 2 failed: ValueError: no")
    ended.refresh_from_db()
    queued = actions.start(cast.teammate, waiting, LaunchKind.SESSION, "cpu-small", now=NOW)
    return Scene(
        cast=cast,
        machine=machine,
        notebook=notebook,
        quiet=quiet,
        public=public,
        running=running,
        ended=ended,
        queued=queued,
    )


def address(notebook: Notebook, rest: str = "") -> str:
    return f"/notebooks/{notebook.team.slug}/{notebook.slug}/{rest}"
