"""Files of a workspace volume, whether a run has it mounted, nobody has, or it does not exist yet.

Live images are reached through the mount namespace of the runner that holds them; others are mounted for the moment in
a process of its own. No link of the run is ever followed (`studium.runner.beneath`).
"""

import functools
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeVar

from studium.compute.engines.base import EngineError
from studium.runner import beneath, collecting, exporting, programs, volume_io, volumes

_PATIENCE = 20.0
_PROGRAM = Path(volume_io.__file__)
_T = TypeVar("_T")
_Done = subprocess.CompletedProcess[bytes]


class VolumeAccess:
    """Reads and writes files of the volumes below one folder. `owner_of` gives a volume's uid."""

    def __init__(self, folder: Path, owner_of: Callable[[str], int] | None) -> None:
        self._folder, self._owner_of = folder, owner_of

    def read(self, name: str, path: str, limit: int) -> bytes | None:
        folder = self._folder / name
        try:
            if volumes.kind(str(folder)) == "folder":
                return beneath.read(str(folder / volumes.TREE), path, limit)
            if not (folder / volumes.IMAGE).exists():
                return None
            beneath.components(path)
            live = functools.partial(beneath.read, path=path, limit=limit)
            return self._on_image(folder, live, lambda: self._read_apart(folder, path, limit))
        except beneath.TooLargeError as error:
            raise EngineError(str(error)) from error
        except ValueError:
            return None

    def write(self, name: str, path: str, content: bytes, size_bytes: int) -> None:
        folder = self._folder / name
        uid = self._owner_of(name) if self._owner_of else None
        owner = (uid, uid) if uid is not None else None
        try:
            beneath.components(path)
            folder.mkdir(parents=True, mode=0o700, exist_ok=True)
            if volumes.kind(str(folder)) == "folder":
                tree = volumes.prepare_tree(str(folder), owner)
                if volumes.size_of_tree(tree) + len(content) > size_bytes:
                    raise EngineError(f"the volume {name} has no room for {len(content)} more bytes")
                beneath.write(tree, path, content, owner)
                return
            assert owner is not None
            self._on_image(
                folder,
                lambda root: beneath.write(root, path, content, owner),
                lambda: self._write_apart(folder, path, content, owner, size_bytes),
            )
        except (OSError, ValueError, programs.ProgramFailedError) as error:
            raise EngineError(f"{path} cannot be written to the volume {name}: {error}") from error

    def collect(self, name: str, out: IO[bytes], *, skip: str, most_files: int, most_bytes: int) -> None:
        """Write every plain file to `out`, as `runner.collecting` says. Raises `EngineError`."""
        folder = self._folder / name
        into = functools.partial(collecting.collect, out=out, skip=skip, most_files=most_files, most_bytes=most_bytes)
        try:
            if (folder / volumes.TREE).exists():
                into(str(folder / volumes.TREE))
            elif (folder / volumes.IMAGE).exists():
                self._on_image(folder, into, lambda: self._collect_apart(folder, out, skip, most_files, most_bytes))
            else:
                collecting.finish(out)
        except OSError as error:
            raise EngineError(f"the files of the volume {name} cannot be taken out: {error}") from error

    def _collect_apart(self, folder: Path, out: IO[bytes], skip: str, most_files: int, most_bytes: int) -> None:
        volumes.wait_until_detached(str(folder / volumes.IMAGE))
        done = self._run("collect", folder, skip, most_bytes, most_files, b"", out)
        if done.returncode != 0:
            raise OSError(done.stderr.decode(errors="replace")[-500:])

    def export(self, name: str, path: str, target: Path, *, most_files: int, most_bytes: int, like: Path | None) -> int:
        """Copy a folder out, as `runner.exporting` says; returns its bytes. Raises `EngineError`."""
        folder = self._folder / name
        into = functools.partial(exporting.export, path=path, target=str(target), most_files=most_files)
        into = functools.partial(into, most_bytes=most_bytes, like=str(like or ""))
        where = os.fsencode(target) + b"\0" + os.fsencode(like or "")
        try:
            if (folder / volumes.TREE).exists():
                return into(str(folder / volumes.TREE))
            if (folder / volumes.IMAGE).exists():
                return self._on_image(
                    folder, into, lambda: self._export_apart(folder, path, where, most_files, most_bytes)
                )
        except (OSError, ValueError) as error:
            raise EngineError(f"{path} of the volume {name} cannot be taken out: {error}") from error
        raise EngineError(f"there is no volume {name}")

    def _export_apart(self, folder: Path, path: str, where: bytes, most_files: int, most_bytes: int) -> int:
        volumes.wait_until_detached(str(folder / volumes.IMAGE))
        done = self._run("export", folder, path, most_bytes, most_files, where)
        if done.returncode != 0:
            raise OSError(done.stderr.decode(errors="replace")[-500:])
        return int(done.stdout)

    def delete(self, name: str) -> None:
        """Delete a volume. Raises `EngineError` while somebody holds it."""
        folder = self._folder / name
        if not folder.exists():
            return
        try:
            with volumes.holding(str(folder), 0):
                shutil.rmtree(folder)
        except volumes.VolumeBusyError as error:
            raise EngineError(str(error)) from error

    def _on_image(self, folder: Path, live: Callable[[str], _T], apart: Callable[[], _T]) -> _T:
        """Run `apart` holding the volume, or `live` on the mount of the run that holds it, whichever can be first."""
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                with volumes.holding(str(folder), 0):
                    return apart()
            except volumes.VolumeBusyError:
                if time.monotonic() > until:
                    raise EngineError(f"the volume {folder.name} stays in use") from None
            holder = volumes.holder(str(folder))
            root = f"/proc/{holder.get('pid')}/root{holder.get('root')}"
            if holder.get("root") and Path(root).is_mount():
                return live(root)
            time.sleep(0.02)  # being mounted or let go just now

    def _read_apart(self, folder: Path, path: str, limit: int) -> bytes | None:
        volumes.wait_until_detached(str(folder / volumes.IMAGE))
        done = self._run("read", folder, path, limit, 0, b"")
        if done.returncode == volume_io.ABSENT:
            return None
        if done.returncode == volume_io.TOO_LARGE:
            raise beneath.TooLargeError(done.stderr.decode(errors="replace"))
        if done.returncode != 0:
            raise EngineError(f"the volume {folder.name} cannot be read: {done.stderr.decode(errors='replace')[-500:]}")
        return done.stdout

    def _write_apart(self, folder: Path, path: str, content: bytes, owner: tuple[int, int], size_bytes: int) -> None:
        volumes.prepare_image(str(folder), size_bytes, owner)
        done = self._run("write", folder, path, 0, owner[0], content)
        if done.returncode != 0:
            raise OSError(done.stderr.decode(errors="replace")[-500:])

    def _run(
        self, verb: str, folder: Path, path: str, limit: int, number: int, given: bytes, out: IO[bytes] | None = None
    ) -> _Done:
        words = [
            sys.executable,
            "-I",
            "-S",
            str(_PROGRAM),
            verb,
            str(folder / volumes.IMAGE),
            path,
            str(limit),
            str(number),
        ]
        return subprocess.run(
            words, input=given, stdout=out or subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=600
        )
