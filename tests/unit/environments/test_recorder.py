"""What is written into a notebook while no page is open, and what is left alone."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from unit.environments.inside_modules import load

load("cell_outputs")
load("hidden_outputs")
load("notebook_file")
module = load("recorder")

PATH = "a.ipynb"


def message(request: str, kind: str, **content: Any) -> dict[str, Any]:
    return {"header": {"msg_type": kind}, "parent_header": {"msg_id": request}, "content": content}


class Rig:
    """A recorder with one kernel, `k`, for one notebook with the cells `one` and `two`."""

    def __init__(self, root: Path) -> None:
        self.file = root / PATH
        empty = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
        cells = [{**empty, "id": name, "source": f"old {name}"} for name in ("one", "two")]
        self.file.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}))
        self.saved_at(time.time() - 100)
        self.recorder = module.Recorder(root)
        self.recorder.belongs({"k": PATH})

    def saved_at(self, when: float) -> None:
        os.utime(self.file, (when, when))

    def run(self, cell: str, request: str, code: str = "code") -> None:
        header = {"msg_id": request, "msg_type": "execute_request"}
        self.recorder.requested("k", {"header": header, "metadata": {"cellId": cell}, "content": {"code": code}})
        self.hear(request, "execute_input", execution_count=5)

    def hear(self, request: str, kind: str, **content: Any) -> None:
        self.recorder.heard("k", message(request, kind, **content))

    def cells(self) -> dict[str, dict[str, Any]]:
        return {cell["id"]: cell for cell in json.loads(self.file.read_text())["cells"]}

    def text(self, cell: str) -> str:
        return "".join(output.get("text", "") for output in self.cells()[cell]["outputs"])


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_outputs_so_far_are_written_with_their_count(rig: Rig) -> None:
    rig.run("one", "r1")
    rig.hear("r1", "stream", name="stdout", text="half")
    rig.recorder.write_all()
    assert (rig.text("one"), rig.cells()["one"]["execution_count"]) == ("half", 5)
    rig.hear("r1", "stream", name="stdout", text=" and half")
    rig.hear("r1", "status", execution_state="idle")
    rig.recorder.write_all()
    assert rig.text("one") == "half and half"


def test_code_that_was_run_but_not_saved_is_written_too(rig: Rig) -> None:
    rig.run("one", "r1", code="typed just now")
    rig.run("new", "r2", code="a cell just added")
    rig.recorder.write_all()
    assert rig.cells()["one"]["source"] == "typed just now"
    assert rig.cells()["new"]["source"] == "a cell just added"


def test_what_the_page_saved_later_is_left_as_it_is(rig: Rig) -> None:
    rig.run("one", "r1")
    rig.run("gone", "r2")
    rig.hear("r1", "stream", name="stdout", text="x")
    rig.hear("r1", "status", execution_state="idle")
    rig.saved_at(time.time() + 100)
    before = rig.file.read_text()
    rig.hear("r2", "stream", name="stdout", text="of a cell that was removed")
    rig.recorder.write_all()
    assert json.loads(rig.file.read_text()) == json.loads(before)


def test_nothing_is_written_while_a_page_is_connected(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRACE_SECONDS", -1)
    before = rig.file.read_text()
    rig.recorder.connected("k", 1)
    rig.run("one", "r1")
    rig.hear("r1", "stream", name="stdout", text="x")
    rig.recorder.tick()
    rig.recorder.opening(PATH)
    assert rig.file.read_text() == before
    rig.recorder.connected("k", 0)
    rig.recorder.tick()
    assert rig.file.read_text() == before  # a page is opening
    monkeypatch.setattr(module, "OPENING_SECONDS", -1)
    rig.recorder.tick()
    assert rig.text("one") == "x"


def test_a_short_loss_of_connection_changes_nothing(rig: Rig) -> None:
    before = rig.file.read_text()
    rig.recorder.connected("k", 1)
    rig.run("one", "r1")
    rig.hear("r1", "stream", name="stdout", text="x")
    rig.recorder.connected("k", 0)
    rig.recorder.tick()
    assert rig.file.read_text() == before


def test_a_page_that_opens_gets_the_file_up_to_date_and_what_runs(rig: Rig) -> None:
    rig.run("one", "r1")
    rig.hear("r1", "display_data", data={"text/plain": "d"}, metadata={}, transient={"display_id": "i"})
    rig.run("two", "r2")
    rig.hear("r2", "status", execution_state="idle")
    rig.recorder.opening(PATH)
    assert rig.cells()["one"]["outputs"][0]["data"] == {"text/plain": "d"}
    (state,) = rig.recorder.state(PATH)
    assert (state["request"], state["cell"], state["count"], state["displays"]) == ("r1", "one", 5, {"i": [0]})
    assert rig.recorder.state("other.ipynb") == []


@pytest.mark.parametrize("how", ["ended", "started"])
def test_a_kernel_that_goes_takes_its_cells_along_and_says_so(rig: Rig, how: str) -> None:
    rig.run("one", "r1")
    if how == "ended":
        rig.recorder.ended("k", "The kernel ended.")
    else:
        rig.recorder.heard("k", message("other", "status", execution_state="starting"))
    assert rig.recorder.state(PATH) == []
    rig.recorder.write_all()
    assert rig.text("one").startswith("The kernel ")


def test_running_a_cell_again_forgets_the_first_time(rig: Rig) -> None:
    rig.run("one", "r1")
    rig.hear("r1", "stream", name="stdout", text="first")
    rig.run("one", "r2")
    rig.hear("r1", "stream", name="stdout", text="first still")
    rig.hear("r2", "stream", name="stdout", text="second")
    rig.recorder.write_all()
    assert rig.text("one") == "second"


def test_requests_that_are_no_cells_are_not_recorded(rig: Rig) -> None:
    header = {"msg_id": "r", "msg_type": "execute_request"}
    rig.recorder.requested("k", {"header": header, "metadata": {}, "content": {"code": "x"}})
    rig.recorder.requested(
        "k", {"header": header, "metadata": {"cellId": "one"}, "content": {"code": "x", "silent": True}}
    )
    rig.recorder.requested("k", {"header": header, "metadata": {"cellId": 3}, "content": {}})
    assert rig.recorder.state(PATH) == []


def test_a_file_that_is_gone_or_broken_stays_so(rig: Rig) -> None:
    rig.run("one", "r1")
    rig.file.write_text("{")
    rig.recorder.write_all()
    assert rig.file.read_text() == "{"
    rig.file.unlink()
    rig.recorder.write_all()
    assert not rig.file.exists()


def test_what_is_kept_of_finished_cells_is_bounded(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_FINISHED", 3)
    for n in range(10):
        rig.run(f"c{n}", f"r{n}")
        rig.hear(f"r{n}", "status", execution_state="idle")
    rig.recorder.write_all()
    assert [name for name in rig.cells() if name.startswith("c")] == ["c6", "c7", "c8", "c9"]


def test_a_page_that_follows_is_told_each_thing_once(rig: Rig) -> None:
    rig.run("one", "r1")
    seen = rig.recorder.sequence
    rig.hear("r1", "stream", name="stdout", text="a")
    rig.hear("unknown", "stream", name="stdout", text="of nobody")
    rig.hear("r1", "status", execution_state="idle")
    rig.run("one", "r2")
    events = rig.recorder.events(seen)
    told = [(event.request, event.kind) for event in events]
    assert told == [("r1", "stream"), ("r1", "status"), ("r1", "replaced"), ("r2", "execute_input")]
    assert rig.recorder.events(rig.recorder.sequence) == []
    assert rig.recorder.events(rig.recorder.sequence + 1) is None


def test_a_page_that_falls_too_far_behind_has_to_start_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "JOURNAL_BYTES", 1000)
    rig.run("one", "r1")
    seen = rig.recorder.sequence
    for _ in range(10):
        rig.hear("r1", "stream", name="stdout", text="x" * 200)
    assert rig.recorder.events(seen) is None
    assert len(rig.recorder.events(rig.recorder.sequence - 2)) == 2


def test_a_kernel_that_goes_is_told_to_pages(rig: Rig) -> None:
    rig.run("one", "r1")
    seen = rig.recorder.sequence
    rig.recorder.ended("k", "Gone.")
    assert [(e.kind, e.content.get("text")) for e in rig.recorder.events(seen)] == [
        ("stream", "Gone.\n"),
        ("status", None),
    ]
