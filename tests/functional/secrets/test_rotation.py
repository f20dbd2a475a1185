"""Keys are changed while everything runs: killed anywhere, several at once, with values being set meanwhile."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functional.test_races import fresh_database
from running import database

COUNT = 23
PROGRAM = Path(__file__).with_name("rotating.py")


class Installation:
    """A home with a database, and programs over it."""

    def __init__(self, home: Path) -> None:
        self._own = {
            "STUDIUM_HOME": str(home),
            "STUDIUM_DATABASE_URL": fresh_database(),
            "DJANGO_SETTINGS_MODULE": "studium.config.settings",
        }
        self.children: list[subprocess.Popen[str]] = []
        home.mkdir()
        database.put_at(home)
        self.do("prepare", str(COUNT))

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        child = subprocess.Popen(
            [sys.executable, str(PROGRAM), *arguments],
            env={**os.environ, **self._own},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.children.append(child)
        return child

    def do(self, *arguments: str) -> str:
        said, _ = self.start(*arguments).communicate(timeout=60)
        assert self.children[-1].returncode == 0
        return said

    def check(self) -> Any:
        return json.loads(self.do("check"))


def heard(child: "subprocess.Popen[str]") -> str:
    assert child.stdout
    return child.stdout.readline().strip()


def go_on(child: "subprocess.Popen[str]") -> None:
    assert child.stdin
    child.stdin.write("\n")
    child.stdin.flush()


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path / "home")
    yield made
    for child in made.children:
        child.kill()
        child.communicate()


VALUES = {f"TOKEN_{n}": f"value {n}" for n in range(COUNT)}


def test_a_rotation_changes_the_key_of_every_secret_and_drops_the_old(installation: Installation) -> None:
    before = installation.check()
    done = json.loads(installation.do("rotate").splitlines()[-1])
    after = installation.check()
    assert done == {"secrets": COUNT, "resumed": False}
    assert before["values"] == after["values"] == VALUES
    assert len(after["files"]) == 1
    assert after["files"] == after["live"] == after["used"] != before["used"]


def test_a_killed_rotation_leaves_all_readable_and_is_finished_by_the_next(installation: Installation) -> None:
    before = installation.check()
    child = installation.start("rotate")
    assert heard(child) == "5"
    go_on(child)
    assert heard(child) == "5"
    child.send_signal(signal.SIGKILL)
    child.wait()
    between = installation.check()
    assert between["values"] == VALUES
    assert len(between["used"]) == len(between["files"]) == 2
    done = json.loads(installation.do("rotate").splitlines()[-1])
    after = installation.check()
    assert done == {"secrets": COUNT - 10, "resumed": True}
    assert after["values"] == VALUES
    assert after["files"] == after["live"] == after["used"]
    assert set(after["used"]) == set(between["used"]) - set(before["used"])


def test_two_at_once_with_values_set_meanwhile_lose_nothing(installation: Installation) -> None:
    children = [installation.start("rotate"), installation.start("rotate")]
    for child in children:
        assert heard(child).isdigit()
    installation.do("set", "3")
    installation.do("set", "20")
    done = [child.communicate("\n" * 100, timeout=60)[0].splitlines()[-1] for child in children]
    assert all("resumed" in json.loads(line) for line in done)
    after = installation.check()
    assert after["values"] == {**VALUES, "TOKEN_3": "changed 3", "TOKEN_20": "changed 20"}
    assert after["files"] == after["live"] == after["used"]
    assert len(after["used"]) == 1
