"""Finding and running the few system programs the runner needs, without the weight of `subprocess`."""

import os
import signal
import time
from collections.abc import Callable

_FOLDERS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_ENVIRONMENT = {"PATH": ":".join(_FOLDERS), "LC_ALL": "C.UTF-8"}


class ProgramFailedError(Exception):
    """A program is missing, ended badly or took too long; the text has its own words."""


def find(name: str) -> str | None:
    for folder in _FOLDERS:
        path = os.path.join(folder, name)
        if os.access(path, os.X_OK):
            return path
    return None


def wait(pid: int, seconds: float) -> int | None:
    """The exit code of a child (negative: its signal), or None if it is still running after the time."""
    end = time.monotonic() + seconds
    pause = 0.001
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            return None
        time.sleep(pause)
        pause = min(0.02, pause * 1.5)


def in_child(work: Callable[[], None]) -> None:
    """Do `work` in a child: only a process of one thread may change namespaces. Raises OSError with what it says."""
    heard, said = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException as error:
            os.write(said, str(error).encode(errors="replace")[:2000])
        finally:
            os._exit(code)
    os.close(said)
    words = os.read(heard, 2000)  # until it speaks or has ended
    os.close(heard)
    _, status = os.waitpid(pid, 0)
    if status:
        raise OSError(words.decode(errors="replace") or f"a child ended with {os.waitstatus_to_exitcode(status)}")


def run(name: str, *arguments: str, accept: tuple[int, ...] = (0,), text: bytes = b"", seconds: float = 120) -> None:
    """Run a program to its end with `text` as input. Raises `ProgramFailedError` unless its code is in `accept`."""
    path = find(name)
    if path is None:
        raise ProgramFailedError(f"{name} is not installed")
    given, said = os.memfd_create("given"), os.memfd_create("said")
    try:
        os.write(given, text)
        os.lseek(given, 0, os.SEEK_SET)
        moves = [(os.POSIX_SPAWN_DUP2, given, 0), (os.POSIX_SPAWN_DUP2, said, 1), (os.POSIX_SPAWN_DUP2, said, 2)]
        pid = os.posix_spawn(path, [path, *arguments], _ENVIRONMENT, file_actions=moves)
        code = wait(pid, seconds)
        if code is None:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise ProgramFailedError(f"{name} did not end within {seconds:.0f} s")
        if code not in accept:
            words = os.pread(said, 2000, 0).decode(errors="replace").strip()
            raise ProgramFailedError(f"{name} ended with {code}: {words or 'no message'}")
    finally:
        os.close(given)
        os.close(said)
