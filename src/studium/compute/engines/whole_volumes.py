"""Volumes of the local engine as wholes: their use and size, all of their contents as a stream, other contents in their place.

Shared ones may be in use meanwhile, by any number of runs, and any may be saved while a run has it; what needs a volume alone
raises `VolumeInUse` then.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from studium.compute.engines.base import EngineError, VolumeInUse, VolumeUse
from studium.runner import archiving, programs, sharing, volume_io, volumes

_PROGRAM = Path(volume_io.__file__)
_SECONDS = 4 * 3600
# A run is said to have ended a moment before its runner lets go.
_PATIENCE = 2.0
_FAULTS = (
    OSError,
    ValueError,
    tarfile.TarError,
    programs.ProgramFailedError,
    subprocess.SubprocessError,
    RecursionError,
)


class WholeVolumes:
    """Over the volumes below one folder. `owner_of` gives a volume's uid, None where the platform is no root."""

    def __init__(self, folder: Path, owner_of: Callable[[str], int] | None) -> None:
        self._folder, self._owner_of = folder, owner_of

    def measure(self, name: str) -> VolumeUse | None:
        """What is used of a shared volume; None where it was never made."""
        folder = self._folder / name
        try:
            with self._sharing(folder) as kind:
                if kind == "folder":
                    return VolumeUse(used_bytes=volumes.size_of_tree(str(folder / volumes.TREE)), total_bytes=None)
                if kind == "image":
                    found = volumes.Size(**json.loads(self._io("measure", name, folder / volumes.IMAGE)))
                    return VolumeUse(used_bytes=found.used, total_bytes=found.total)
        except _FAULTS as error:
            raise EngineError(f"the volume {name} cannot be measured: {error}") from error
        return None

    def resize(self, name: str, size_bytes: int) -> None:
        """See `Engine.resize_volume`."""
        folder = self._folder / name
        image = folder / volumes.IMAGE
        try:
            if not image.exists():
                return  # made of its size when a run first has it, or a folder, which has none
            size_bytes -= size_bytes % 4096
            if image.stat().st_size == size_bytes or self._grown_in_use(folder, name, size_bytes):
                return
            with self._alone(folder):
                sharing.resize(str(folder), size_bytes)
        except _FAULTS as error:
            raise EngineError(f"the volume {name} cannot be made {size_bytes:,} bytes large: {error}") from error

    def _grown_in_use(self, folder: Path, name: str, size_bytes: int) -> bool:
        """Whether it could be made larger where it is; the kernel lets only those do it who may go beyond limits."""
        if (folder / volumes.IMAGE).stat().st_size > size_bytes:
            return False
        with self._sharing(folder), contextlib.suppress(PermissionError):
            self._io("grow", name, folder / volumes.IMAGE, limit=size_bytes)
            return True
        return False

    def save(self, name: str, out: IO[bytes], *, most_bytes: int) -> None:
        """See `Engine.save_volume`."""
        folder = self._folder / name
        try:
            try:
                with self._sharing(folder) as kind:
                    if kind == "folder":
                        archiving.save(str(folder / volumes.TREE), out, most_bytes=most_bytes)
                    elif kind == "image":
                        self._io("save", name, folder / volumes.IMAGE, limit=most_bytes, out=out)
                    else:
                        raise EngineError(f"there is no volume {name}")
            except VolumeInUse:
                self._save_of_holder(folder, name, out, most_bytes)
        except _FAULTS as error:
            raise EngineError(f"the volume {name} cannot be saved: {error}") from error

    def _save_of_holder(self, folder: Path, name: str, out: IO[bytes], most_bytes: int) -> None:
        """Save what the run has that holds the volume alone, where it has it. Raises `VolumeInUse` where it lets go meanwhile."""
        holder = volumes.holder(str(folder))
        pid, place = holder.get("pid"), holder.get("root")
        if not isinstance(pid, int) or not Path(f"/proc/{pid}").exists():
            raise VolumeInUse(f"the volume {name} is just being changed")
        if not place:
            with contextlib.suppress(archiving.LetGoError):
                archiving.save_held(str(folder / volumes.TREE), pid, out, most_bytes=most_bytes)
                return
        elif Path(mounted := f"/proc/{pid}/root{place}").is_mount():
            self._io("live", name, folder / volumes.IMAGE, path=mounted, limit=most_bytes, number=pid, out=out)
            return
        raise VolumeInUse(f"the run that had the volume {name} is just letting go of it")

    def load(self, name: str, source: IO[bytes], size_bytes: int, *, length: int) -> None:
        """See `Engine.load_volume`."""
        folder = self._folder / name
        kind = volumes.kind(str(folder))
        fresh = folder / f"{volumes.IMAGE if kind == 'image' else volumes.TREE}.new"
        owner = self._owner(name)
        try:
            with self._alone(folder):
                _remove(fresh)
                try:
                    if kind == "image":
                        assert owner is not None
                        if (folder / volumes.IMAGE).exists():
                            volumes.wait_until_detached(str(folder / volumes.IMAGE))
                        volumes.make_image(str(fresh), size_bytes, owner)
                        self._io("load", name, fresh, path=str(length), given=source)
                        volumes.wait_until_detached(str(fresh))
                        sharing.put_in_place(str(fresh), str(folder / volumes.IMAGE))
                    else:
                        fresh.mkdir(mode=0o700)
                        archiving.load(str(fresh), source, owner, length=length)
                        if owner is not None:
                            os.chown(fresh, *owner)
                        volumes.put_tree_in_place(str(folder), str(fresh))
                finally:
                    _remove(fresh)
        except _FAULTS as error:
            raise EngineError(f"the volume {name} cannot be given its contents: {error}") from error

    def _owner(self, name: str) -> tuple[int, int] | None:
        if self._owner_of is None:
            return None
        uid = self._owner_of(name)
        return uid, uid

    @contextlib.contextmanager
    def _sharing(self, folder: Path):  # type: ignore[no-untyped-def]
        """Keep everybody from what needs the volume alone. Gives its kind, empty where there is none."""
        there = next((kind for kind, name in _KINDS.items() if (folder / name).exists()), "")
        if not there:
            yield ""
            return
        try:
            with volumes.holding(str(folder), 0, shared=True):
                yield there
        except volumes.VolumeBusyError as error:
            raise VolumeInUse(str(error)) from error

    @contextlib.contextmanager
    def _alone(self, folder: Path):  # type: ignore[no-untyped-def]
        try:
            with volumes.holding(str(folder), _PATIENCE):
                yield
        except volumes.VolumeBusyError as error:
            raise VolumeInUse(str(error)) from error

    def _io(
        self,
        verb: str,
        name: str,
        image: Path,
        *,
        path: str = volume_io.SHARED,
        limit: int = 0,
        number: int = 0,
        given: IO[bytes] | None = None,
        out: IO[bytes] | None = None,
    ) -> bytes:
        owner = self._owner(name)
        assert owner is not None
        words = [sys.executable, "-I", "-S", str(_PROGRAM), verb, str(image), path, str(limit), str(number or owner[0])]
        where = out if out is not None else subprocess.PIPE
        done = subprocess.run(
            words,
            stdin=given or subprocess.DEVNULL,
            stdout=where,
            stderr=subprocess.PIPE,
            check=False,
            timeout=_SECONDS,
        )
        if done.returncode == volume_io.NOT_ALLOWED:
            raise PermissionError(done.stderr.decode(errors="replace"))
        if done.returncode == volume_io.LET_GO:
            raise VolumeInUse(done.stderr.decode(errors="replace"))
        if done.returncode != 0:
            raise OSError(done.stderr.decode(errors="replace")[-500:] or f"it ended with {done.returncode}")
        return done.stdout or b""


_KINDS = {"image": volumes.IMAGE, "folder": volumes.TREE}


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
