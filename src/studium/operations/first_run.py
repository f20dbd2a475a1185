"""The first start's proof: the first gallery notebook, run for real through the queue and the sandbox."""

import time
from collections.abc import Callable

from studium.compute.models import Run
from studium.compute.queries import read_log
from studium.compute.states import ENDINGS, Reason, State
from studium.errors import NotYet
from studium.lib import clock
from studium.lib.units import duration_words, size_words

Say = Callable[[str], None]
PATIENCE_SECONDS = 180


def run_first_notebook(say: Say) -> bool:
    """Run it and say how it goes; whether it finished. Never raises for a run that fails: that is said."""
    from studium.accounts.models import User
    from studium.notebooks.actions import create_notebook, start
    from studium.notebooks.gallery import gallery, read_gallery
    from studium.notebooks.states import LaunchKind

    now = clock.now()
    user = User.objects.filter(is_staff=True, is_active=True).order_by("pk").first()
    assert user is not None
    entry = gallery()[0]
    project = user.personal_team.projects.get(slug="main")
    notebook = create_notebook(user, project, entry.title, read_gallery(entry.slug), now=now, gallery_slug=entry.slug)
    run = start(user, notebook, LaunchKind.EXECUTION, "cpu-small", now=now)
    say(f"Running the first notebook, “{entry.title}”, on cpu-small")
    _follow(run, say)
    for line in _last_lines(run):
        say(f"  | {line}")
    ending = ENDINGS[Reason(run.reason)]
    took = (
        duration_words((run.ended_at - run.running_at).total_seconds())
        if run.ended_at and run.running_at
        else "no time"
    )
    memory = size_words(run.usage.get("memory_peak_bytes", 0))
    why = "" if run.reason == Reason.FINISHED else run.message
    say(f"{ending.title} after {took} with {memory} of memory at most. {why}".strip())
    return run.reason == Reason.FINISHED


def _follow(run: Run, say: Say) -> None:
    """Say each new state and each cell until the run has ended."""
    said = ""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while State(run.state) != State.ENDED:
        if time.monotonic() > deadline:
            raise NotYet(
                "up.first_run_slow", "The first notebook is still running.", "It goes on; see it in the browser."
            )
        line = _line(run)
        if line != said:
            say(f"  {line}")
            said = line
        time.sleep(0.2)
        run.refresh_from_db()


def _line(run: Run) -> str:
    if State(run.state) == State.QUEUED:
        place = run.wait.get("place")
        return f"in the queue, place {place}" if place else "in the queue"
    if State(run.state) != State.RUNNING or not run.progress:
        return run.state
    return f"cell {run.progress.get('code_cell', '?')} of {run.progress.get('code_cells', '?')}"


def _last_lines(run: Run, count: int = 6) -> list[str]:
    content, _ = read_log(run, 0, 1024**2)
    lines = [line for line in content.decode(errors="replace").splitlines() if line.strip()]
    return lines[-count:]
