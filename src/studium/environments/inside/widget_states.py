"""What the widgets of a run show, kept in the notebook as JupyterLab keeps it, so that pages draw them with no kernel."""

import base64
import json
from typing import Any

from cell_outputs import NotebookOutputs

STATE = "application/vnd.jupyter.widget-state+json"
LIMIT = 10 * 1024**2

Json = dict[str, Any]


class Model:
    """One widget's state. Sizes are kept by key: one that counts to a million must not be measured whole each time."""

    def __init__(self) -> None:
        self.state: Json = {}
        self.buffers: dict[tuple[Any, ...], Json] = {}
        self._sizes: dict[Any, int] = {}

    def update(self, state: Json, buffers: list[tuple[list[Any], Any]]) -> None:
        """Take what has changed. What a key held in buffers before is gone with its old value."""
        for key, value in state.items():
            for path in [path for path in self.buffers if path[0] == key]:
                del self.buffers[path], self._sizes[path]
            self.state[key] = value
            self._sizes[key] = len(json.dumps(value))
        for each, content in buffers:
            path, data = tuple(each), base64.b64encode(content).decode()
            self.buffers[path] = {"path": each, "encoding": "base64", "data": data}
            self._sizes[path] = len(data)

    def size(self) -> int:
        return sum(self._sizes.values())

    def saved(self) -> Json:
        names = {key: self.state.get(f"_{key}") for key in ("model_name", "model_module", "model_module_version")}
        buffers = {"buffers": list(self.buffers.values())} if self.buffers else {}
        return {**names, "state": self.state, **buffers}


class WidgetStates:
    """The models of a notebook by id. They take their room from that of its outputs, and not more than `limit` of it.

    One that does not fit is left out, and its view says that it was not saved.
    """

    def __init__(self, outputs: NotebookOutputs, limit: int = LIMIT) -> None:
        self._outputs, self._left = outputs, limit
        self._models: dict[str, Model] = {}

    def handle(self, message: Json) -> None:
        """Take one message of the iopub channel; those that are not of widgets change nothing."""
        kind, content = message["header"]["msg_type"], message["content"]
        model = str(content.get("comm_id"))
        if kind == "comm_open" and content.get("target_name") == "jupyter.widget":
            if model in self._models:
                self._drop(model)
            self._models[model] = Model()
            self._update(model, message)
        elif kind == "comm_msg" and model in self._models:
            self._update(model, message)
        elif kind == "comm_close" and model in self._models:
            self._drop(model)

    def _update(self, name: str, message: Json) -> None:
        data = message["content"].get("data") or {}
        state, paths = data.get("state"), data.get("buffer_paths") or []
        if not isinstance(state, dict) or data.get("method", "update") != "update":
            return
        model = self._models[name]
        before = model.size()
        model.update(state, [pair for pair in zip(paths, message.get("buffers") or [], strict=False) if pair[0]])
        self._take(model.size() - before)
        if min(self._left, self._outputs.left) < 0:
            self._drop(name)

    def _drop(self, name: str) -> None:
        self._take(-self._models.pop(name).size())

    def _take(self, size: int) -> None:
        self._left -= size
        self._outputs.left -= size

    def put_in(self, metadata: Json) -> None:
        """Make the notebook's metadata hold these and no others: those of an earlier run are of no view any more."""
        kept = metadata.pop("widgets", None)
        others = {kind: each for kind, each in kept.items() if kind != STATE} if isinstance(kept, dict) else {}
        if models := {name: model.saved() for name, model in self._models.items() if "_model_name" in model.state}:
            others[STATE] = {"state": models, "version_major": 2, "version_minor": 0}
        if others:
            metadata["widgets"] = others
