"""Time, memory, crashes and being stopped: they cost one file, or leave what was known, and never a run that is stuck."""

import gzip
import json
import os
import signal
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest
from profiling import PROGRAM, answer, profile, python, start

from running.platform import wait_for

pytestmark = pytest.mark.no_database
# The program's own parent of processes, with a reader that does what a broken one would.
READERS = """
import json, os, signal, sys
from pathlib import Path
sys.path.insert(0, {folder!r})
import looking
from own_process import Limits, look
def read(root, path, limits, scratch, tell):
    tell({{"known": True}})
    {reader}
looking.look_into = read
Path("scratch").mkdir()
found = look("/", "a.csv", Limits({seconds}, 400 << 20, Path("scratch")))
print(json.dumps([found, os.listdir("scratch")]))
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("reader", "words"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "breaks the program"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "memory"),
        ("signal.pause()", "time"),
        ("signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()", "time"),
        ("bytearray(600 << 20)", "memory"),
        ("raise KeyError('a bug of a reader')", "breaks the program"),
        ("os._exit(0)", ""),
        ("tell({'much': 'x' * (70 << 20)})", "too much"),
        ("os.fork() or signal.pause(); os.fork() or signal.pause()", "time"),
    ],
)
def test_whatever_a_reader_does_costs_its_file(tmp_path: Path, reader: str, words: str) -> None:
    seconds = 0.5 if words == "time" else 60
    code = READERS.format(folder=str(PROGRAM.parent), reader=reader, seconds=seconds)
    done = subprocess.run(
        [python(), "-s", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    found, left = json.loads(done.stdout)
    assert words in found["trouble"]
    assert bool(found["trouble"]) == bool(words)
    assert found["known"]
    assert left == []


def test_a_table_without_end_keeps_its_first_rows(root: Path) -> None:
    """Small, and some hundreds of gigabytes once it is unpacked."""
    part = gzip.compress(b"1,word\n" * 5_000_000, 9)
    (root / "bomb.csv.gz").write_bytes(gzip.compress(b"id,name\n") + part * 1000)
    (root / "small.csv").write_text("a\n1\n")
    found = profile(root, seconds=4)
    assert "time" in found["bomb.csv.gz"]["trouble"]
    assert found["bomb.csv.gz"]["tables"][0]["head"][0] == [1, "word"]
    assert found["small.csv"]["tables"][0]["rows"] == 1


def test_an_archive_without_end_keeps_what_was_listed(root: Path) -> None:
    part = gzip.compress(b"\0" * 50_000_000, 9)
    (root / "bomb.gz").write_bytes(part * 2000)
    found = profile(root, seconds=2)["bomb.gz"]
    assert "too long" in found["trouble"]
    assert found["members"][0]["path"] == "bomb"
    assert found["members"][0]["size"] > 50_000_000


def test_a_file_that_needs_more_memory_than_there_is(root: Path) -> None:
    (root / "a.ipynb").write_text('{"cells": [' + "[]," * 10_000_000 + "[]]}")
    (root / "b.txt").write_text("after\n")
    found = profile(root, memory_bytes=256 << 20)
    assert "memory" in found["a.ipynb"]["trouble"]
    assert found["b.txt"]["lines"] == 1


def test_when_the_time_is_up_the_rest_is_left_out(root: Path) -> None:
    part = gzip.compress(b"1,word\n" * 5_000_000, 9)
    for name in ("a", "b", "c"):
        (root / f"{name}.csv.gz").write_bytes(gzip.compress(b"id,name\n") + part * 300)
    process = start(root, ["a.csv.gz", "b.csv.gz", "c.csv.gz"], seconds=0)
    process.communicate(timeout=60)
    found = answer(root)
    assert process.returncode == 0
    assert (found["complete"], found["reason"], found["files"]) == (False, "The time was up after 0 of 3 files.", {})


def test_stopped_it_leaves_what_was_known(root: Path) -> None:
    (root / "small.csv").write_text("a\n1\n")
    (root / "large.csv.gz").write_bytes(gzip.compress(b"id,name\n") + gzip.compress(b"1,word\n" * 5_000_000, 9) * 2000)
    process = start(root, ["large.csv.gz", "small.csv"])

    def written() -> Any:
        path = root.with_name("workspace") / "profile.json"
        return path.exists() and "small.csv" in answer(root)["files"]

    wait_for(written, seconds=30)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 143, out
    found = answer(root)
    assert (found["complete"], found["reason"]) == (False, "The run was stopped.")
    assert found["files"]["small.csv"]["tables"][0]["rows"] == 1
    assert sorted(os.listdir(root.with_name("workspace"))) == ["profile.json", "request.json"]


@pytest.mark.parametrize(
    "request_text", ["", "[]", "{}", '{"root": "/", "files": [{"path": "a"}]}', '{"root": "/", "files": 3}']
)
def test_a_request_that_cannot_be_read(tmp_path: Path, request_text: str) -> None:
    (tmp_path / "request.json").write_text(request_text)
    done = subprocess.run(
        [python(), "-s", str(PROGRAM)],
        env={"STUDIUM_WORKSPACE": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout.startswith("The request cannot be read"), done.stderr) == (2, True, "")


def test_very_many_files(root: Path) -> None:
    for n in range(400):
        (root / f"{n}.txt").write_text(f"{n}\n")
    found = profile(root)
    assert found["399.txt"]["head"] == ["399"]


def test_first_rows_of_many_tables_stay_within_their_room(root: Path) -> None:
    """Long texts in thirty tables: all are told, the first whole, and together they are no more than a page can read."""
    with sqlite3.connect(root / "t.sqlite") as database:
        for number in range(30):
            database.execute(f"CREATE TABLE t{number} (a, b)")
            rows = ((n, f"{n} " + "x" * 480) for n in range(1100))
            database.executemany(f"INSERT INTO t{number} VALUES (?, ?)", rows)
    database.close()
    found = profile(root)["t.sqlite"]
    heads = [table["head"] for table in found["tables"]]
    assert found["trouble"] == ""
    assert len(heads[0]) == 1000
    assert len(heads) == 30
    assert min(map(len, heads)) >= 100
    assert len(json.dumps(heads)) < 12 * 1024 * 1024
    assert all(table["rows"] == 1100 for table in found["tables"])


def test_where_there_is_much_to_tell_fewer_first_rows_are_kept(root: Path, tmp_path: Path) -> None:
    program = """
import sys; sys.path.insert(0, sys.argv[1])
import answer, json; from pathlib import Path
answer.MOST_BYTES, answer._ROOMY = 4_000_000, 2_000_000
made = answer.Answer(Path("profile.json"))
for n in range(200):
    made.add(str(n), {"kind": "table", "format": "csv", "tables": [{"head": [["x" * 20]] * 1000}]})
made.write("")
"""
    folder = PROGRAM.parent
    subprocess.run([python(), "-c", program, str(folder)], cwd=tmp_path, check=True, timeout=60)
    found = json.loads((tmp_path / "profile.json").read_text())
    kept = [len(each["tables"][0]["head"]) for each in found["files"].values()]
    assert (found["complete"], kept[0], kept[-1], sorted(set(kept))) == (True, 1000, 50, [50, 1000])
