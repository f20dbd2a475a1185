"""Unpacks archives that came from somewhere: plain files alone, below one folder, within the room that there is."""

import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from fetch_errors import FetchError, Report, Room

_PIECE = 1 << 20
_BROKEN = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    NotImplementedError,
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
)


class Unpacker:
    """`left_out` counts links, devices and what else is no plain file."""

    def __init__(self, room: Room, report: Report) -> None:
        self.room, self.report, self.left_out = room, report, 0

    def all_in(self, out: Path) -> None:
        """Put what is in the archives of a folder in their place: of a single one into the folder, else each into its own."""
        found = [path for path in sorted(out.iterdir()) if _kind(path)]
        if not found:
            raise FetchError("url.not_an_archive", "It is no zip and no tar archive.")
        several = len(list(out.iterdir())) > 1
        for path in found:
            aside = out.parent / f"unpack-{path.name}"
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir()
            self._unpack(path, aside)
            self.room.give_back(path.stat().st_size)
            path.unlink()
            if several:
                aside.rename(out / _stem(path.name))
                continue
            for each in aside.iterdir():
                each.rename(out / each.name)
            aside.rmdir()

    def _unpack(self, path: Path, target: Path) -> None:
        try:
            members = self._of_zip(path) if _kind(path) == "zip" else self._of_tar(path)
            for name, stream in members:
                with stream:
                    self._write(target, name, stream)
        except FetchError:
            raise
        except _BROKEN as error:
            if isinstance(error, OSError) and error.errno in (28, 122):
                raise
            raise FetchError("url.bad_archive", f"{path.name[:100]} cannot be unpacked: {str(error)[:200]}.") from None

    def _of_zip(self, path: Path) -> Iterator[tuple[str, IO[bytes]]]:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                mode = member.external_attr >> 16
                if member.filename.endswith("/"):
                    continue
                if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                    self.left_out += 1
                    continue
                yield member.filename, archive.open(member)

    def _of_tar(self, path: Path) -> Iterator[tuple[str, IO[bytes]]]:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.isreg() else None
                if stream is not None:
                    yield member.name, stream
                elif not member.isdir():
                    self.left_out += 1

    def _write(self, target: Path, name: str, stream: IO[bytes]) -> None:
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if not parts or ".." in parts or name.startswith("/") or "\x00" in name:
            raise FetchError("url.bad_archive", f"The archive has a file that would lie outside of it: {name[:100]!r}.")
        self.room.another_file()
        place = target.joinpath(*parts)
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("wb") as out:
            while piece := stream.read(_PIECE):
                self.room.take(len(piece))
                out.write(piece)
        self.report.now_and_then(name=parts[-1][:200])


def _kind(path: Path) -> str:
    """`zip` or `tar` by its content; empty for another file."""
    if zipfile.is_zipfile(path):
        return "zip"
    return "tar" if tarfile.is_tarfile(path) else ""


def _stem(name: str) -> str:
    for ending in (".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".tbz2", ".txz", ".tar", ".zip"):
        if name.lower().endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return f"{name}.d"
