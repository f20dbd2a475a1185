"""`kill -9` of web, edge and controller on a whole platform, and sessions that live through it."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from factories.notebooks import notebook_json
from running.platform import Platform, running_platform, wait_for

TICKS = "import time\nfor i in range(40):\n    print('tick', i, flush=True)\n    time.sleep(0.25)"


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with running_platform(empty=True) as up:
        yield up


def outputs_of(document: bytes) -> list[list[dict[str, Any]]]:
    return [cell["outputs"] for cell in json.loads(document)["cells"]]


_undisturbed: dict[tuple[str, ...], list[list[dict[str, Any]]]] = {}


def outputs_undisturbed(platform: Platform, *sources: str) -> list[list[dict[str, Any]]]:
    """What a run of these cells leaves while nothing is killed; run once."""
    if sources not in _undisturbed:
        with platform.client() as client:
            notebook = client.notebooks.create("Undisturbed", content=notebook_json(*sources))
            run = client.notebooks.start(notebook.id, kind="execution", machine="cpu-small")
            wait_for(lambda: client.runs.get(run.id).document == "final", seconds=60, says="its end")
            _undisturbed[sources] = outputs_of(client.runs.document(run.id))
        assert all(_undisturbed[sources]), "every cell has outputs"
    return _undisturbed[sources]


@pytest.mark.parametrize("state", ["queued", "assigned", "starting", "running", "stopping"])
def test_a_killed_controller_goes_on_where_it_was(platform: Platform, state: str) -> None:
    """Killed as soon as the state is seen; the run comes to the same end as an undisturbed one."""
    with platform.client() as client:
        notebook = client.notebooks.create(f"Killed at {state}", content=notebook_json("print('done')", "2 + 2"))
        if state == "queued":
            platform.kill("controller")
        run = client.notebooks.start(notebook.id, kind="execution", machine="cpu-small")
        order = ["queued", "assigned", "starting", "running", "stopping", "ended"]
        seen = wait_for(
            lambda: (now := client.runs.get(run.id).state) and order.index(now) >= order.index(state) and now
        )
        if seen != "ended" and state != "queued":
            platform.kill("controller")
        platform.supervisor.check()
        wait_for(
            lambda: platform.supervisor.check() or client.runs.get(run.id).state == "ended", seconds=60, says="its end"
        )
        ended = client.runs.get(run.id)
        assert ended.reason == "finished", ended
        wait_for(lambda: client.runs.get(run.id).document == "final", seconds=60, says="the document")
        assert outputs_of(client.runs.document(run.id)) == outputs_undisturbed(platform, "print('done')", "2 + 2")


@pytest.mark.parametrize("name", ["web", "edge", "controller"])
def test_a_session_lives_through_the_death_of(platform: Platform, name: str) -> None:
    with platform.client() as client:
        notebook = client.notebooks.create(f"Lives through {name}", content=notebook_json(TICKS, "print('all of it')"))
        run = client.notebooks.start(notebook.id, kind="execution", machine="cpu-small")
        wait_for(lambda: "tick 3" in client.runs.log(run.id).text, says="some output")
        before = platform.supervisor.children[name].pid
        platform.kill(name)
        wait_for(lambda: platform.supervisor.check() or name in platform.supervisor.children, says="a new process")
        assert platform.supervisor.children[name].pid != before
        platform.supervisor.wait_healthy()
        wait_for(lambda: client.runs.get(run.id).state == "ended", seconds=60, says="its end")
        ended = client.runs.get(run.id)
        assert ended.reason == "finished", ended
        wait_for(lambda: client.runs.get(run.id).document == "final", seconds=60, says="the document")
        undisturbed = outputs_undisturbed(platform, TICKS, "print('all of it')")
        assert outputs_of(client.runs.document(run.id)) == undisturbed
        log = client.runs.log(run.id, limit=262_144).text
        assert [f"tick {i}\n" in log for i in range(40)] == [True] * 40, "no line is lost"
        books = platform.manage(
            "from studium.plans.models import Claim, LedgerEntry\nfrom studium.compute.models import Run\n"
            f"run = Run.objects.get(pk={run.id!r})\n"
            "wall = int((run.ended_at - run.running_at).total_seconds())\n"
            "print(wall == sum(LedgerEntry.objects.filter(claim__holder=run.pk).values_list('seconds', flat=True)),"
            " Claim.objects.get(holder=run.pk).released_at is not None)"
        )
        assert books == "True True"


def test_a_restart_of_everything_finds_the_session_again(platform: Platform) -> None:
    with platform.client() as client:
        notebook = client.notebooks.create("Outlives all", content=notebook_json("1"))
        run = client.notebooks.start(notebook.id, kind="session", machine="cpu-small")
        wait_for(lambda: client.runs.get(run.id).state == "running", says="the session to run")
        platform.supervisor.stop()
        platform.supervisor.start()
        platform.supervisor.wait_healthy()
        assert client.runs.get(run.id).state == "running"
        client.notebooks.stop(notebook.id)
        wait_for(lambda: client.runs.get(run.id).state == "ended", says="its end")
        assert client.runs.get(run.id).reason == "cancelled"


def test_backup_while_running_and_restore(platform: Platform, tmp_path: Path) -> None:
    with platform.client() as client:
        notebook = client.notebooks.create("Kept", content=notebook_json("print('kept')"))
        writer_stops = threading.Event()

        def write() -> None:
            with platform.client() as other:
                while not writer_stops.is_set():
                    other.notebooks.create("Noise", content=notebook_json("0"))

        writing = threading.Thread(target=write)
        writing.start()
        try:
            made = platform.cli("backup", str(tmp_path / "all.tar"))
        finally:
            writer_stops.set()
            writing.join()
        assert made.returncode == 0, made.stderr
        assert client.notebooks.content(notebook.id)
    import os
    import subprocess
    import sys

    elsewhere = tmp_path / "elsewhere"
    env = {**os.environ, "STUDIUM_HOME": str(elsewhere), "DJANGO_SETTINGS_MODULE": "studium.config.settings"}
    studium = str(Path(sys.executable).with_name("studium"))
    done = subprocess.run(
        [studium, "restore", str(tmp_path / "all.tar")], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    again = subprocess.run(
        [studium, "restore", str(tmp_path / "all.tar")], env=env, capture_output=True, text=True, check=False
    )
    assert again.returncode == 2, "nothing is overwritten unasked"
    look = (
        "from studium.operations.setup import load_django; load_django()\n"
        "from studium.notebooks.models import Notebook; from studium.storage import actions as storage\n"
        "rows = list(Notebook.objects.all()); print(all(storage.get(n.document) for n in rows), len(rows) > 3)\n"
        "print(any(n.volume_document for n in rows))"
    )
    shown = subprocess.run([sys.executable, "-c", look], env=env, capture_output=True, text=True, check=False)
    assert shown.stdout.split() == ["True", "True", "False"], f"no workspace came along: {shown.stderr}"


def test_a_second_up_on_the_same_home_is_refused(platform: Platform) -> None:
    from studium.errors import NotYet
    from studium.operations.supervise import only_one

    with only_one(platform.options), pytest.raises(NotYet, match="already up"), only_one(platform.options):
        pass
