"""Notebooks for tests."""

import json
from datetime import datetime
from typing import Any

from django.utils.text import slugify

from factories.accounts import NOW
from studium.accounts.models import Team, User
from studium.environments.models import Build, Environment
from studium.environments.states import BuildState, SourceKind
from studium.notebooks.actions import create_notebook
from studium.notebooks.models import Notebook
from studium.storage import actions as storage


def notebook_json(*sources: str, **metadata: Any) -> bytes:
    """A small nbformat 4 notebook with one code cell per source."""
    cells = [
        {"cell_type": "code", "id": f"c{i}", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
        for i, source in enumerate(sources or ("print('hello')",))
    ]
    kernel = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
    }
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {**kernel, **metadata}, "cells": cells}).encode()


def make_notebook(
    user: User, team: Team | None = None, title: str = "A notebook", *, now: datetime = NOW, **more: Any
) -> Notebook:
    where = (team or user.personal_team).projects.get(slug="main")
    return create_notebook(user, where, title, more.pop("content", notebook_json()), now=now, **more)


def make_environment(path: str = "/usr", *, now: datetime = NOW) -> Build:
    """The default one, ready."""
    default = Environment.objects.create(slug="default", name="Default", created_at=now)
    return Build.objects.create(
        environment=default,
        number=1,
        state=BuildState.READY,
        lock_digest="0" * 64,
        path=path,
        created_at=now,
        built_at=now,
        used_at=now,
        compiled_at=now,
    )


def make_team_environment(user: User, team: Team, *, name: str = "Vision", now: datetime = NOW) -> Environment:
    """One of a team with a build that is ready."""
    made = Environment.objects.create(team=team, slug=slugify(name), name=name, created_by=user, created_at=now)
    lock = storage.put(b"numpy==2.0 --hash=sha256:00\n", now=now)
    build = Build.objects.create(
        environment=made,
        number=1,
        kind=SourceKind.PACKAGES,
        source="numpy",
        state=BuildState.READY,
        created_by=user,
        created_at=now,
        lock=lock.digest,
        lock_digest=lock.digest,
        path="/usr",
        python="3.11.2",
        packages=[{"name": "numpy", "version": "2.0"}],
        size_bytes=10**8,
        built_at=now,
        used_at=now,
        compiled_at=now,
    )
    storage.hold(f"build:{build.pk}:lock", lock.digest)
    return made
