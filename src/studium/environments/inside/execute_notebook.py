"""Executes a notebook from its first cell to its last and saves it after each. The command of every batch run.

What cells print goes to standard output as it comes, so it is the run's log. Exit code 0; 1 an error in a cell; 2 no
notebook; 3 no such kernel, or it died; 143 stopped. `progress.json` in the run's folder says where it is.
"""

import argparse
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import kernel_specs
import surroundings
import warm_kernel
from cell_outputs import CellOutputs, NotebookOutputs
from notebook_file import NotANotebook, read, save, source
from run_progress import Failed, Progress
from widget_states import WidgetStates

EXIT_ERROR, EXIT_BAD_INPUT, EXIT_KERNEL, EXIT_STOPPED = 1, 2, 3, 143
# While a cell runs, how often its outputs so far are saved.
SAVE_SECONDS = 10.0
# How long a cell that has had its time may take to react to the interrupt, cleaning up included.
INTERRUPT_SECONDS = 5.0
# How long what it had printed before is taken after that; what comes even later is left out.
DRAIN_SECONDS = 60.0

Json = dict[str, Any]


class Stopping:
    """Whether the platform has asked this run to end. Looked at between messages, so nothing is cut in the middle."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: object) -> None:
        self.asked = True


def _asked(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="execute_notebook.py", allow_abbrev=False)
    parser.add_argument("notebook")
    parser.add_argument("--cell-seconds", type=float, help="the longest that one cell may take")
    parser.add_argument("--keep-going", action="store_true", help="run the cells after one that failed")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    asked = _asked(arguments)
    stopping = Stopping()
    surroundings.prepare()
    os.environ[surroundings.CELLS_LOGGED] = "1"
    path = surroundings.WORKSPACE / asked.notebook.lstrip("/")
    try:
        notebook = read(path)
    except NotANotebook as error:
        print(error, file=sys.stderr)
        return EXIT_BAD_INPUT
    warm_kernel.start(path)
    kernel_specs.install()
    progress = Progress(surroundings.RUN_FOLDER / "progress.json", notebook)
    progress.write()
    try:
        _execute(path, notebook, progress, stopping, asked)
    except Failed as failure:
        progress.failed(failure)
        print(f"\n{failure.words}", file=sys.stderr)
        return failure.code
    return _through(progress)


def _through(progress: Progress) -> int:
    """Every cell had its turn."""
    place = {"cell": progress.facts["of"], "code_cell": progress.facts["code_cells"]}
    if not progress.facts["failed_cells"]:
        progress.write(state="done", **place)
        return 0
    progress.write(state="failed", through=True, **place)
    count = progress.facts["failed_cells"]
    print(f"\n{count} cell{'s' if count > 1 else ''} failed; the others were run.", file=sys.stderr)
    return EXIT_ERROR


def _execute(path: Path, notebook: Json, progress: Progress, stopping: Stopping, asked: argparse.Namespace) -> None:
    # Jupyter is imported here so that the kernel, started already, comes up meanwhile.
    from running_kernel import KernelGone, NoSuchKernel, RunningKernel

    cells = notebook["cells"]
    for cell in cells:
        if cell.get("cell_type") == "code":
            cell["outputs"], cell["execution_count"] = [], None
    wanted = warm_kernel.wanted_kernel(path) or warm_kernel.NAME
    try:
        kernel = RunningKernel(wanted, cwd=path.parent, metadata=notebook["metadata"])
    except NoSuchKernel as error:
        raise Failed(EXIT_KERNEL, "NoSuchKernel", str(error)) from None
    except KernelGone as error:
        raise Failed(EXIT_KERNEL, "KernelDied", str(error)) from None
    if kernel.name != wanted:
        print(
            f"There is no kernel named {wanted!r} here; {kernel.name!r}, for the same language, runs it.",
            file=sys.stderr,
        )
    run = NotebookRun(path, notebook, kernel, progress, stopping, asked)
    try:
        _note_language(notebook["metadata"], kernel)
        for index, cell in enumerate(cells):
            if cell.get("cell_type") == "code":
                run.code_cell(index, cell)
        run.save()
    finally:
        kernel.shut_down()


def _note_language(metadata: Json, kernel: Any) -> None:
    """What the kernel says of its language, unless the notebook names another one that this kernel runs."""
    told, named = kernel.language_info, metadata.get("language_info")
    name = named.get("name") if isinstance(named, dict) else None
    if name == told.get("name") or name not in kernel.languages:
        metadata["language_info"] = told


class NotebookRun:
    """One notebook on its way through its cells."""

    def __init__(
        self,
        path: Path,
        notebook: Json,
        kernel: Any,
        progress: Progress,
        stopping: Stopping,
        asked: argparse.Namespace,
    ) -> None:
        self._path, self._notebook, self._kernel = path, notebook, kernel
        self._progress, self._stopping, self._asked = progress, stopping, asked
        self._outputs = NotebookOutputs()
        self._widgets = WidgetStates(self._outputs)
        self._saved = time.monotonic()

    def save(self) -> None:
        self._widgets.put_in(self._notebook["metadata"])
        try:
            save(self._path, self._notebook)
        except OSError as error:
            raise Failed(
                EXIT_ERROR,
                "NotSaved",
                f"The notebook could not be saved ({error.strerror}). What was saved before is kept.",
                self._progress.facts["cell"] or None,
            ) from None
        self._saved = time.monotonic()

    def code_cell(self, index: int, cell: Json) -> None:
        """Run one cell and save. Raises Failed for what ends the run: an error that is not to be gone on after, the
        kernel's death, a stop."""
        number = index + 1
        self._progress.write(cell=number, code_cell=self._progress.facts["code_cell"] + 1)
        tags = (cell.get("metadata") or {}).get("tags") or []
        if not source(cell).strip() or "skip-execution" in tags:
            return
        outputs = CellOutputs(self._outputs)
        begun = _timestamp()
        failure = self._messages(number, cell, outputs)
        # The names under which JupyterLab keeps and shows them.
        times = {"iopub.execute_input": begun, "shell.execute_reply": _timestamp()}
        cell.setdefault("metadata", {})["execution"] = times
        cell["outputs"] = outputs.as_list()
        self.save()
        if failure is None or (failure.raised and "raises-exception" in tags):
            return
        if failure.final or not self._asked.keep_going:
            raise failure
        self._progress.note(failure)
        print(f"\n{failure.words}", file=sys.stderr, flush=True)

    def _messages(self, number: int, cell: Json, outputs: CellOutputs) -> Failed | None:
        """Follow the cell to its end. The failure is returned, so that the caller saves first."""
        from running_kernel import KernelGone

        failure: Failed | None = None
        deadline = time.monotonic() + (self._asked.cell_seconds or float("inf"))
        try:
            for message in self._kernel.execute(source(cell)):
                if self._stopping.asked:
                    return self._stop(number, cell, outputs)
                failure = self._take(message, number, cell, outputs) or failure
                if time.monotonic() > deadline:
                    return self._time_out(number, cell, outputs)
                self._progress.tick()
                if outputs.changed and time.monotonic() - self._saved > SAVE_SECONDS:
                    cell["outputs"], outputs.changed = outputs.as_list(), False
                    self.save()
        except KernelGone as error:
            outputs.note(str(error))
            return Failed(EXIT_KERNEL, "KernelDied", str(error), number)
        return failure

    def _take(self, message: Json | None, number: int, cell: Json, outputs: CellOutputs) -> Failed | None:
        if message is None:
            return None
        kind, content = message["header"]["msg_type"], message["content"]
        outputs.handle(message)
        self._widgets.handle(message)
        if kind == "execute_input":
            cell["execution_count"] = content.get("execution_count")
        elif kind == "stream":
            sys.stdout.write(content.get("text", ""))
            sys.stdout.flush()
        elif kind == "error":
            print("\n".join(content.get("traceback") or []), file=sys.stderr, flush=True)
            return _cell_error(content, number)
        return None

    def _stop(self, number: int, cell: Json, outputs: CellOutputs) -> Failed:
        """Interrupt the cell and take what it still says on its way out."""
        for message in self._kernel.interrupt(seconds=3):
            self._take(message, number, cell, outputs)
        words = "This run was stopped while this cell was running. The outputs up to here are saved."
        outputs.note(words)
        cell.setdefault("metadata", {})["studium"] = {"state": "interrupted"}
        return Failed(EXIT_STOPPED, "Stopped", words, number, stopped=True)

    def _time_out(self, number: int, cell: Json, outputs: CellOutputs) -> Failed:
        """The same for a cell that has had its time. A kernel that does not let go of it can run no other cell."""
        for message in self._kernel.interrupt(seconds=INTERRUPT_SECONDS, drain=DRAIN_SECONDS):
            self._take(message, number, cell, outputs)
        words = f"This cell took longer than the {self._asked.cell_seconds:g} s that a cell of this run may take."
        if not self._kernel.idle:
            words += " It did not react to being interrupted, so the run ends here."
        outputs.note(words)
        cell.setdefault("metadata", {})["studium"] = {"state": "timed out"}
        return Failed(EXIT_ERROR, "CellTimeout", words, number, final=not self._kernel.idle)


def _timestamp() -> str:
    return datetime.now(UTC).isoformat()


def _cell_error(content: Json, number: int) -> Failed:
    name, message = str(content.get("ename", "Error")), str(content.get("evalue", ""))
    if name == "StdinNotImplementedError":
        message = "The cell asks for input, and a run has nobody to answer. Give the value in the notebook instead."
    return Failed(EXIT_ERROR, name, message, number, final=False, raised=True)


if __name__ == "__main__":
    # Surrogates that a cell prints must not end the run.
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)
