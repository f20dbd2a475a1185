"""Whether a run is at work: a busy kernel, a terminal command in front, the processor or an accelerator in use.

Open pages, polling and autosave are none of it. Each sign is measured on its own; the first that holds is told.
"""

import json
from typing import Any

# Half a minute's average that an idle JupyterLab with an open page stays below.
CORES_FLOOR = 0.1
ACCELERATOR_FLOOR = 0.05


class Activity:
    def __init__(self) -> None:
        self._kernels_busy = False
        self._last: float | None = None

    def note_kernels(self, body: bytes) -> None:
        """The answer of the service's list of kernels; hostile, so anything odd counts as idle."""
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            return
        kernels = found if isinstance(found, list) else []
        self._kernels_busy = any(isinstance(k, dict) and _works(k) for k in kernels)

    def judge(self, now: float, *, terminal: bool, cores: float, accelerators: list[dict[str, Any]]) -> dict[str, Any]:
        """The fields of `Activity` at `now` (Unix seconds)."""
        what = ""
        if self._kernels_busy:
            what = "a kernel is busy"
        elif terminal:
            what = "a terminal command is running"
        elif any((device["utilisation"] or 0) > ACCELERATOR_FLOOR for device in accelerators):
            what = "an accelerator is in use"
        elif cores > CORES_FLOOR:
            what = "the CPU is in use"
        if what:
            self._last = now
        return {"busy": bool(what), "what": what, "last_busy_at": self._last}


def _works(kernel: dict[str, Any]) -> bool:
    """A kernel in `input()` is busy to Jupyter; it waits for a person, who may have left."""
    return kernel.get("execution_state") == "busy" and not kernel.get("waits_for_input")


def kernels_path(service_path: str) -> str:
    """Where a Jupyter service lists its kernels, given the path that tells that it is ready (`/base/api...`)."""
    path = service_path.split("?", 1)[0]
    base = path[: path.index("/api")] if "/api" in path else path.rstrip("/")
    return f"{base}/api/kernels"
