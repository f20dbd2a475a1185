"""The built environment: complete, sealed, relocatable, built once."""

import os
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from running.platform import shared_environments
from studium.environments import build, interpreter
from studium.environments.build import build_default
from studium.environments.describe import RECORD, describe
from studium.errors import NotYet
from studium.lib.folders import remove


def test_it_holds_the_lock_and_nothing_slow(environment: Path) -> None:
    found = describe(environment)
    assert "rfc3987-syntax" not in found.packages
    assert {
        "jupyterlab",
        "ipykernel",
        "ipywidgets",
        "numpy",
        "pandas",
        "matplotlib",
        "scikit-learn",
    } <= found.packages.keys()
    assert found.digest == environment.name
    assert found.size_bytes > 100 * 1024**2


def test_nothing_in_it_can_be_written_and_all_can_be_read(environment: Path) -> None:
    for folder, _, names in os.walk(environment):
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o555, folder
        for name in names:
            mode = os.lstat(os.path.join(folder, name)).st_mode
            assert stat.S_ISLNK(mode) or stat.S_IMODE(mode) in (0o444, 0o555), name


def test_it_is_compiled(environment: Path) -> None:
    numpy = next(environment.glob("lib/python3.*/site-packages/numpy"))
    assert len(list(numpy.glob("__pycache__/*.pyc"))) >= len(list(numpy.glob("*.py")))


def test_it_works_under_another_path(environment: Path, tmp_path: Path) -> None:
    """As in a sandbox, which shows it at /opt/env."""
    link = tmp_path / "env"
    link.symlink_to(environment)
    code = "import sys, ipykernel, sklearn, studium_packages; print(sys.prefix)"
    answer = subprocess.run([link / "bin" / "python", "-s", "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == str(link)


def test_libraries_work_without_their_tests(environment: Path) -> None:
    code = (
        "import numpy.testing, pandas.testing, sklearn.utils.estimator_checks, scipy.stats, matplotlib.pyplot, pandas as pd;"
        "print(pd.DataFrame({'a': [1]}).describe().loc['mean', 'a'])"
    )
    command = [environment / "bin" / "python", "-s", "-W", "error::ImportWarning", "-c", code]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.stdout.strip() == "1.0", answer.stderr


def test_the_second_time_it_is_only_found(environment: Path) -> None:
    said: list[str] = []
    assert build_default(shared_environments().parent, progress=said.append) == environment
    assert said == []


def test_two_builders_build_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[Path] = []

    def pretend(target: Path, *_: object) -> None:
        built.append(target)
        target.mkdir()
        (target / RECORD).write_text("{}")

    monkeypatch.setattr(build, "_build", pretend)
    found: list[Path] = []
    builders = [
        threading.Thread(target=lambda: found.append(build_default(tmp_path, progress=lambda _: None)))
        for _ in range(4)
    ]
    for each in builders:
        each.start()
    for each in builders:
        each.join()
    assert len(built) == 1
    assert len(set(found)) == 1


def test_a_failed_build_leaves_nothing_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "environment.txt"
    lock.write_text("numpy==0.0.0 --hash=sha256:" + "0" * 64 + "\n")
    monkeypatch.setattr(build, "lock_file", lambda: lock)
    monkeypatch.setenv("UV_OFFLINE", "1")
    with pytest.raises(NotYet, match="numpy") as caught:
        build_default(tmp_path, progress=lambda _: None)
    assert caught.value.code == "environment.build_failed"
    assert [p.name for p in (tmp_path / "environments").iterdir()] == [".lock"]


def test_what_a_killed_builder_left_is_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = tmp_path / "environments" / ".building-1"
    (left / "lib").mkdir(parents=True)
    (left / "lib").chmod(0o555)

    def pretend(target: Path, *_: object) -> None:
        target.mkdir()
        (target / RECORD).write_text("{}")

    monkeypatch.setattr(build, "_build", pretend)
    target = build_default(tmp_path, progress=lambda _: None)
    assert not left.exists()
    remove(target)
    assert not target.exists()


def test_an_interpreter_that_sandboxes_cannot_see_is_carried_along(tmp_path: Path) -> None:
    """Copied from whatever runs the tests; what matters is that the copy stands alone."""
    found = interpreter.choose()
    if not (found.prefix / "lib" / f"python{found.version[0]}.{found.version[1]}" / "os.py").exists():
        pytest.fail(f"no standard library below {found.prefix}")
    interpreter.copy_into(found, tmp_path / "env")
    code = "import sys, ssl, json, sqlite3; print(json.__file__)"
    answer = subprocess.run(
        [tmp_path / "env" / "bin" / "python", "-I", "-c", code], capture_output=True, text=True, check=False
    )
    assert answer.stdout.startswith(str(tmp_path / "env")), answer.stderr
