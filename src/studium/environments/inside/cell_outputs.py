"""Turns a kernel's messages into the outputs of a notebook's cells, as a browser would have recorded them.

Consecutive text of one stream is one output, carriage returns overwrite their line, `clear_output` clears (at once or
with the next output), updated displays change wherever they are shown. Both a cell and the whole notebook have a bound;
where it is reached the reader is told so in the cell.
"""

import json
from typing import Any

CELL_LIMIT = 10 * 1024**2
NOTEBOOK_LIMIT = 64 * 1024**2

Json = dict[str, Any]


class Stream:
    """Text of stdout or stderr. All but the last line is settled; only the last can still be overwritten."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._settled: list[str] = []
        # The unfinished line in pieces: one that grows dot by dot must not be copied for each of them.
        self._open: list[str] = []

    def write(self, text: str) -> None:
        if "\n" not in text and "\r" not in text and not (self._open and self._open[-1].endswith("\r")):
            self._open.append(text)
            return
        head, newline, last = ("".join(self._open) + text).rpartition("\n")
        if newline:
            lines = [overwritten(line.removesuffix("\r")) for line in head.split("\n")]
            self._settled.append("\n".join(lines) + "\n")
        # A return at the very end may still be followed by anything, so it is kept.
        returns = "\r" if last.endswith("\r") else ""
        line = overwritten(last.rstrip("\r")) + returns
        self._open = [line] if line else []

    def as_output(self) -> Json:
        if len(self._settled) > 1:
            self._settled = ["".join(self._settled)]
        self._open = ["".join(self._open)] if self._open else []
        return {"output_type": "stream", "name": self.name, "text": "".join(self._settled + self._open)}


def overwritten(line: str) -> str:
    """What a terminal shows of a line with carriage returns in it."""
    shown = ""
    for part in line.split("\r"):
        shown = part + shown[len(part) :]
    return shown


class NotebookOutputs:
    """The outputs of one notebook's cells while they run."""

    def __init__(self, cell_limit: int = CELL_LIMIT, notebook_limit: int = NOTEBOOK_LIMIT) -> None:
        self.cell_limit = cell_limit
        self.left = notebook_limit
        # Display ids to where they are shown: the cell and its output.
        self.displays: dict[str, list[tuple[CellOutputs, Json]]] = {}

    def update(self, content: Json) -> None:
        """Change every output that shows this display."""
        for cell, output in self.displays.get(_display_id(content), ()):
            cell.replace(output, content)

    def shown(self, display_id: str, cell: "CellOutputs", output: Json) -> None:
        if display_id:
            self.displays.setdefault(display_id, []).append((cell, output))

    def cleared(self, cell: "CellOutputs") -> None:
        """What the cell showed is shown no more."""
        for display, shown in list(self.displays.items()):
            kept = [each for each in shown if each[0] is not cell]
            if not kept:
                del self.displays[display]
            elif len(kept) < len(shown):
                self.displays[display] = kept


class CellOutputs:
    """The outputs of one cell. `changed` is set by every message that altered them, and reset by whoever saves."""

    def __init__(self, notebook: NotebookOutputs) -> None:
        self._notebook = notebook
        self._outputs: list[Stream | Json] = []
        self._clear_next = False
        self._left = min(notebook.cell_limit, notebook.left)
        self._used = 0
        self._cut = False
        self.changed = False

    def handle(self, message: Json) -> None:
        """Take one message of the iopub channel; those that are no output change nothing."""
        kind, content = message["header"]["msg_type"], message["content"]
        if kind == "clear_output":
            self._clear(wait=bool(content.get("wait")))
        elif kind == "update_display_data":
            self._notebook.update(content)
            self.changed = True
        elif kind == "stream":
            self._stream(content.get("name", "stdout"), content.get("text", ""))
        elif kind in ("display_data", "execute_result", "error"):
            self._add(kind, content)

    def note(self, text: str) -> None:
        """A line of ours, shown as the cell's last words."""
        stream = Stream("stderr")
        stream.write(text + "\n")
        self._outputs.append(stream)
        self.changed = True

    def displays(self) -> dict[str, list[int]]:
        """Where in this cell each updatable display is shown: display ids to places in the list."""
        found: dict[str, list[int]] = {}
        for display, shown in self._notebook.displays.items():
            mine = [output for cell, output in shown if cell is self]
            if places := [n for n, output in enumerate(self._outputs) if any(output is each for each in mine)]:
                found[display] = places
        return found

    def replace(self, output: Json, content: Json) -> None:
        """Show something else in a display of this cell, within the same bounds."""
        data, metadata = content.get("data", {}), content.get("metadata", {})
        more = output_size({"data": data}) - output_size(output)
        if more > self._left:
            data, metadata = {"text/plain": self._cut_words()}, {}
            more = output_size({"data": data}) - output_size(output)
        self._take(more)
        output["data"], output["metadata"] = data, metadata

    def as_list(self) -> list[Json]:
        return [each.as_output() if isinstance(each, Stream) else each for each in self._outputs]

    def _clear(self, *, wait: bool) -> None:
        if wait:
            self._clear_next = True
        else:
            self._outputs.clear()
            self._clear_next = self._cut = False
            self._notebook.left += self._used
            self._left, self._used = min(self._notebook.cell_limit, self._notebook.left), 0
            self._notebook.cleared(self)
            self.changed = True

    def _room_for(self, size: int) -> bool:
        """Whether this much more may be kept."""
        if self._clear_next:
            self._clear(wait=False)
        if size > self._left:
            return False
        self._take(size)
        return True

    def _take(self, size: int) -> None:
        self._left -= size
        self._used += size
        self._notebook.left -= size

    def _cut_here(self) -> None:
        """Say in the cell, once, that it goes on no further."""
        self._left = 0
        if not self._cut:
            self._cut = True
            self.note(f"\n{self._cut_words()}")

    def _cut_words(self) -> str:
        most = f"{self._notebook.cell_limit / 1024**2:g} MiB"
        return f"[Output cut here: a cell keeps at most {most}, and the notebook has a bound of its own.]"

    def _stream(self, name: str, text: str) -> None:
        fits = self._room_for(len(text))
        if not fits:
            text = text[: max(0, self._left)]
            self._take(len(text))
        if text:
            self._write(name, text)
        if not fits:
            self._cut_here()

    def _write(self, name: str, text: str) -> None:
        last = self._outputs[-1] if self._outputs else None
        if not isinstance(last, Stream) or last.name != name:
            last = Stream(name)
            self._outputs.append(last)
        last.write(text)
        self.changed = True

    def _add(self, kind: str, content: Json) -> None:
        output: Json = {"output_type": kind}
        if kind == "error":
            output |= {key: content.get(key, "") for key in ("ename", "evalue")}
            output["traceback"] = content.get("traceback", [])
        else:
            output |= {"data": content.get("data", {}), "metadata": content.get("metadata", {})}
        if kind == "execute_result":
            output["execution_count"] = content.get("execution_count")
        # Why a cell failed is kept in any case.
        if self._room_for(output_size(output)) or kind == "error":
            self._outputs.append(output)
            self._notebook.shown(_display_id(content), self, output)
            self.changed = True
        else:
            self._cut_here()


def _display_id(content: Json) -> str:
    return str((content.get("transient") or {}).get("display_id") or "")


def output_size(output: Json) -> int:
    """About how many characters an output, or a message's content, takes."""
    data = output.get("data")
    if isinstance(data, dict):
        return sum(len(v) if isinstance(v, str) else len(json.dumps(v)) for v in data.values())
    return len(json.dumps(output))
