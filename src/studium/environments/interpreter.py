"""Which Python the default environment is made from.

A sandbox shows `/usr` and the environment, nothing else of the host. So a system interpreter is linked to, and any other
one (built under a home folder, fetched by a version tool) is copied into the environment.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from studium.errors import Refused

MINIMUM = (3, 11)
SYSTEM = Path("/usr/bin/python3")
# Shown in every sandbox as they are on the host; an interpreter below one of them needs no copy.
VISIBLE_INSIDE = (Path("/usr"),)

_PROBE = (
    "import sys; print(sys.version_info[0], sys.version_info[1], sys.version_info[2], "
    "sys.base_prefix, getattr(sys, '_base_executable', sys.executable), sep='\\n')"
)


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    """A Python found on the host. `copied` says that a sandbox cannot see it, so the environment carries a copy."""

    executable: Path
    prefix: Path
    version: tuple[int, int, int]
    copied: bool

    @property
    def version_words(self) -> str:
        return ".".join(map(str, self.version))


def probe(executable: Path) -> Interpreter | None:
    """What `executable` is, or None if it does not run or is not Python. It answers once, until another is in its place."""
    try:
        facts = executable.stat()
        return _ask(executable, (facts.st_dev, facts.st_ino, facts.st_mtime_ns))
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None


@lru_cache(maxsize=8)
def _ask(executable: Path, _which: tuple[int, int, int]) -> Interpreter:
    answer = subprocess.run(
        [str(executable), "-I", "-c", _PROBE], capture_output=True, text=True, timeout=30, check=True
    ).stdout.splitlines()
    version = (int(answer[0]), int(answer[1]), int(answer[2]))
    prefix, base = Path(answer[3]), Path(answer[4])
    real = Path(os.path.realpath(base))
    visible = any(real.is_relative_to(folder) for folder in VISIBLE_INSIDE)
    return Interpreter(executable=real, prefix=prefix, version=version, copied=not visible)


def choose(system: Path = SYSTEM) -> Interpreter:
    """The system's Python if it is new enough, else the one this process runs on. Raises Refused if neither fits."""
    for candidate in (system, Path(getattr(sys, "_base_executable", None) or sys.executable)):
        found = probe(candidate)
        if found and found.version[:2] >= MINIMUM:
            return found
    raise Refused(
        "environment.no_python",
        f"No Python {MINIMUM[0]}.{MINIMUM[1]} or newer was found to build the default environment from.",
        "Install python3 with the system's packages and run the command again.",
    )


def copy_into(interpreter: Interpreter, target: Path) -> None:
    """Copy the interpreter with its standard library to `target`, without what is installed into it and its tests."""
    version = f"python{interpreter.version[0]}.{interpreter.version[1]}"
    library = interpreter.prefix / "lib"
    skipped = shutil.ignore_patterns(
        "site-packages", "__pycache__", "test", "idlelib", "turtledemo", "EXTERNALLY-MANAGED"
    )
    shutil.copytree(library / version, target / "lib" / version, ignore=skipped, symlinks=True)
    for shared in library.glob("libpython*.so*"):
        shutil.copy2(shared, target / "lib" / shared.name)
    include = interpreter.prefix / "include" / version
    if include.is_dir():
        shutil.copytree(include, target / "include" / version, symlinks=True)
    (target / "lib" / version / "site-packages").mkdir()
    (target / "bin").mkdir()
    shutil.copy2(interpreter.executable, target / "bin" / version)
    for name in ("python3", "python"):
        (target / "bin" / name).symlink_to(version)
