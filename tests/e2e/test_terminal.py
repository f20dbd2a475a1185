"""The main job from a terminal, on a whole running platform: real uploads, queue, sandbox, outputs and exit codes."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from factories.notebooks import notebook_json
from running.platform import Platform, wait_for

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.ipynb"))


def outputs_of(path: Path) -> list[dict[str, object]]:
    cells = json.loads(path.read_text())["cells"]
    return [output for cell in cells for output in cell.get("outputs", ())]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_each_example_runs(platform: Platform, tmp_path: Path, example: Path) -> None:
    source = tmp_path / example.name
    source.write_bytes(example.read_bytes())
    done = platform.cli("run", str(source), "--machine", "cpu-medium")
    assert done.returncode == 0, done.stderr
    result = tmp_path / f"{example.stem}.executed.ipynb"
    outputs = outputs_of(result)
    assert any(o.get("name") == "stdout" for o in outputs)
    assert any("image/png" in o.get("data", {}) for o in outputs), "each example draws"  # type: ignore[operator]
    assert not any(o["output_type"] == "error" or o.get("name") == "stderr" for o in outputs)
    assert source.read_bytes() == example.read_bytes(), "the input is left as it was"


def test_a_failing_cell(platform: Platform, tmp_path: Path) -> None:
    source = tmp_path / "bad.ipynb"
    source.write_bytes(notebook_json("print('before')", "1 / 0", "print('never')"))
    done = platform.cli("run", str(source), "--machine", "cpu-small")
    assert done.returncode == 1
    assert "ell 2" in done.stderr
    assert "ZeroDivisionError" in done.stderr
    kept = outputs_of(tmp_path / "bad.executed.ipynb")
    assert [o["output_type"] for o in kept] == ["stream", "error"], "what ran before is kept"


@pytest.mark.parametrize(
    ("content", "machine", "says"),
    [
        (b"not a notebook", "cpu-small", "not"),
        (b'{"cells": []}', "cpu-small", "nbformat"),
        (notebook_json(), "no-such-machine", "no machine type"),
        (b'{"nbformat": 2, "worksheets": []}', "cpu-small", "nbformat"),
    ],
)
def test_bad_input_is_refused_in_words(
    platform: Platform, tmp_path: Path, content: bytes, machine: str, says: str
) -> None:
    source = tmp_path / "x.ipynb"
    source.write_bytes(content)
    done = platform.cli("run", str(source), "--machine", machine)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("*.executed.ipynb"))


def test_a_missing_file(platform: Platform, tmp_path: Path) -> None:
    done = platform.cli("run", str(tmp_path / "nothing.ipynb"))
    assert done.returncode == 2
    assert "nothing.ipynb" in done.stderr


def test_two_hundred_megabytes(platform: Platform, tmp_path: Path) -> None:
    source = tmp_path / "huge.ipynb"
    with source.open("wb") as file:
        file.truncate(200 * 1024**2)
    done = platform.cli("run", str(source), "--machine", "cpu-small")
    assert done.returncode == 2
    assert "200 MiB" in done.stderr


def test_an_old_notebook_is_upgraded(platform: Platform, tmp_path: Path) -> None:
    cell = {"cell_type": "code", "input": ["print('old')"], "language": "python", "metadata": {}, "outputs": []}
    sheets = [{"cells": [{**cell, "collapsed": False}], "metadata": {}}]
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": sheets}
    source = tmp_path / "old.ipynb"
    source.write_text(json.dumps(old))
    done = platform.cli("run", str(source), "--machine", "cpu-small")
    assert done.returncode == 0, done.stderr
    assert outputs_of(tmp_path / "old.executed.ipynb")[0]["text"] == "old\n"


def test_an_unknown_kernel(platform: Platform, tmp_path: Path) -> None:
    source = tmp_path / "julia.ipynb"
    source.write_bytes(
        notebook_json("1", kernelspec={"name": "julia-1.11", "display_name": "Julia", "language": "julia"})
    )
    done = platform.cli("run", str(source), "--machine", "cpu-small")
    assert done.returncode == 1
    assert "julia-1.11" in done.stdout + done.stderr


def test_out_of_memory_in_words(platform: Platform, tmp_path: Path) -> None:
    source = tmp_path / "balloon.ipynb"
    source.write_bytes(notebook_json("import numpy as np\nkept = [np.ones(2**27) for _ in range(64)]"))
    done = platform.cli("run", str(source), "--machine", "cpu-small", "--json")
    assert done.returncode == 1
    assert "memory" in done.stdout + done.stderr


_RUN_A_MINUTE_LATER = """
import time
from datetime import timedelta
from studium.compute.models import Run
while not (row := Run.objects.filter(title="forever", state="running", progress__code_cell=1).first()):
    time.sleep(0.05)
