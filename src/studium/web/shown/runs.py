"""How a run is put in words: one state, one tone, one sentence, whatever page it stands on. Pure but for the row it is given."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from studium.compute import queries
from studium.compute.models import Run
from studium.compute.states import ENDINGS, Outcome, Reason, State
from studium.lib.units import duration_words
from studium.notebooks.git.states import next_step
from studium.notebooks.states import RunOptions

_WORDS = {
    State.QUEUED: ("In queue", "warn"),
    State.ASSIGNED: ("Starting", "live"),
    State.STARTING: ("Starting", "live"),
    State.RUNNING: ("Running", "live"),
    State.STOPPING: ("Stopping", "warn"),
}
_LIMITS = {
    "notebooks": "Waits until another notebook of the team has ended: the plan limits how many run at once",
    "runs": "Waits until another run of the team has ended: the plan limits how many run at once",
    "cpu": "Waits for the team's CPU allowance to be given anew",
    "gpu": "Waits for the team's GPU allowance to be given anew",
    "tpu": "Waits for the team's TPU allowance to be given anew",
}
_TONES = {Outcome.GOOD: "good", Outcome.NEUTRAL: "", Outcome.BAD: "bad"}
WARN_SECONDS = 300
_JUST_BUSY = 15


@dataclass(frozen=True, kw_only=True)
class RunShown:
    """One run on a page. `tone` is a class of the tag: live, warn, good, bad or nothing."""

    run: Run
    words: str
    tone: str
    line: str
    advice: str
    simulated: bool
    live: bool

    @property
    def state(self) -> str:
        return str(self.run.state)


def show(run: Run, *, now: datetime, simulated_kinds: frozenset[str] = frozenset()) -> RunShown:
    """The run in words. `simulated_kinds` are the accelerator kinds that are made up here."""
    state = State(run.state)
    simulated = run.machine_type.accelerator_kind in simulated_kinds
    if state != State.ENDED:
        words, tone = _WORDS[state]
        if state == State.QUEUED and run.wait.get("place"):
            words = f"In queue, place {run.wait['place']}"
        return RunShown(
            run=run, words=words, tone=tone, line=live_line(run, now=now), advice="", simulated=simulated, live=True
        )
    ending = ENDINGS[Reason(run.reason)]
    return RunShown(
        run=run,
        words=ending.title,
        tone=_TONES[ending.outcome],
        line=ended_line(run, now=now),
        advice=_advice(run, ending.advice),
        simulated=simulated,
        live=False,
    )


def _git_error(run: Run) -> str:
    """The code with which a git run failed; empty for other runs."""
    told = run.progress if isinstance(run.progress, dict) else {}
    error = told.get("error")
    return str(error.get("name", "")) if told.get("work") and isinstance(error, dict) else ""


def _advice(run: Run, usual: str) -> str:
    """What to do next. A git run that failed has no cell to be mended."""
    code = _git_error(run)
    return next_step(code) if code and run.reason == Reason.FAILED else usual


def show_all(runs: list[Run], *, now: datetime) -> list[RunShown]:
    """The same for a list, with one look at the devices."""
    kinds = queries.simulated_kinds() if runs else frozenset()
    return [show(run, now=now, simulated_kinds=kinds) for run in runs]


def live_line(run: Run, *, now: datetime) -> str:
    """What a person wants to know of a run that has not ended."""
    state = State(run.state)
    if state == State.QUEUED:
        return wait_line(run.wait, now=now)
    if state in (State.ASSIGNED, State.STARTING):
        return "The machine is taken; the sandbox is starting."
    if state == State.STOPPING:
        return run.stop_message or "Saving and stopping."
    left = queries.deadlines(run, now=now)
    parts = [progress_words(run.progress)]
    if run.interactive:
        parts.append(idle_words(run, now=now))
    if left.time is not None:
        parts.append(f"{duration_words(left.time)} left")
    if left.quota is not None and (left.time is None or left.quota < left.time):
        parts.append(f"allowance for {duration_words(left.quota)}")
    return " · ".join(part for part in parts if part)


def wait_line(wait: dict[str, Any], *, now: datetime) -> str:
    """Why a run waits and until when, as far as anybody can know."""
    reason = str(wait.get("reason", ""))
    if not reason:
        return "Just joined the queue; its place is being worked out."
    if reason == "impossible":
        return "No machine here can ever hold this. Cancel it and choose another machine type."
    expected, most = _seconds_until(wait.get("expected_at"), now), _seconds_until(wait.get("at_most_at"), now)
    if reason.startswith("headroom"):
        bucket = str(wait.get("waits_for", "")).rpartition(":")[2]
        return f"{_LIMITS.get(bucket, 'Waits for a limit of the plan')}. It starts by itself."
    waits_for = str(wait.get("waits_for", ""))
    why = "Waits for a free machine" if waits_for in ("", "cpu") else f"Waits for a free {waits_for}"
    if expected is None:
        return f"{why} · no start can be foretold yet"
    said = f"expected to start {'any moment' if expected < 60 else 'in about ' + about_words(expected)}"
    if most is not None and most > expected + 60:
        said += f", at most {about_words(most)}"
    return f"{why} · {said}"


def about_words(seconds: float) -> str:
    """A foretold stretch, no finer than it is known: whole minutes, from two hours on quarters of an hour; rounded up."""
    step = 60 if seconds < 7200 else 900
    return duration_words(-(-int(seconds) // step) * step).removesuffix(" 00 min").removesuffix(" 0 h")


def _seconds_until(at: Any, now: datetime) -> float | None:
    return None if not isinstance(at, str) else max(0.0, (datetime.fromisoformat(at) - now).total_seconds())


def progress_words(progress: Any) -> str:
    """`cell 3 of 12`, from what the run says of itself, which is not to be trusted."""
    if not isinstance(progress, dict):
        return ""
    cell, cells = progress.get("cell"), progress.get("of")
    if isinstance(cell, int) and isinstance(cells, int) and 0 <= cell <= cells <= 1_000_000:
        failed = progress.get("failed_cells")
        also = f", {failed} failed" if isinstance(failed, int) and 0 < failed <= cells else ""
        return f"cell {cell} of {cells}{also}"
    return ""


def options_words(options: RunOptions) -> str:
    """`at most 10 min a cell, goes on after errors`; empty where all is as usual."""
    words = [f"at most {duration_words(options.cell_seconds)} a cell"] if options.cell_seconds else []
    return ", ".join([*words, "goes on after errors"] if options.keep_going else words)


def progress_share(progress: Any) -> int | None:
    """The same in percent, None when it is not known."""
    if progress_words(progress):
        return int(100 * progress["cell"] / max(1, progress["of"]))
    return None


def idle_words(run: Run, *, now: datetime) -> str:
    """What the idle clock says."""
    left = queries.deadlines(run, now=now).idle
    if left is None:
        return "no idle limit"
    if run.active_at is not None and (now - run.active_at).total_seconds() < _JUST_BUSY:
        what = run.active_what[:1].lower() + run.active_what[1:] if run.active_what else "it is at work"
        return f"not idle: {what}"
    return f"stops in {duration_words(left)} if nothing runs"


def ended_line(run: Run, *, now: datetime) -> str:
    """How it ended: the message where it says more than the reason, and how long it ran."""
    parts = []
    title = ENDINGS[Reason(run.reason)].title
    if run.message and run.message.rstrip(".") != title:
        parts.append(run.message.removeprefix(f"{_git_error(run)}: "))
    if run.running_at and run.ended_at:
        parts.append(f"ran {duration_words((run.ended_at - run.running_at).total_seconds())}")
    return " · ".join(parts) or "It never started to run."


@dataclass(frozen=True, kw_only=True)
class NearEnd:
    """An end that is near."""

    words: str
    urgent: bool


def warnings(run: Run, *, now: datetime) -> list[NearEnd]:
    """The ends that come within five minutes; urgent within one."""
    left = queries.deadlines(run, now=now)
    said = {
        "time": ("The session reaches its longest time in {}.", left.time),
        "idle": ("Nothing is running: the session stops in {}.", left.idle),
        "quota": ("The team's allowance is used up in {}.", left.quota),
    }
    return [
        NearEnd(words=words.format(duration_words(seconds)), urgent=seconds <= 60)
        for words, seconds in said.values()
        if seconds is not None and seconds <= WARN_SECONDS
    ]
