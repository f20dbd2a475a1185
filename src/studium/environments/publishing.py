"""Takes what a build run made out of its hostile workspace and puts it where runs are shown it, read-only.

What decides how a sandbox is set up (the interpreter's links, `pyvenv.cfg`, our own files) is written here and never taken
over. A folder appears under its final name only when it is whole.
"""

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from studium.compute.engines.base import Engine
from studium.config.options import options
from studium.environments import interpreter
from studium.environments.building import DISK_BYTES, server_python, volume_of
from studium.environments.commands import SERVER, code_folder
from studium.environments.describe import RECORD
from studium.environments.models import Build
from studium.environments.states import BuildState
from studium.lib.folders import remove, seal
from studium.lib.ids import new_id
from studium.lib.units import MIB
from studium.runner import beneath

# The folder of the environment in which the run tells what it made.
TOLD = ".studium"
_LOCK_BYTES, _RESULT_BYTES = 4 * MIB, 4 * MIB
_MOST_FILES = 500_000
_LIBRARY = re.compile(r"lib/python3\.\d{1,3}/site-packages")
_WORD = re.compile(r"[A-Za-z0-9._+!-]{1,120}")


class UnusableError(Exception):
    """What the run left is no environment; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """A folder that can be mounted, and what is in it. `lock` is its locked requirements."""

    path: Path
    lock: bytes
    python: str
    packages: list[dict[str, str]]
    size_bytes: int


def folder() -> Path:
    """Where the environments of teams lie, a folder a build."""
    return options().home.resolve() / "team-environments"


def publish(engine: Engine, build: Build) -> Published:
    """Publish what the build's ended run made, under a name that was never used before. Raises UnusableError or EngineError.

    Whoever calls puts the path on record or removes the folder; one that neither came to is swept away later.
    """
    team = build.environment.team
    assert team is not None
    target = folder() / f"{build.pk}-{new_id(6)}"
    unfinished = target.with_name(f".{target.name}")
    unfinished.mkdir(parents=True, mode=0o700)
    try:
        limits = {"most_files": _MOST_FILES, "most_bytes": DISK_BYTES}
        engine.export(volume_of(team), "new", unfinished, **limits, like=_like(build))
        lock, library, packages = _told(unfinished)
        python = _make_ours(unfinished, library)
        size = seal(unfinished)
        unfinished.chmod(0o700)
        record = {"digest": build.pk, "python": python, "packages": packages, "size_bytes": size}
        _write(unfinished, RECORD, json.dumps(record, indent=1, sort_keys=True).encode())
        unfinished.chmod(0o555)
        unfinished.rename(target)
    except (OSError, ValueError, beneath.TooLargeError) as error:
        raise UnusableError(str(error)) from error
    finally:
        remove(unfinished)
    listed = [{"name": name, "version": version} for name, version in sorted(packages.items())]
    return Published(path=target, lock=lock, python=python, packages=listed, size_bytes=size)


def _like(build: Build) -> Path | None:
    """The newest environment of the team that is there: what was fetched once for both is on disk once."""
    team = build.environment.team
    ready = Build.objects.filter(environment__team=team, state=BuildState.READY).exclude(path="")
    path = ready.order_by("-built_at").values_list("path", flat=True).first()
    return Path(path) if path else None


def _told(root: Path) -> tuple[bytes, str, dict[str, str]]:
    """The lock, the folder of packages and what they are, as the run told beside them; what told it is removed."""
    lock = beneath.read(str(root), f"{TOLD}/lock.txt", _LOCK_BYTES)
    library, packages = _result(beneath.read(str(root), f"{TOLD}/result.json", _RESULT_BYTES))
    if not lock:
        raise UnusableError("the run left no lock")
    shutil.rmtree(root / TOLD)
    return lock, library, packages


def _write(root: Path, path: str, content: bytes) -> None:
    """A file of ours, as read-only as all others."""
    beneath.write(str(root), path, content, None, durable=False)
    root.joinpath(path).chmod(0o444)


def _result(content: bytes | None) -> tuple[str, dict[str, str]]:
    try:
        found = json.loads(content or b"")
        library, packages = found["library"], found["packages"]
        fine = _LIBRARY.fullmatch(library) and all(_WORD.fullmatch(w) for pair in packages.items() for w in pair)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        fine = None
    if not fine:
        raise UnusableError("the run did not say what it installed")
    return library, packages


def _make_ours(root: Path, library: str) -> str:
    """The interpreter and the workspace's package folder, whatever the run put in their places. Returns the version."""
    found = interpreter.choose()
    home = f"{SERVER}/bin" if found.copied else str(found.executable.parent)
    written = f"home = {home}\ninclude-system-site-packages = false\nversion_info = {found.version_words}\n"
    _write(root, "pyvenv.cfg", written.encode())
    programs = beneath.open_folder(str(root), "bin")
    try:
        for name in os.listdir(programs):  # noqa: PTH208 (a descriptor)
            if name.startswith("python"):
                os.unlink(name, dir_fd=programs)
        os.symlink(server_python(), "python", dir_fd=programs)
        for name in ("python3", f"python{found.version[0]}.{found.version[1]}"):
            os.symlink("python", name, dir_fd=programs)
    finally:
        os.close(programs)
    for source in sorted((code_folder() / "site").iterdir()):
        if source.is_file():
            _write(root, f"{library}/{source.name}", source.read_bytes())
    return found.version_words
