"""Inputs that a run of the local engine is shown while it goes on: asked of its runner, or linked where that is no root."""

import contextlib
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from studium.lib.folders import remove
from studium.lib.ids import new_id
from studium.runner import showing

_PATIENCE = 10.0


def wake(folder: Path) -> None:
    """Have the runner look at what was asked of it."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder / "commands", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.write(descriptor, b"s")
        finally:
            os.close(descriptor)


def ask(folder: Path, wanted: Mapping[str, str], going: Callable[[], bool]) -> None:
    """Have the runner show these folders (path inside -> folder here).

    Raises OSError with its words, or when it is silent or the run no longer `going`.
    """
    token = new_id(16)
    passing = folder / f"{showing.ASKED}.{token}"
    passing.write_text(json.dumps({"token": token, "mounts": dict(wanted)}))
    passing.replace(folder / showing.ASKED)
    wake(folder)
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and going():
        with contextlib.suppress(FileNotFoundError, ValueError):
            answer = json.loads((folder / showing.ANSWERED).read_text())
            if answer["token"] == token:
                if answer["trouble"]:
                    raise OSError(answer["trouble"])
                return
        time.sleep(0.002)
    raise OSError("its runner does not answer")


def link(folder: Path, wanted: Mapping[str, str]) -> None:
    """Link the folders' files into the one that the sandbox was shown at its start. Raises OSError.

    What the run began with is mounted and can be neither replaced nor taken away before it ends.
    """
    top = folder / showing.LINKED
    spec = json.loads((folder / "spec.json").read_text())["run"]
    fixed = _by_name(showing.of_spec(spec["mounts"]))
    names = _by_name(wanted)
    if {name: names.get(name) for name in fixed} != fixed:
        raise OSError("what a run began with stays until it ends, as this machine does not run the platform as root")
    for path in top.iterdir():
        if path.name not in names or (path.name not in fixed and _origin(folder, path.name) != names[path.name]):
            # Out of sight first, so that nobody reads half of it.
            remove(path.rename(folder / f"gone-{new_id(6)}"))
    for name, source in names.items():
        if not (top / name).exists():
            fresh = folder / f"fresh-{new_id(6)}"
            _copy(Path(source), fresh)
            _note(folder, name, source)
            fresh.rename(top / name)


def _by_name(mounts: Mapping[str, str]) -> dict[str, str]:
    """By the last part of the path inside: each of the folders for inputs is the same one here."""
    return {Path(target).name: source for target, source in mounts.items()}


def _origin(folder: Path, name: str) -> str:
    with contextlib.suppress(OSError):
        return (folder / f"linked-{name}").read_text()
    return ""


def _note(folder: Path, name: str, source: str) -> None:
    (folder / f"linked-{name}").write_text(source)


def _copy(source: Path, target: Path) -> None:
    """A folder of hard links: the files are sealed, and the sandbox sees all of it read-only."""
    target.mkdir(mode=0o755)
    with os.scandir(source) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                _copy(Path(entry.path), target / entry.name)
            else:
                os.link(entry.path, target / entry.name, follow_symlinks=False)
