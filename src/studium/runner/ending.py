"""Why a run ended: one function from everything the runner saw to a cause, an exit code and a sentence."""

import signal
from typing import NamedTuple

_FULL = "The workspace is full: delete files or ask for more space."


class Seen(NamedTuple):
    """`exit_code` is the command's own (None if it never ran to an end), `outer_code` bubblewrap's."""

    exit_code: int | None
    outer_code: int | None
    words: str = ""
    stopped: bool = False
    oom_kills: int = 0
    over_memory: bool = False
    over_disk: bool = False
    disk_full: bool = False
    memory_bytes: int = 0
    forks_refused: int = 0


class Verdict(NamedTuple):
    cause: str
    exit_code: int | None
    message: str


def _size(count: int) -> str:
    return f"{count / 1024**3:.1f} GiB" if count >= 1024**3 else f"{count // 1024**2} MiB"


def _sandbox_words(words: str) -> str:
    """The sandbox program's own last line, if it had one."""
    lines = [line for line in words.splitlines() if line.startswith("bwrap: ")]
    return lines[-1].removeprefix("bwrap: ") if lines else ""


def judge(seen: Seen) -> Verdict:
    code = seen.exit_code
    if seen.over_memory or (seen.oom_kills and code not in (0, None) and not seen.stopped):
        return Verdict("out_of_memory", code, f"It used more than its {_size(seen.memory_bytes)} of memory.")
    if seen.over_disk:
        return Verdict("disk_full", code, _FULL)
    if seen.stopped:
        return Verdict("stopped", code, "It was stopped.")
    if code is None:
        if words := _sandbox_words(seen.words):
            return Verdict("could_not_start", None, f"The sandbox could not start the command: {words}")
        if seen.oom_kills:
            return Verdict("out_of_memory", None, f"It used more than its {_size(seen.memory_bytes)} of memory.")
        if seen.outer_code is not None and seen.outer_code < 0:
            return Verdict("vanished", None, f"The sandbox was killed from outside (signal {-seen.outer_code}).")
        return Verdict("could_not_start", None, "The sandbox ended before the command could run.")
    if seen.disk_full and code != 0:
        return Verdict("disk_full", code, _FULL)
    return Verdict("exit", code, _exit_words(code) + _fork_words(seen))


def _exit_words(code: int) -> str:
    if code == 0:
        return ""
    if code > 128:
        try:
            return f"The command was ended by {signal.Signals(code - 128).name}."
        except ValueError:
            pass
    return f"The command ended with {code}."


def _fork_words(seen: Seen) -> str:
    if not seen.forks_refused or seen.exit_code == 0:
        return ""
    return " It had reached its limit of processes."
