"""Clients are tested against a real server; the CLI as a person types it, in a home of its own."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
import typer.testing
from live import Cli, World, make_world, serving
from typer.testing import CliRunner, Result

from studium.accounts.models import User
from studium.cli import following
from studium.cli.main import app


@pytest.fixture(scope="session")
def _one_tree() -> Iterator[None]:
    """The tree of commands made once: to make it anew takes longer than what most commands do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.testing, "_get_command", cache(typer.main.get_command))
        yield


@pytest.fixture
def world(db: None) -> Iterator[World]:
    with serving(make_world()) as up:
        yield up


@pytest.fixture
def cli(world: World, _one_tree: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """`cli("runs", "list", user=...)`: the command's result; the owner's token unless another person is named."""
    monkeypatch.setattr(following, "_WAITING_PAUSE", 0.0)
    monkeypatch.setattr(following, "_RUNNING_PAUSE", 0.0)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("STUDIUM_TOKEN", raising=False)
    monkeypatch.setenv("STUDIUM_URL", world.url)

    def run(*arguments: str, user: User | None = None, token: str | None = None, **more: Any) -> Result:
        secret = token if token is not None else world.token(user or world.cast.owner)
        return CliRunner().invoke(app, list(arguments), env={"STUDIUM_TOKEN": secret}, **more)

    return run
