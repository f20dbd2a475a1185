"""Secrets in a real sandbox: there as variables, hidden in what is printed, on no disk."""

import hashlib
import os
from pathlib import Path

import pytest

from functional.isolation.test_life import Bench, bench  # noqa: F401 (a fixture)
from studium.compute.spec import Limits, Mount, RunSpec, Volume
from studium.environments.commands import code_folder

VALUE = "correct-horse-battery-staple"
MIB = 1024**2


def start(bench: Bench, code: str, secrets: dict[str, str], **variables: str) -> None:  # noqa: F811
    helper = str(code_folder() / "site" / "studium_secrets.py")
    spec = RunSpec(
        run_id="a",
        command=("/usr/bin/python3", "-u", "-c", code),
        limits=Limits(vcpu=1, memory_bytes=256 * MIB, pids=64, disk_bytes=16 * MIB),
        environment_path=str(bench.folder / "environment"),
        volume=Volume(name="v"),
        mounts=(Mount(source=helper, target="/opt/studium/studium_secrets.py"),),
        variables={"PYTHONPATH": "/opt/studium", **variables},
    )
    bench.started.append("a")
    bench.engine.start(spec, "local", secrets=secrets)


def test_a_run_reads_its_secrets_and_what_it_prints_of_them_is_hidden(bench: Bench) -> None:  # noqa: F811
    code = """if True:
        import os, hashlib, sys, time, studium_secrets
        from studium_secrets import get
        assert get("TOKEN") == os.environ["TOKEN"]
        assert studium_secrets.names() == ["PATH_TO", "TOKEN"]
        print(hashlib.sha256(get("TOKEN").encode()).hexdigest())
        for letter in get("TOKEN"):  # in as many pieces as can be
            sys.stdout.write(letter); sys.stdout.flush(); time.sleep(0.001)
        print(); print(os.environ)
        try:
            get("OTHER")
        except KeyError as error:
            print(error)
    """
    start(bench, code, {"TOKEN": VALUE, "PATH_TO": "two\nlines of it"})
    assert bench.ended("a").exit_code == 0, bench.engine.read_log("a", 0, MIB)
    log = bench.engine.read_log("a", 0, MIB).decode()
    assert hashlib.sha256(VALUE.encode()).hexdigest() in log
    assert "***" in log
    assert VALUE not in log
    assert "This run was not given a secret 'OTHER'. It has PATH_TO, TOKEN." in log


def test_no_file_of_the_run_ever_has_a_value(bench: Bench) -> None:  # noqa: F811
    code = """if True:
        import json, os, time
        report = {"error": {"message": "bad key " + os.environ["TOKEN"]}}
        open(os.environ["STUDIUM_PROGRESS"], "w").write(json.dumps(report))
        print("up", os.environ["TOKEN"]); time.sleep(600)
    """
    start(bench, code, {"TOKEN": VALUE})
    seen = bench.until("a", lambda seen: seen.progress is not None)
    assert seen.progress == {"error": {"message": "bad key ***"}}
    own = os.path.join("io", "in")  # what the run itself wrote is its own
    files = [p for p in Path(bench.home, "runs", "a").rglob("*") if p.is_file() and own not in str(p)]
    assert {"spec.json", "log", "status.json"} <= {p.name for p in files}
    for path in files:
        assert VALUE.encode() not in path.read_bytes(), path
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
        except OSError:
            continue
        assert VALUE.encode() not in words, words


def test_a_secret_changes_no_variable_of_the_platform(bench: Bench) -> None:  # noqa: F811
    code = "import os; print(os.environ['PATH'], os.environ['CUDA_VISIBLE_DEVICES'] == '', os.environ['GIVEN'])"
    start(bench, code, {"PATH": "/bad:/worse", "CUDA_VISIBLE_DEVICES": "0", "GIVEN": "/elsewhere"}, GIVEN="kept")
    assert bench.ended("a").exit_code == 0
    log = bench.engine.read_log("a", 0, MIB).decode()
    assert "/usr/bin" in log
    assert log.strip().endswith("True kept")


def test_the_largest_secrets_a_notebook_can_use_are_given(bench: Bench) -> None:  # noqa: F811
    from studium.secrets.states import MOST_ATTACHED, VALUE_BYTES

    secrets = {f"{'N' * 60}{number:04}": chr(97 + number % 26) * VALUE_BYTES for number in range(MOST_ATTACHED)}
    code = "import os, studium_secrets; print(sum(len(studium_secrets.get(name)) for name in studium_secrets.names()))"
    start(bench, code, secrets)
    assert bench.ended("a").exit_code == 0, bench.engine.read_log("a", 0, MIB)[-500:]
    assert bench.engine.read_log("a", 0, MIB).decode().strip() == str(MOST_ATTACHED * VALUE_BYTES)


@pytest.mark.parametrize("secrets", [{}, {"TOKEN": VALUE}])
def test_descriptors_of_the_runner_do_not_reach_inside(bench: Bench, secrets: dict[str, str]) -> None:  # noqa: F811
    start(bench, "import os; print(len(os.listdir('/proc/self/fd')))", secrets)
    assert bench.ended("a").exit_code == 0
    assert bench.engine.read_log("a", 0, MIB).decode().strip() == "4"
