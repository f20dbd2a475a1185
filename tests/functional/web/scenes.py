"""A populated installation for page tests: a cast, plans, a machine with simulated devices, notebooks, runs in every state."""

from dataclasses import dataclass
from datetime import timedelta

from django.test import Client

from factories.accounts import NOW, Cast, make_cast
from factories.compute import drive, load_plans, make_accelerator, make_machine
from factories.notebooks import make_environment, make_notebook, make_team_environment
from studium.accounts.models import User
from studium.community import actions as community
from studium.community.models import Comment, Notification, Report
from studium.community.reports.actions import report
from studium.community.states import Why
from studium.compute.engines import registry
from studium.compute.engines.fake import FakeEngine
from studium.compute.models import Machine, Run
from studium.compute.reconcile.ending import finish
from studium.compute.states import Reason, State
from studium.environments.models import Environment
from studium.notebooks import actions
from studium.notebooks.models import Launch, Notebook, Schedule, Version
from studium.notebooks.schedules.actions import Wanted, create_schedule
from studium.notebooks.states import LaunchKind, Visibility
from studium.notebooks.subjects import subject_of
from studium.notebooks.versions import actions as versions
from studium.notebooks.versions.reconcile import settle_ended


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
    version: Version  # of the public notebook, saved as it was
    schedule: Schedule  # of the team's notebook
    environment: Environment  # of the team, ready
    version_run: Version  # of the team's, its run has ended and was settled without results
    said: Comment  # by the stranger, on the public notebook
    inside: Comment  # by the owner, on the team's
    report: Report  # of the public notebook, by the stranger, open

    @property
    def told(self) -> Notification:
        """What the owner was told of the stranger's comment."""
        return Notification.objects.get(user=self.cast.owner, kind="comment")


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
    _looked_at(running)
    finish(ended, Reason.FAILED, now=NOW + timedelta(minutes=3), message="Cell 2 failed: ValueError: no")
    ended.refresh_from_db()
    community.bookmark(cast.reader, subject_of(public), now=NOW)
    queued = actions.start(cast.teammate, waiting, LaunchKind.SESSION, "cpu-small", now=NOW)
    return Scene(
        environment=make_team_environment(owner, team),
        cast=cast,
        machine=machine,
        notebook=notebook,
        quiet=quiet,
        public=public,
        running=running,
        ended=ended,
        queued=queued,
        version=versions.save_quick(owner, public, now=NOW, note="As it was"),
        schedule=create_schedule(owner, notebook, Wanted(cron="0 7 * * *", machine="cpu-small"), now=NOW),
        version_run=_version_that_ran(owner, notebook, machine),
        said=community.comment(cast.stranger, subject_of(public), "How *nice*.", now=NOW),
        inside=community.comment(owner, subject_of(notebook), "For us.", now=NOW),
        report=report(cast.stranger, subject_of(public), Why.SPAM, "Look at the end", now=NOW),
    )


def _looked_at(run: Run) -> None:
    """As the controller does every few seconds: no controller is there in these tests."""
    Launch.objects.filter(run=run).update(looked_at=NOW + timedelta(days=1))


def _version_that_ran(owner: User, notebook: Notebook, machine: Machine) -> Version:
    version = versions.save_and_run(owner, notebook, "cpu-small", now=NOW)
    assert version.run is not None
    finish(drive(version.run, State.RUNNING, machine=machine), Reason.FINISHED, now=NOW + timedelta(minutes=1))
    assert settle_ended({"fake": FakeEngine(NOW.timestamp)}, NOW + timedelta(minutes=1)) == 1
    return version


def address(notebook: Notebook, rest: str = "") -> str:
    return f"/notebooks/{notebook.team.slug}/{notebook.slug}/{rest}"
