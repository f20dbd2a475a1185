"""From a kernel's messages to the saved state of widgets. The code under test runs inside sandboxes."""

from typing import Any

import pytest

from studium.notebooks.render import widgets
from unit.environments.inside_modules import load

outputs_module = load("cell_outputs")
module = load("widget_states")


@pytest.fixture
def outputs() -> Any:
    return outputs_module.NotebookOutputs()


@pytest.fixture
def states(outputs: Any) -> Any:
    return module.WidgetStates(outputs, limit=1000)


def told(states: Any, kind: str, model: str, buffers: tuple[bytes, ...] = (), **content: Any) -> None:
    states.handle({"header": {"msg_type": kind}, "content": {"comm_id": model, **content}, "buffers": buffers})


def opened(states: Any, model: str, target: str = "jupyter.widget", **state: Any) -> None:
    state |= {"_model_name": "IntSliderModel", "_model_module": "@jupyter-widgets/controls"}
    told(states, "comm_open", model, target_name=target, data={"state": state})


def saved(states: Any, metadata: dict[str, Any] | None = None) -> dict[str, Any]:
    metadata = {} if metadata is None else metadata
    states.put_in(metadata)
    return widgets.saved_state(metadata)


def test_the_last_state_is_saved(states: Any) -> None:
    opened(states, "a", value=1, description="x")
    told(states, "comm_msg", "a", data={"method": "update", "state": {"value": 7}})
    told(states, "comm_msg", "a", data={"method": "echo_update", "state": {"value": 8}})
    told(states, "comm_msg", "a", data={"method": "custom", "content": {}})
    model = saved(states)["a"]
    assert (model["model_name"], model["state"]["value"], model["state"]["description"]) == ("IntSliderModel", 7, "x")


def test_buffers_are_saved_until_their_value_is_another(states: Any) -> None:
    opened(states, "a")
    for content in (b"old", b"new"):
        told(states, "comm_msg", "a", (content,), data={"method": "update", "state": {}, "buffer_paths": [["value"]]})
    assert saved(states)["a"]["buffers"] == [{"path": ["value"], "encoding": "base64", "data": "bmV3"}]
    told(states, "comm_msg", "a", data={"method": "update", "state": {"value": "text"}})
    assert "buffers" not in saved(states)["a"]


def test_what_was_closed_or_is_no_widget_is_not_saved(states: Any) -> None:
    opened(states, "closed")
    opened(states, "other", target="my.own")
    told(states, "comm_msg", "other", data={"method": "update", "state": {"_model_name": "X"}})
    told(states, "comm_close", "closed", data={})
    told(states, "comm_close", "never", data={})
    metadata: dict[str, Any] = {}
    assert saved(states, metadata) == {}
    assert metadata == {}


def test_those_of_an_earlier_run_are_not_kept(states: Any) -> None:
    opened(states, "new")
    metadata = {"widgets": {module.STATE: {"state": {"old": {}}}, "other/kind": 1}}
    assert list(saved(states, metadata)) == ["new"]
    told(states, "comm_close", "new", data={})
    assert saved(states, metadata) == {}
    assert metadata == {"widgets": {"other/kind": 1}}


def test_what_does_not_fit_is_left_out_and_gives_its_room_back(states: Any, outputs: Any) -> None:
    before = outputs.left
    opened(states, "small")
    taken = before - outputs.left
    opened(states, "large", value="x" * 2000)
    told(states, "comm_msg", "large", data={"method": "update", "state": {"value": "y"}})
    assert list(saved(states)) == ["small"]
    assert before - outputs.left == taken
    for n in range(1000):
        told(states, "comm_msg", "small", data={"method": "update", "state": {"value": n}})
    assert saved(states)["small"]["state"]["value"] == 999


def test_a_notebook_that_is_full_saves_no_more(states: Any, outputs: Any) -> None:
    outputs.left = 10
    opened(states, "a")
    assert saved(states) == {}
    assert outputs.left == 10


def test_messages_that_make_no_sense_are_left_out(states: Any, outputs: Any) -> None:
    opened(states, "a", value=1)
    left = outputs.left
    opened(states, "a", value=2)
    assert outputs.left == left
    for data in ({"state": []}, {"method": "update"}, {"state": {}, "buffer_paths": [[]]}, None):
        told(states, "comm_msg", "a", (b"x",), data=data)
    told(states, "comm_msg", "a", data={"method": "update", "state": {"value": 3}})
    assert saved(states)["a"]["state"]["value"] == 3
