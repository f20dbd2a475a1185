"""What changed between two notebooks, cell by cell."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studium.notebooks.versions.comparing import CompareError, compare, compare_page, pairs, rows_of

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def cell(source: str, name: str = "", *outputs: dict[str, Any], kind: str = "code") -> dict[str, Any]:
    made: dict[str, Any] = {"cell_type": kind, "id": name or source[:6] or "empty", "metadata": {}, "source": source}
    return made | {"outputs": list(outputs), "execution_count": None} if kind == "code" else made


def stream(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def picture(data: str) -> dict[str, Any]:
    return {"output_type": "display_data", "data": {"image/png": data}, "metadata": {}}


def notebook(*cells: dict[str, Any]) -> bytes:
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)}).encode()


def changes(left: bytes, right: bytes) -> list[tuple[str, int | None, int | None, str]]:
    found = compare(left, right)
    assert sum(found["counts"][c] for c in ("same", "changed", "added", "removed", "moved")) == len(found["cells"])
    return [(c["change"], c["left"], c["right"], c["outputs"]) for c in found["cells"]]


def test_cells_that_were_added_removed_moved_and_changed() -> None:
    left = notebook(cell("a = 1", "a"), cell("b = 2", "b"), cell("gone()", "g"), cell("c = 3\nd = 4", "c"))
    right = notebook(
        cell("b = 2", "b"), cell("a = 1", "a"), cell("# New", "n", kind="markdown"), cell("c = 3\nd = 5", "c")
    )
    rest = [("removed", 2, None, "none"), ("added", None, 2, "none"), ("changed", 3, 3, "none")]
    found = changes(left, right)
    assert found[2:] == rest
    assert sorted(change for change, *_ in found[:2]) == ["moved", "same"]
    assert compare(left, right)["cells"][-1]["source"] == [[" ", "c = 3"], ["-", "d = 4"], ["+", "d = 5"]]


def test_cells_without_common_ids_are_matched_by_their_text() -> None:
    left = notebook(cell("import numpy as np", "x1"), cell("total = np.sum(values)\nprint(total)", "x2"))
    right = notebook(cell("import numpy as np", "y1"), cell("total = np.sum(numbers)\nprint(total)", "y2"))
    assert changes(left, right) == [("same", 0, 0, "none"), ("changed", 1, 1, "none")]
    assert changes(left, notebook(cell("wholly = 'different text'", "z"))) == [
        ("removed", 0, None, "none"), ("removed", 1, None, "none"), ("added", None, 0, "none"),
    ]  # fmt: skip


def test_outputs_are_compared_without_the_count_of_the_kernel() -> None:
    result = {"output_type": "execute_result", "data": {"text/plain": "1"}, "metadata": {}}
    left = notebook(
        cell("a", "a", {**result, "execution_count": 1}),
        cell("b", "b", stream("x")),
        cell("c", "c", stream("x")),
        cell("d", "d"),
    )
    right = notebook(
        cell("a", "a", {**result, "execution_count": 7}),
        cell("b", "b", stream("y")),
        cell("c", "c"),
        cell("d", "d", stream("z")),
    )
    assert [o for *_, o in changes(left, right)] == ["same", "changed", "removed", "added"]


def test_the_page_shows_sources_escaped_and_outputs_side_by_side() -> None:
    left = notebook(cell("plot('<b>')", "p", picture(PNG)), cell("same", "s"))
    right = notebook(cell("plot('<i>')", "p", picture(PNG), stream("<script>alert(1)</script>")), cell("same", "s"))
    page = compare_page(left, right).decode()
    assert page.count("data:image/png;base64") == 2
    assert '<span class="minus">plot(&#x27;&lt;b&gt;&#x27;)</span>' in page
    assert "<script" not in page
    assert "1 unchanged cell<" in page
    assert "No cell differs; 2 the same" in compare_page(left, left).decode()


def test_what_cannot_be_compared_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert b"Not a notebook" in compare_page(b"{", notebook())
    with pytest.raises(CompareError):
        compare(b"{", notebook())


def with_slider(value: int, run: str, *, saved: bool = True) -> bytes:
    """A slider in a box, as ipywidgets keeps them: each run has its own names for the models."""

    def model(name: str, **state: Any) -> dict[str, Any]:
        return {"model_name": f"{name}Model", "model_module": "@jupyter-widgets/controls", "state": state}

    models = {
        f"{run}-box": model("HBox", children=[f"IPY_MODEL_{run}-slider"], layout=f"IPY_MODEL_{run}-layout"),
        f"{run}-slider": model("IntSlider", value=value, layout=f"IPY_MODEL_{run}-layout", _view_count=len(run)),
        f"{run}-layout": model("Layout", width="80%"),
        f"{run}-other": model("Text", value=run),  # of no cell
    }
    kept = {"version_major": 2, "version_minor": 0, "state": models if saved else {}}
    view = {"model_id": f"{run}-box", "version_major": 2, "version_minor": 0}
    data = {"application/vnd.jupyter.widget-view+json": view, "text/plain": "HBox(...)"}
    document = json.loads(notebook(cell("box", "b", {"output_type": "display_data", "data": data, "metadata": {}})))
    document["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": kept}
    return json.dumps(document).encode()


def test_widgets_are_compared_by_what_is_drawn_of_them() -> None:
    first = with_slider(3, "one")
    assert changes(first, with_slider(3, "another")) == [("same", 0, 0, "same")]
    assert changes(first, with_slider(4, "another")) == [("changed", 0, 0, "changed")]
    assert changes(first, with_slider(3, "another", saved=False)) == [("changed", 0, 0, "changed")]
    assert b"; 1 the same" in compare_page(first, with_slider(3, "another"))


@pytest.mark.parametrize("view", [None, [], "a", {}, {"model_id": ["x"]}, {"model_id": "one-circle"}])
def test_widgets_that_are_none_are_compared_all_the_same(view: object) -> None:
    document = json.loads(with_slider(3, "one"))
    state = document["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    state["one-circle"] = {"state": {"children": ["IPY_MODEL_one-circle"]}, "buffers": "IPY_MODEL_gone"}
    document["cells"][0]["outputs"][0]["data"]["application/vnd.jupyter.widget-view+json"] = view
    data = json.dumps(document).encode()
    assert changes(data, data) == [("same", 0, 0, "same")]
    assert changes(data, with_slider(3, "one")) == [("changed", 0, 0, "changed")]


sources = st.lists(st.sampled_from(["a", "b\nc", "# d", "", "e = 1"]), max_size=8)


@given(sources, sources)
def test_every_cell_stands_there_once(left: list[str], right: list[str]) -> None:
    one = [cell(source, f"l{n}") for n, source in enumerate(left)]
    other = [cell(source, f"{'l' if n % 2 else 'r'}{n}") for n, source in enumerate(right)]
    found = pairs(one, other)
    assert sorted(p.left for p in found if p.left is not None) == list(range(len(one)))
    assert sorted(p.right for p in found if p.right is not None) == list(range(len(other)))
    rows = rows_of({"metadata": {}, "cells": one}, {"metadata": {}, "cells": other})
    assert [(each["left"], each["right"]) for each in rows] == [(p.left, p.right) for p in found]
