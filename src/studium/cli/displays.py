"""What a followed run looks like: a bar that moves on a terminal, a line for each change anywhere else.

What the run prints goes to standard output, all else to standard error.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from studium.cli import output
from studium.cli.following import Display
from studium.lib.units import duration_words, size_words

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from studium.client.shapes import Run


def progress_words(run: Run) -> str:
    """`cell 3 of 12, 41 s, 312 MiB`."""
    words = []
    if run.progress and run.progress.cells:
        words.append(f"cell {run.progress.cell} of {run.progress.cells}")
    if run.progress and run.progress.failed_cells and not run.ended:
        words.append(f"{run.progress.failed_cells} failed")
    words.append(duration_words(run.running_seconds))
    if run.usage and run.usage.memory_bytes:
        words.append(size_words(run.usage.memory_bytes))
    return ", ".join(words)


class LineDisplay:
    """A line on standard error whenever something changed that is worth a line."""

    def __init__(self, *, text_to_error: bool) -> None:
        self._text_to = sys.stderr if text_to_error else sys.stdout
        self._said = ""

    def show(self, run: Run) -> None:
        if run.ended:
            return
        words = run.words
        if run.state == "running" and run.progress:
            words = f"Cell {run.progress.cell} of {run.progress.cells}"
        if words != self._said:
            self._said = words
            output.note(words)

    def text(self, text: str) -> None:
        self._text_to.write(output.printable(text) if self._text_to.isatty() else text)
        self._text_to.flush()

    def remark(self, text: str) -> None:
        output.note(text)


class BarDisplay:
    """A bar below what the run prints."""

    def __init__(self, progress: Progress, task: TaskID, *, text_to_error: bool) -> None:
        self._progress = progress
        self._task = task
        self._beside_bar = text_to_error or sys.stdout.isatty()
        self._unfinished = ""

    def show(self, run: Run) -> None:
        if run.ended:
            self._flush()
            return
        if run.running_at is None:
            self._progress.update(self._task, description=output.printable(run.words), total=None)
            return
        cells = run.progress.cells if run.progress else 0
        done = max(0, run.progress.cell - 1) if run.progress else 0
        self._progress.update(self._task, description=progress_words(run), total=cells or None, completed=done)

    def text(self, text: str) -> None:
        if not self._beside_bar:
            sys.stdout.write(text)
            sys.stdout.flush()
            return
        # The bar redraws whole lines only, so a line that is not finished waits for its end.
        whole, newline, rest = (self._unfinished + text).rpartition("\n")
        self._unfinished = rest
        if newline:
            self._print(whole)

    def _flush(self) -> None:
        if self._unfinished:
            self._print(self._unfinished)
            self._unfinished = ""

    def _print(self, text: str) -> None:
        self._progress.console.print(output.printable(text), soft_wrap=True)

    def remark(self, text: str) -> None:
        self._flush()
        self._progress.console.print(text)


@contextmanager
def display_for(*, quiet: bool) -> Iterator[Display]:
    """The display that suits this terminal. `quiet` keeps standard output for a JSON document."""
    if not sys.stderr.isatty():
        yield LineDisplay(text_to_error=quiet)
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

    columns = (SpinnerColumn(), BarColumn(bar_width=20), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=output.console(error=True), transient=True, redirect_stdout=False) as progress:
        yield BarDisplay(progress, progress.add_task("", total=None), text_to_error=quiet)
