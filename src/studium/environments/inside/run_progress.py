"""What an executed notebook tells of itself: `progress.json`, and the failures it names. Used by execute_notebook.py only."""

import json
import sys
import time
from pathlib import Path
from typing import Any

from notebook_file import write_whole

# While a cell runs, how often progress is told.
PROGRESS_SECONDS = 2.0

Json = dict[str, Any]


class Failed(Exception):
    """A failure with the exit code of the run that it ends.

    `final`: nothing more can be run after it. `raised`: the cell's own code raised it, which a tag may have announced.
    `stopped`: somebody asked for it.
    """

    def __init__(
        self,
        code: int,
        name: str,
        message: str,
        cell: int | None = None,
        *,
        final: bool = True,
        raised: bool = False,
        stopped: bool = False,
    ) -> None:
        super().__init__(message)
        self.code, self.name, self.message, self.cell = code, name, message, cell
        self.final, self.raised, self.stopped = final, raised, stopped

    @property
    def words(self) -> str:
        """`ValueError in cell 3: no such column`"""
        place = f" in cell {self.cell}" if self.cell else ""
        return f"{self.name}{place}: {self.message}"


class Progress:
    """What `progress.json` says; written whole each time.

    `error` is what ended the run, or the first of `failed_cells` in one that went on to its last cell (`through`).
    """

    def __init__(self, path: Path, notebook: Json) -> None:
        self._path = path
        self._started = time.monotonic()
        self._written = 0.0
        code = sum(1 for cell in notebook["cells"] if cell.get("cell_type") == "code")
        self.facts: Json = {
            "cell": 0,
            "of": len(notebook["cells"]),
            "code_cell": 0,
            "code_cells": code,
            "failed_cells": 0,
            "state": "running",
            "error": None,
        }

    def write(self, **facts: Any) -> None:
        self.facts.update(facts)
        self._written = time.monotonic()
        self.facts["elapsed"] = round(self._written - self._started, 3)
        try:
            write_whole(self._path, json.dumps(self.facts, ensure_ascii=False).encode("utf-8", "replace"))
        except OSError as error:
            print(f"Progress cannot be written: {error.strerror}", file=sys.stderr)

    def note(self, failure: Failed) -> None:
        """A cell has failed and the run goes on."""
        self.write(failed_cells=self.facts["failed_cells"] + 1, error=self.facts["error"] or _error(failure))

    def failed(self, failure: Failed) -> None:
        """The run ends with this failure, which is then the one to tell."""
        count = self.facts["failed_cells"] + (failure.cell is not None and not failure.stopped)
        self.write(state="failed", failed_cells=count, error=_error(failure))

    def tick(self) -> None:
        if time.monotonic() - self._written >= PROGRESS_SECONDS:
            self.write()


def _error(failure: Failed) -> Json:
    # Bounded, because whoever reads the progress reads a few KiB of it.
    return {"cell": failure.cell, "name": failure.name[:100], "message": failure.message[:700]}
