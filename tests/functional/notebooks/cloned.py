"""Notebooks from git for tests: one that is made, and its git runs ended as if they had told and left this."""

import json
from typing import Any

from world import World

from factories.accounts import NOW, Cast, project_of
from factories.notebooks import notebook_json
from studium.compute.engines.base import Cause
from studium.compute.states import State
from studium.notebooks.git import actions, queries, reconcile
from studium.notebooks.git.actions import Wanted
from studium.notebooks.git.models import GitWork, Repository
from studium.notebooks.git.states import WorkState
from studium.notebooks.launching import volume_of
from studium.notebooks.models import Notebook

URL = "https://git.example.org/lab/churn.git"
COMMIT = "0123456789" * 4
RESULT = {
    "kind": "branch", "ref": "main", "branch": "main", "commit": COMMIT, "subject": "A change", "author": "Somebody",
    "committed_at": "2026-03-01T10:00:00+01:00", "ahead": 0, "behind": 0, "dirty": 0, "lfs": 0, "notes": [],
}  # fmt: skip


def made(cast: Cast, **more: Any) -> Notebook:
    return actions.create_from_git(cast.owner, project_of(cast.team), Wanted(**{"url": URL, **more}), now=NOW)


def repo(notebook: Notebook) -> Repository:
    return queries.require_repository(Notebook.objects.get(pk=notebook.pk))


def newest(notebook: Notebook) -> GitWork:
    return (
        GitWork.objects.filter(repository__notebook=notebook)
        .select_related("run")
        .latest("created_at", "run__submitted_at")
    )


def end(world: World, notebook: Notebook, *, files: dict[str, bytes] | None = None, result: Any = None, error: Any = None,
        names: Any = None, code: int = 0, dirty: tuple[str, ...] = (), cause: Cause = Cause.EXIT) -> GitWork:  # fmt: skip
    """Let the notebook's git run end as if it had told this and left these files."""
    work = GitWork.objects.select_related("run").get(repository__notebook=notebook, state=WorkState.LIVE)
    clean = sorted(set(files or {}) - set(dirty))
    run = world.until(work.run, State.RUNNING)
    left = {
        ".git/studium.json": json.dumps(
            {
                "work": work.pk,
                "notebooks": names if names is not None else sorted(files or {}),
                "files": clean,
                "folders": [],
            }
        )
    }
    for name, content in {**{n: t.encode() for n, t in left.items()}, **(files or {})}.items():
        world.engine.write_file(volume_of(notebook), name, content, 10**9)
    told: dict[str, Any] = {"work": work.pk, "state": "failed" if error else "done"}
    told |= {"error": error} if error else {"result": {**RESULT, **(result or {})}}
    world.engine.observe(run.pk, progress=told)
    world.engine.finish(run.pk, 1 if error else code, cause)
    world.until(run, State.ENDED)
    assert reconcile.settle_ended(world.engines, world.now) == 1
    assert reconcile.settle_ended(world.engines, world.now) == 0
    work.refresh_from_db()
    notebook.refresh_from_db()
    return work


BOOK = notebook_json("print(1)")


def ready(cast: Cast, world: World, **more: Any) -> Notebook:
    notebook = made(cast, **more)
    end(world, notebook, files={"churn.ipynb": BOOK})
    return notebook