Run.objects.filter(pk=row.pk).update(running_at=row.running_at - timedelta(seconds=61))
"""


def test_time_limit(platform: Platform, tmp_path: Path) -> None:
    source = tmp_path / "forever.ipynb"
    source.write_bytes(notebook_json("print('started', flush=True)\nwhile True: pass"))
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(platform.cli, "run", str(source), "--machine", "cpu-small", "--timeout", "60s", "--json")
        # A minute passes at once: the row says that it began a minute ago.
        platform.manage(_RUN_A_MINUTE_LATER)
        done = asked.result()
    assert done.returncode == 1
    assert "started" in done.stdout + done.stderr
    told = json.loads(done.stdout)["run"]
    assert (told["reason"], told["words"]) == (
        "time_limit",
        "Time limit reached: The session reached its longest time.",
    )
    assert "started" in json.dumps(outputs_of(tmp_path / "forever.executed.ipynb"))


def test_two_people_and_one_simulated_p100(platform: Platform) -> None:
    """The second waits with a place and an expected start, and starts when the first ends."""
    second_token = platform.manage(
        "from studium.accounts.actions import create_user, create_token\nfrom studium.accounts.states import Scope\n"
        "user = create_user('grace', 'grace@example.org', now=now)\n"
        "print(create_token(user, 't', [Scope.READ, Scope.WRITE], now=now, expires_at=None)[1])"
    )
    with platform.client() as ada, platform.client(second_token) as grace:
        body = notebook_json("import time\nfor i in range(600): time.sleep(0.1)")
        first = ada.notebooks.create("Long", content=body)
        second = grace.notebooks.create("Also", content=notebook_json("print('mine')"))
        one = ada.notebooks.start(first.id, kind="execution", machine="p100")
        wait_for(lambda: ada.runs.get(one.id).state == "running", says="the first to run")
        two = grace.notebooks.start(second.id, kind="execution", machine="p100")
        wait_for(lambda: grace.runs.get(two.id).wait.place, says="a place in the queue")
        waiting = grace.runs.get(two.id).wait
        assert waiting.place == 1
        assert waiting.expected_at is not None
        assert grace.runs.get(two.id).simulated
        ada.runs.stop(one.id)
        wait_for(lambda: grace.runs.get(two.id).state == "ended", seconds=60, says="the second to end")
        assert grace.runs.get(two.id).reason == "finished"


def test_logs_follow_and_stop(platform: Platform, tmp_path: Path) -> None:
    source = tmp_path / "slow.ipynb"
    source.write_bytes(
        notebook_json("import time\nfor i in range(300):\n    print('tick', i, flush=True)\n    time.sleep(0.2)")
    )
    detached = platform.cli("run", str(source), "--machine", "cpu-small", "--detach", "--json")
    assert detached.returncode == 0, detached.stderr
    run_id = json.loads(detached.stdout)["run"]["id"]
    wait_for(lambda: "tick 3" in platform.cli("runs", "logs", run_id).stdout, says="output in the log")
    assert platform.cli("runs", "stop", run_id).returncode == 0
    wait_for(
        lambda: json.loads(platform.cli("runs", "show", run_id, "--json").stdout)["state"] == "ended", says="its end"
    )
