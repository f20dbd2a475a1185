"""Inputs shown to a sandbox that goes on: seen at once, never to be written, taken away again; nothing else of it changes."""

import json
import os
from pathlib import Path

import pytest

from functional.isolation.places import USER, Place
from studium.compute.spec import Mount
from studium.runner import showing

# Prints what it sees below both folders whenever that changed, and ends when it sees "end", in the folder shown last.
WATCHES = """
import os, time
def see():
    found = {}
    for top in ("/datasets", "/kaggle/input"):
        for folder, _, names in os.walk(top):
            for name in names:
                path = os.path.join(folder, name)
                try:
                    found[path] = open(path).read()
                except OSError as error:
                    found[path] = str(error)
    return found
last = None
while True:
    now = see()
    if now != last:
        print(sorted(now.items()), flush=True)
        last = now
    if "/kaggle/input/end/it" in now:
        break
    time.sleep(0.01)
"""
ATTACKS = """
import os, time
while not os.path.exists("/datasets/late/file"):
    time.sleep(0.01)
def attempt(name, work):
    try:
        work()
        print(name, "worked")
    except OSError as error:
        print(name, "refused")
attempt("write", lambda: open("/datasets/late/file", "w"))
attempt("make", lambda: open("/datasets/late/new", "w"))
attempt("remove", lambda: os.unlink("/datasets/late/file"))
attempt("mode", lambda: os.chmod("/datasets/late/file", 0o777))
attempt("place", lambda: os.mkdir("/datasets/mine"))
attempt("root", lambda: os.mkdir("/mine"))
attempt("link", lambda: os.symlink("/notebooks", "/datasets/mine"))
attempt("rename", lambda: os.rename("/datasets/late", "/datasets/other"))
"""


def tree(place: Place, name: str, **files: str) -> str:
    """A sealed folder, as the platform lays inputs down."""
    top = place.folder / "trees" / name
    (top / "deep").mkdir(parents=True)
    for path, text in files.items():
        (top / path).write_text(text)
        (top / path).chmod(0o444)
    (place.folder / "trees").chmod(0o755)
    if not place.is_root and os.geteuid() == 0:  # whom the platform runs as lays them down
        for path in (top, *top.rglob("*")):
            os.chown(path, USER, USER)
    return str(top)


def seen(place: Place, run_id: str) -> list[list[tuple[str, str]]]:
    return [eval(line) for line in place.wait(run_id).log.splitlines()]


def show(place: Place, run_id: str, **sources: str) -> str:
    mounts = {f"{top}/{name}": source for name, source in sources.items() for top in showing.FOLDERS}
    return place.drive("show", run_id, given=json.dumps(mounts))


def test_a_running_sandbox_sees_what_it_is_shown(place: Place) -> None:
    first, second = tree(place, "one", file="first"), tree(place, "two", file="second")
    end = tree(place, "end", it="over")
    run_id = place.start(WATCHES)
    place.wait(run_id, "running")
    assert show(place, run_id, late=first) == ""
    assert show(place, run_id, late=first) == "", "asking again changes nothing"
    assert show(place, run_id, late=second, other=first) == ""
    assert show(place, run_id, other=first) == ""
    assert show(place, run_id, other=first, end=end) == ""
    lines = seen(place, run_id)
    assert lines[-1] == sorted(
        (f"{top}/{path}", text)
        for top in showing.FOLDERS
        for path, text in (("end/it", "over"), ("other/file", "first"))
    )
    # What was asked for is there when the answer comes; how many steps the program sees is its own pace.
    assert all(text in ("first", "second", "over") for line in lines for _, text in line)


def test_nothing_inside_can_write_or_move_what_is_shown(place: Place) -> None:
    source = tree(place, "attacked", file="as it was")
    run_id = place.start(ATTACKS)
    place.wait(run_id, "running")
    assert show(place, run_id, late=source) == ""
    ended = place.wait(run_id)
    assert [line.split()[1] for line in ended.log.splitlines()] == ["refused"] * 8, ended.log
    assert (Path(source) / "file").read_text() == "as it was"


def test_what_a_run_began_with_can_be_replaced_as_root_only(place: Place) -> None:
    begun, later, end = (
        tree(place, "begun", file="begun"),
        tree(place, "later", file="later"),
        tree(place, "over", it="over"),
    )
    mounts = tuple(Mount(source=begun, target=f"{top}/given") for top in showing.FOLDERS)
    run_id = place.start(WATCHES, mounts=mounts)
    place.wait(run_id, "running")
    words = show(place, run_id, given=later)
    if place.is_root:
        assert words == ""
        assert show(place, run_id, given=later, end=end) == ""
    else:
        assert "stays until it ends" in words
        assert show(place, run_id, given=begun, end=end) == ""
    texts = dict(seen(place, run_id)[-1])
    assert texts["/kaggle/input/given/file"] == ("later" if place.is_root else "begun")


@pytest.mark.parametrize(
    "target", ["/notebooks/x", "/datasets", "/datasets/..", "/datasets/a/b", "/opt/env", "/kaggle/x"]
)
def test_nothing_is_shown_anywhere_else(root_place: Place, target: str) -> None:
    source = tree(root_place, f"t{abs(hash(target))}", file="x")
    run_id = root_place.start("import time; time.sleep(60)")
    root_place.wait(run_id, "running")
    assert "no place for an input" in root_place.drive("show", run_id, given=json.dumps({target: source}))


def test_a_folder_that_is_not_there_is_said_and_hurts_nothing(place: Place) -> None:
    end = tree(place, "ends", it="over")
    run_id = place.start(WATCHES)
    place.wait(run_id, "running")
    assert "cannot be shown" in show(place, run_id, gone=str(place.folder / "nowhere"))
    assert show(place, run_id, end=end) == ""
    assert place.wait(run_id).code == 0


def test_an_ended_run_is_shown_nothing(place: Place) -> None:
    run_id = place.start("pass")
    place.wait(run_id)
    assert "does not run" in show(place, run_id, late=tree(place, "never", file="x"))
