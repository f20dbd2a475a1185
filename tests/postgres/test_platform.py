"""The whole platform on a real PostgreSQL: the main job, backup while running, restore elsewhere. Run by script/test_postgres."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from factories.notebooks import notebook_json
from running.platform import Platform, running_platform, wait_for

SERVER = os.environ.get("STUDIUM_TEST_DATABASE_URL", "")


def fresh_database(name: str) -> str:
    """The address of a new empty database on the test server."""
    assert SERVER, "script/test_postgres starts the server and sets STUDIUM_TEST_DATABASE_URL"
    with psycopg.connect(SERVER.replace("/studium?", "/postgres?"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}"')  # type: ignore[arg-type]
        connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]
    return SERVER.replace("/studium?", f"/{name}?")


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with running_platform(database_url=fresh_database("whole")) as up:
        yield up


def test_the_main_job(platform: Platform, tmp_path: Path) -> None:
    source = tmp_path / "x.ipynb"
    source.write_bytes(notebook_json("print('on postgres')"))
    done = platform.cli("run", str(source), "--machine", "cpu-small")
    assert done.returncode == 0, done.stderr
    assert "on postgres" in (tmp_path / "x.executed.ipynb").read_text()


def test_backup_and_restore(platform: Platform, tmp_path: Path) -> None:
    with platform.client() as client:
        notebook = client.notebooks.create("Kept", content=notebook_json("print('kept')"))
        run = client.notebooks.start(notebook.id, kind="execution", machine="cpu-small")
        made = platform.cli("backup", str(tmp_path / "all.tar"))
        assert made.returncode == 0, made.stderr
        wait_for(lambda: client.runs.get(run.id).state == "ended", seconds=60, says="its end")
    env = {
        **os.environ,
        "STUDIUM_HOME": str(tmp_path / "elsewhere"),
        "STUDIUM_DATABASE_URL": fresh_database("restored"),
        "DJANGO_SETTINGS_MODULE": "studium.config.settings",
    }
    studium = str(Path(sys.executable).with_name("studium"))
    done = subprocess.run(
        [studium, "restore", str(tmp_path / "all.tar")], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    look = (
        "from studium.operations.setup import load_django; load_django()\n"
        "from studium.notebooks.models import Notebook; from studium.storage import actions as storage\n"
        "print(all(storage.get(n.document) for n in Notebook.objects.all()), Notebook.objects.filter(title='Kept').count())"
    )
    shown = subprocess.run([sys.executable, "-c", look], env=env, capture_output=True, text=True, check=False)
    assert shown.stdout.strip() == "True 1", shown.stderr
