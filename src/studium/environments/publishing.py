"""Takes what a build run made out of its hostile workspace and puts it where runs are shown it, read-only.

What decides how a sandbox is set up (the interpreter's links, `pyvenv.cfg`, our own files) is written here and never taken
over. A folder appears under its final name only when it is whole.
"""

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from studium.accounts.models import Team
from studium.compute.engines.base import Engine
from studium.config.options import options
from studium.environments import interpreter
from studium.environments.building import DISK_BYTES, server_python, volume_of
from studium.environments.commands import SERVER, code_folder
from studium.environments.describe import RECORD
from studium.environments.interpreter import Interpreter
from studium.environments.models import Build
from studium.environments.states import BuildState
from studium.lib.folders import remove
from studium.lib.ids import new_id
from studium.lib.units import MIB
from studium.runner import beneath, exporting

# The folder of the environment in which the run tells what it made.
TOLD = ".studium"
_LOCK_BYTES, _RESULT_BYTES = 4 * MIB, 4 * MIB
_MOST_FILES = 500_000
_MOST_TWINS = 20
_LIBRARY = re.compile(r"lib/python3\.\d{1,3}/site-packages")
_WORD = re.compile(r"[A-Za-z0-9._+!-]{1,120}")


class UnusableError(Exception):
    """What the run left is no environment; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """A folder that can be mounted, and what is in it. `lock` is its locked requirements, `twin` the build whose it is."""

    path: Path
    lock: bytes
    python: str
    packages: list[dict[str, str]]
    size_bytes: int
    twin: Build | None = None


def folder() -> Path:
    """Where the environments of teams lie, a folder a build."""
    return options().home.resolve() / "team-environments"


def publish(engine: Engine, build: Build) -> Published:
    """Publish what the build's ended run made, under a name that was never used before. Raises UnusableError or EngineError.

    Where the run found its lock to be that of a build in place, it is that build's folder, which has its name already.
    Whoever calls puts the path on record or removes the folder; one that neither came to is swept away later.
    """
    team = build.environment.team
    assert team is not None
    target = folder() / f"{build.pk}-{new_id(6)}"
    unfinished = target.with_name(f".{target.name}")
    unfinished.mkdir(parents=True, mode=0o700)
    try:
        limits = {"most_files": _MOST_FILES, "most_bytes": DISK_BYTES}
        size = engine.export(volume_of(team), "new", unfinished, **limits, like=_like(build))
        lock, said = _told(unfinished)
        if said.in_place:
            return _of_twin(team, lock)
        library, packages = said.library, said.packages
        python = _make_ours(unfinished, library)
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


def twins(team: Team) -> list[Build]:
    """Builds of the team whose folders a build with the same lock may share: they are what would be made of it now."""
    ready = Build.objects.filter(environment__team=team, state=BuildState.READY).exclude(path="").exclude(lock="")
    return [build for build in ready.order_by("-built_at")[:_MOST_TWINS] if _is_as_now(Path(build.path))]


def _of_twin(team: Team, lock: bytes) -> Published:
    """The team's own build of this lock. What a run says of itself chooses among what its team made before, no more."""
    digest = hashlib.sha256(lock).hexdigest()
    twin = next((build for build in twins(team) if build.lock == digest), None)
    if twin is None:
        raise UnusableError("the build whose packages it was to have was removed meanwhile. Build it again")
    found = {"python": twin.python, "packages": twin.packages, "size_bytes": twin.size_bytes}
    return Published(path=Path(twin.path), lock=lock, **found, twin=twin)


def _is_as_now(root: Path) -> bool:
    """Are the interpreter and our own files in it those that would be written now?"""
    try:
        library = next(root.glob("lib/python3.*/site-packages"))
        return (
            (root / "pyvenv.cfg").read_text(encoding="utf-8") == _settings(interpreter.choose())
            and str((root / "bin" / "python").readlink()) == server_python()
            and all((library / source.name).read_bytes() == source.read_bytes() for source in _our_files())
        )
    except (OSError, ValueError, StopIteration):
        return False


@dataclass(frozen=True)
class _Said:
    """What a run says it made: packages in a folder `library`, or that they are `in_place`."""

    library: str = ""
    packages: dict[str, str] = field(default_factory=dict)
    in_place: bool = False


def _told(root: Path) -> tuple[bytes, _Said]:
    """The lock and what the run told beside the packages; what told it is removed."""
    lock = beneath.read(str(root), f"{TOLD}/lock.txt", _LOCK_BYTES)
    said = _result(beneath.read(str(root), f"{TOLD}/result.json", _RESULT_BYTES))
    if not lock:
        raise UnusableError("the run left no lock")
    remove(root / TOLD)
    (root / exporting.TOLD).unlink(missing_ok=True)  # taken where there was no earlier environment
    return lock, said


def _write(root: Path, path: str, content: bytes) -> None:
    """A file of ours, as read-only as all others."""
    with _opened(root, os.path.dirname(path)):  # noqa: PTH120 (relative)
        beneath.write(str(root), path, content, None, durable=False)
    root.joinpath(path).chmod(0o444)


@contextlib.contextmanager
def _opened(root: Path, path: str) -> Iterator[int]:
    """A folder of what was taken out, in which can be written meanwhile; its descriptor."""
    folder = beneath.open_folder(str(root), path) if path else os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fchmod(folder, 0o700)
        yield folder
        os.fchmod(folder, 0o555)
    finally:
        os.close(folder)


def _result(content: bytes | None) -> _Said:
    try:
        found = json.loads(content or b"")
        if found.get("in_place") is True:
            return _Said(in_place=True)
        library, packages = found["library"], found["packages"]
        fine = _LIBRARY.fullmatch(library) and all(_WORD.fullmatch(w) for pair in packages.items() for w in pair)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        fine = None
    if not fine:
        raise UnusableError("the run did not say what it installed")
    return _Said(library, packages)


def _settings(found: Interpreter) -> str:
    """What `pyvenv.cfg` says."""
    home = f"{SERVER}/bin" if found.copied else str(found.executable.parent)
    return f"home = {home}\ninclude-system-site-packages = false\nversion_info = {found.version_words}\n"


def _our_files() -> list[Path]:
    return [source for source in sorted((code_folder() / "site").iterdir()) if source.is_file()]


def _make_ours(root: Path, library: str) -> str:
    """The interpreter and the workspace's package folder, whatever the run put in their places. Returns the version."""
    found = interpreter.choose()
    _write(root, "pyvenv.cfg", _settings(found).encode())
    with _opened(root, "bin") as programs:
        for name in os.listdir(programs):  # noqa: PTH208 (a descriptor)
            if name.startswith("python"):
                os.unlink(name, dir_fd=programs)
        os.symlink(server_python(), "python", dir_fd=programs)
        for name in ("python3", f"python{found.version[0]}.{found.version[1]}"):
            os.symlink("python", name, dir_fd=programs)
    for source in _our_files():
        _write(root, f"{library}/{source.name}", source.read_bytes())
    return found.version_words
