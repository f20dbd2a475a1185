"""Rows as shapes, whole listings at a time: the number of queries does not grow with the number of rows."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from studium.accounts.models import Membership, User
from studium.accounts.states import Role
from studium.api import addresses
from studium.api.shapes.notebooks import NotebookShape
from studium.api.shapes.runs import RunShape, shape_run
from studium.api.shapes.versions import VersionShape
from studium.community.queries import tallies
from studium.compute.models import Run
from studium.compute.queries import simulated_kinds
from studium.notebooks.access import manages, may_see_runs, visible_to
from studium.notebooks.models import Launch, Notebook, Version
from studium.notebooks.queries import copies_of, live_runs_of
from studium.notebooks.sharing.queries import shared_roles
from studium.notebooks.states import SharedRole
from studium.notebooks.subjects import KIND
from studium.notebooks.tags.queries import tags_of
from studium.plans.queries import run_costs


def show_runs(runs: Sequence[Run], *, now: datetime) -> list[RunShape]:
    """Runs with what they belong to, use and cost."""
    ids = [run.pk for run in runs]
    launches = {launch.run_id: launch for launch in Launch.objects.filter(run__in=ids).select_related("notebook")}
    costs, simulated = run_costs(ids), simulated_kinds()
    return [
        shape_run(
            run,
            launches.get(run.pk),
            cost_micros=costs.get(run.pk, 0),
            url=addresses.run_page(run),
            now=now,
            simulated=_on_simulated(run, simulated),
        )
        for run in runs
    ]


def _on_simulated(run: Run, kinds: frozenset[str]) -> bool:
    return run.machine_type.accelerator_kind in kinds or bool(run.machine and run.machine.simulated)


def show_run(run: Run, *, now: datetime) -> RunShape:
    return show_runs([run], now=now)[0]


def show_notebooks(user: User, notebooks: Iterable[Notebook], *, now: datetime) -> list[NotebookShape]:
    """Notebooks with their live runs and tags, and what this user may do with them."""
    rows = list(notebooks)
    roles = {
        m.team_id: Role(m.role) for m in Membership.objects.filter(user=user, team__in={row.team_id for row in rows})
    }
    shared = shared_roles(user, rows)
    edited = {pk for pk, role in shared.items() if role == SharedRole.EDITOR}
    live = live_runs_of(row for row in rows if row.team_id in roles or user.is_staff or row.pk in edited)
    shown = dict(zip(live, show_runs(list(live.values()), now=now), strict=True))
    done = tallies(user, KIND, [row.pk for row in rows])
    copied = {row.copied_from_id for row in rows if row.copied_from_id}
    origins = visible_to(user).in_bulk(list(copied)) if copied else {}
    copies = copies_of(rows)
    own = {row.pk for row in rows if manages(user.pk, row, roles.get(row.team_id))}
    tags = tags_of(rows)
    return [
        NotebookShape.of(
            row,
            may_change=row.pk in own or row.pk in edited,
            may_manage=row.pk in own,
            shared_as=shared.get(row.pk),
            tags=tags.get(row.pk, []),
            origin=origins.get(row.copied_from_id or ""),
            copies=copies.get(row.pk, 0),
            url=addresses.notebook_page(row),
            run=shown.get(row.pk),
            tally=done[row.pk],
        )
        for row in rows
    ]


def show_notebook(user: User, notebook: Notebook, *, now: datetime) -> NotebookShape:
    return show_notebooks(user, [notebook], now=now)[0]


def show_versions(user: User, notebook: Notebook, versions: Iterable[Version], *, now: datetime) -> list[VersionShape]:
    """Versions of a notebook that the user may read, with what their runs tell if that is the user's to see."""
    rows = list(versions)
    theirs, kinds = may_see_runs(user, notebook), simulated_kinds()
    runs = [row.run for row in rows if row.run is not None] if theirs else []
    shown = {run.id: run for run in show_runs(runs, now=now)}
    return [
        VersionShape.of(
            row,
            shown.get(row.run_id or ""),
            theirs=theirs,
            simulated=row.run is not None and _on_simulated(row.run, kinds),
            url=addresses.version_page(notebook, row.number),
        )
        for row in rows
    ]


def show_version(user: User, version: Version, *, now: datetime) -> VersionShape:
    return show_versions(user, version.notebook, [version], now=now)[0]
