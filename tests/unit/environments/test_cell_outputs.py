"""From a kernel's messages to a cell's outputs. The code under test runs inside sandboxes, so it is loaded by its path."""

import time
from typing import Any

import pytest

from unit.environments.inside_modules import load

module = load("cell_outputs")


@pytest.fixture
def notebook() -> Any:
    return module.NotebookOutputs(cell_limit=1000, notebook_limit=2500)


def message(kind: str, **content: Any) -> dict[str, Any]:
    return {"header": {"msg_type": kind}, "content": content}


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return message("stream", name=name, text=text)


def display(text: str, display_id: str = "", kind: str = "display_data") -> dict[str, Any]:
    return message(
        kind, data={"text/plain": text}, metadata={}, transient={"display_id": display_id} if display_id else {}
    )


def outputs_of(notebook: Any, *messages: dict[str, Any]) -> list[dict[str, Any]]:
    cell = module.CellOutputs(notebook)
    for each in messages:
        cell.handle(each)
    found: list[dict[str, Any]] = cell.as_list()
    return found


def test_text_of_one_stream_is_one_output(notebook: Any) -> None:
    found = outputs_of(notebook, stream("a"), stream("b\n"), stream("!", "stderr"), stream("c"))
    assert [(o["name"], o["text"]) for o in found] == [("stdout", "ab\n"), ("stderr", "!"), ("stdout", "c")]


def test_a_progress_bar_leaves_its_last_state(notebook: Any) -> None:
    found = outputs_of(notebook, stream("start\n"), stream("\r 10%"), stream("\r 50%\r"), stream("100%\r\nend"))
    assert [o["text"] for o in found] == ["start\n100%\nend"]


def test_a_line_that_grows_dot_by_dot_takes_no_longer_the_longer_it_is() -> None:
    cell = module.CellOutputs(module.NotebookOutputs())
    begun = time.process_time()
    for _ in range(300_000):
        cell.handle(stream("."))
    cell.handle(stream("\rab"))
    cell.handle(stream("c\r"))
    cell.handle(stream("X"))
    assert time.process_time() - begun < 5
    assert cell.as_list()[0]["text"] == "Xb" + "." * 299_998 + "c"


def test_a_shorter_text_overwrites_only_its_own_length(notebook: Any) -> None:
    assert outputs_of(notebook, stream("abcdef\rxy"))[0]["text"] == "xycdef"


def test_clear_output_at_once_and_with_the_next(notebook: Any) -> None:
    assert outputs_of(notebook, stream("a"), message("clear_output", wait=False)) == []
    assert outputs_of(notebook, stream("a"), message("clear_output", wait=True))[0]["text"] == "a"
    assert outputs_of(notebook, stream("a"), message("clear_output", wait=True), stream("b"))[0]["text"] == "b"


def test_an_updated_display_changes_where_it_is_shown_in_every_cell(notebook: Any) -> None:
    first, second = module.CellOutputs(notebook), module.CellOutputs(notebook)
    first.handle(display("old", "d1"))
    second.handle(display("old", "d1"))
    second.handle(display("other", "d2"))
    second.handle(display("new", "d1", "update_display_data"))
    assert [o["data"]["text/plain"] for o in first.as_list() + second.as_list()] == ["new", "new", "other"]


def test_a_cell_is_cut_where_its_room_ends_and_says_so_once(notebook: Any) -> None:
    found = outputs_of(notebook, stream("x" * 600), stream("y" * 600), stream("z"), display("more"))
    assert found[0]["text"] == "x" * 600 + "y" * 400
    assert [o["output_type"] for o in found] == ["stream", "stream"]
    assert "Output cut here" in found[1]["text"]


def test_why_a_cell_failed_is_kept_even_then(notebook: Any) -> None:
    error = message("error", ename="E", evalue="v", traceback=["t"])
    assert outputs_of(notebook, stream("x" * 1100), error)[-1]["output_type"] == "error"


def test_clearing_gives_the_room_back(notebook: Any) -> None:
    messages = [m for _ in range(50) for m in (message("clear_output", wait=True), stream("x" * 900))]
    assert outputs_of(notebook, *messages)[0]["text"] == "x" * 900
    assert notebook.left == 1600


def test_the_notebook_has_a_bound_of_its_own(notebook: Any) -> None:
    sizes = [len(outputs_of(notebook, stream("x" * 990))[0]["text"]) for _ in range(3)]
    assert sizes == [990, 990, 520]


def test_where_updatable_displays_are_shown(notebook: Any) -> None:
    cell = module.CellOutputs(notebook)
    for each in (stream("x"), display("a", "d1"), display("b"), display("c", "d1"), display("d", "d2")):
        cell.handle(each)
    assert cell.displays() == {"d1": [1, 3], "d2": [4]}


def test_an_updated_display_stays_within_the_bounds_and_says_so(notebook: Any) -> None:
    cell = module.CellOutputs(notebook)
    cell.handle(display("small", "d1"))
    cell.handle(display("x" * 900, "d1", "update_display_data"))
    assert cell.as_list()[0]["data"]["text/plain"] == "x" * 900
    cell.handle(display("y" * 1100, "d1", "update_display_data"))
    assert "Output cut here" in cell.as_list()[0]["data"]["text/plain"]
    cell.handle(display("end", "d1", "update_display_data"))
    assert (cell.as_list()[0]["data"]["text/plain"], notebook.left) == ("end", 2497)


def test_a_display_that_was_cleared_is_updated_no_more(notebook: Any) -> None:
    cell = module.CellOutputs(notebook)
    for each in (
        display("old", "d1"),
        message("clear_output", wait=False),
        display("new", "d1", "update_display_data"),
    ):
        cell.handle(each)
    assert (cell.as_list(), notebook.left) == ([], 2500)


def test_order_is_kept_between_text_and_displays(notebook: Any) -> None:
    found = outputs_of(notebook, stream("a"), display("b"), stream("c"), display("d", kind="execute_result"))
    assert [o.get("text") or o["data"]["text/plain"] for o in found] == ["a", "b", "c", "d"]
