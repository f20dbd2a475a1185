"""What is checked and then done holds for several people at the same moment."""

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from functional.races import AT_ONCE
from running import database
from studium.lib.ids import new_id

ALL_BUT_ONE = AT_ONCE - 1


def fresh_database() -> str:
    """An empty database beside that of the suite; nothing for SQLite, which makes a file in the home folder."""
    url = os.environ.get("STUDIUM_TEST_DATABASE_URL", "")
    if not url.startswith("postgres"):
        return ""
    import psycopg

    name = f"races_{new_id()}"
    with psycopg.connect(urlunsplit(urlsplit(url)._replace(path="/postgres")), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> dict[str, object]:
    """How they ended, found out by whichever worker comes first. (Groups of xdist 3.8 are none under pytest 9.2.)"""
    shared = tmp_path_factory.getbasetemp()
    told = (shared if worker_id == "master" else shared.parent) / "races.json"
    with told.with_suffix(".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not told.exists():
            told.write_text(_run(tmp_path_factory.mktemp("races")))
    found: dict[str, object] = json.loads(told.read_text())
    return found


def _run(home: Path) -> str:
    database.put_at(home)
    own = {
        "STUDIUM_HOME": str(home),
        "STUDIUM_DATABASE_URL": fresh_database(),
        "STUDIUM_TEAMS_PER_PERSON": "2",
        "DJANGO_SETTINGS_MODULE": "studium.config.settings",
    }
    program = Path(__file__).with_name("races.py")
    done = subprocess.run(
        [sys.executable, str(program)],
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("last project", {"done": 1, "plan.projects": ALL_BUT_ONE}),
        ("projects", 2),
        ("last place in the queue", {"done": 1, "plan.queued_runs": ALL_BUT_ONE}),
        ("queued", 1),
        ("one workspace", {"done": 1, "run.already_live": ALL_BUT_ONE}),
        ("one invitation", {"done": 1, "invite.gone": ALL_BUT_ONE}),
        ("one sign-in link", {"done": 1, "login.link_gone": ALL_BUT_ONE}),
        ("one ticket", 1),
        ("owners leave", {"done": ALL_BUT_ONE, "team.last_owner": 1}),
        ("owners left", 1),
        ("same name", {"done": AT_ONCE}),
        ("teams of one", {"done": 1, "team.too_many": ALL_BUT_ONE}),
        ("teams", 2),
        ("votes of several", {"done": AT_ONCE}),
        ("they are told of once", 1),
        ("votes of one", {"done": AT_ONCE}),
        ("votes", AT_ONCE + 1),
        ("reports of one", {"done": 1, "report.open_already": ALL_BUT_ONE}),
        ("reports", 1),
        ("last comment of the minute", {"done": 1, "community.too_fast": ALL_BUT_ONE}),
        ("comments", 10),
        ("answers in a ring", {"done": AT_ONCE}),
        ("last use of a link", {"done": 1, "share.link_gone": ALL_BUT_ONE}),
        ("let in", 1),
        ("one person in four browsers", {"done": AT_ONCE}),
        ("uses", 1),
        ("last place", {"done": 1, "share.too_many": ALL_BUT_ONE}),
        ("indexed at once", 0),
        ("the same hours", []),
        ("hours", 27),
        ("emptied and started", 0),
        ("emptied or started", 5),
    ],
)
def test_several_at_once(ended: dict[str, object], name: str, wanted: object) -> None:
    assert ended[name] == wanted
