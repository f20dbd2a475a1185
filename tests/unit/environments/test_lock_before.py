"""When the packages of the lock before are put in place while the new one is resolved, and when none need to be."""

import hashlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from unit.environments.inside_modules import load

load("installed_tree")


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    found = load("build_environment")
    monkeypatch.setattr(found, "WORKSPACE", tmp_path)
    return found


def asked(source: str) -> dict[str, Any]:
    return {"kind": "packages", "source": source}


@pytest.mark.parametrize(
    ("before", "now", "likely"),
    [("a\nb", "a\nb", True), ("a\nb", "b\na\nc", True), ("a\nb", "a", False), ("a==1", "a==2", False)],
)
def test_it_is_likely_where_all_of_it_is_asked_for_again(
    program: ModuleType, tmp_path: Path, before: str, now: str, likely: bool
) -> None:
    tmp_path.joinpath("lock.txt").write_text("a==1")
    tmp_path.joinpath("requirements.in").write_text(before)
    assert program.lock_before(asked(now)) == likely
    assert not tmp_path.joinpath("lock.txt").exists(), "uv would stay with its versions"
    assert tmp_path.joinpath("likely.txt").read_text() == "a==1"


def test_whatever_an_earlier_build_left_is_no_reason_not_to_build(program: ModuleType, tmp_path: Path) -> None:
    assert not program.lock_before(asked("a"))
    tmp_path.joinpath("lock.txt").write_text("a==1")
    assert not program.lock_before(asked("a")), "nothing says what it was made from"
    tmp_path.joinpath("lock.txt").write_text("a==1")
    tmp_path.joinpath("requirements.in").write_bytes(b"\xff\xfe")
    assert not program.lock_before(asked("a"))
    tmp_path.joinpath("requirements.in").unlink()
    tmp_path.joinpath("requirements.in").mkdir()
    tmp_path.joinpath("lock.txt").write_text("a==1")
    assert not program.lock_before(asked("a"))


def test_nothing_is_put_in_place_where_the_same_is_asked_for_and_is_there(program: ModuleType, tmp_path: Path) -> None:
    there = {"ready": [hashlib.sha256(b"a==1").hexdigest()]}
    tmp_path.joinpath("requirements.in").write_text("a")
    assert not program.asked_again(asked("a") | there), "there was no lock"
    tmp_path.joinpath("lock.txt").write_text("a==1")
    program.lock_before(asked("a"))
    assert program.asked_again(asked("a") | there)
    assert not program.asked_again(asked("a"))
    assert not program.asked_again(asked("a\nb") | there)
    tmp_path.joinpath("likely.txt").write_text("a==2")
    assert not program.asked_again(asked("a") | there)


def test_what_is_in_place_is_told_by_the_whole_lock(program: ModuleType, tmp_path: Path) -> None:
    there = {"ready": [hashlib.sha256(b"a==1\n").hexdigest()]}
    assert not program.in_place(there, "lock.txt")
    tmp_path.joinpath("lock.txt").write_text("a==1")
    assert not program.in_place(there, "lock.txt")
    tmp_path.joinpath("lock.txt").write_text("a==1\n")
    assert program.in_place(there, "lock.txt")
