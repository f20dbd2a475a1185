"""`studium run` on a real terminal: a bar that moves below what the run prints."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from live import World

from factories.notebooks import notebook_json
from studium.compute.engines.base import Usage
from studium.lib.units import MIB

pytestmark = pytest.mark.django_db


def on_a_terminal(world: World, *arguments: str, cwd: Path, **variables: str) -> tuple[int, str]:
    """The exit code and all that a terminal of 80 columns was sent."""
    ours, theirs = pty.openpty()
    env = {
        **os.environ,
        "STUDIUM_URL": world.url,
        "STUDIUM_TOKEN": world.token(world.cast.owner),
        "TERM": "xterm",
        "COLUMNS": "80",
        **variables,
    }
    command = [sys.executable, "-m", "studium.cli.main", *arguments]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=env, cwd=cwd)
    os.close(theirs)
    seen = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end was closed
            break
        if not part:
            break
        seen += part
    os.close(ours)
    return process.wait(timeout=60), seen.decode()


def plain(text: str) -> str:
    """What stays when colours and movements of the cursor are taken away."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_a_bar_moves_below_what_the_run_prints(world: World, tmp_path: Path) -> None:
    (tmp_path / "churn.ipynb").write_bytes(notebook_json("1", "2", "3"))

    def at(cell: int) -> None:
        progress = {"cell": cell, "of": 3, "code_cell": cell, "code_cells": 3, "elapsed": 1.0}
        world.engine.observe(world.run.pk, progress=progress, usage=Usage(memory_bytes=312 * MIB))

    def prints(text: str) -> None:
        world.engine.output(world.run.pk, text.encode())

    world.script = [
        lambda world: None,
        lambda world: at(1),
        lambda world: prints("epoch 1\x1b[2J\nepoch"),
        lambda world: (prints(" 2\n"), at(2))[1],
        lambda world: at(3),
        lambda world: world.engine.finish(world.run.pk),
    ]
    code, seen = on_a_terminal(world, "run", "churn.ipynb", cwd=tmp_path)
    assert code == 0, seen
    said = plain(seen)
    for words in ("cell 1 of 3", "cell 3 of 3", "312 MiB", "epoch 1[2J\r\n", "epoch 2\r\n", "Finished: 3 cells"):
        assert words in said, seen
    assert "\x1b[2J" not in seen, "what a notebook prints does not move our cursor"
    assert (tmp_path / "churn.executed.ipynb").exists()


def test_no_colour_where_it_is_not_wanted(world: World, tmp_path: Path) -> None:
    code, seen = on_a_terminal(world, "machines", cwd=tmp_path, NO_COLOR="1")
    assert code == 0
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", seen)
    assert "cpu-small" in seen
