"""Manifests: blobs of JSON whose `files` have `path`, `size` and `digest` each, the hex SHA-256 of a file.

Where one says `packed` its files are kept in chunks: those that a file names in `chunks`, or the one that is the whole file;
but for those that are one `blob`, which something else brought and holds too.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from studium.storage import stores
from studium.storage.chunks import queries as chunks


class Entry(NamedTuple):
    """A file of a manifest. `chunks` are the digests it is put together from; None where it is one blob.

    `crc` is its CRC-32, None where nobody took it. A tuple, since there may be 200,000 of them.
    """

    path: str
    size: int
    digest: str
    chunks: tuple[str, ...] | None
    crc: int | None = None

    @property
    def known_by(self) -> str:
        """What names these bytes and no others. Of a file of several chunks, `digest` is only what its bringer says."""
        if self.chunks is None:
            return self.digest
        return hashlib.sha256(" ".join(self.chunks).encode()).hexdigest()

    def pieces(self, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Its bytes from `start` on. Raises FileNotFoundError before the first where they are not kept."""
        if self.chunks is not None:
            return chunks.pieces(self.chunks, start, length)
        if start == 0 and length is None:
            return stores.pieces(self.digest)
        end = self.size if length is None else min(start + length, self.size)
        return chunks.begun(_parts(self.digest, start, end - start))

    def parts(self, start: int, length: int) -> list[stores.Part] | None:
        """Where these bytes lie in the store's folder; None where that is not the store, or lacks some."""
        if self.chunks is not None:
            return chunks.parts(self.chunks, start, length)
        return stores.part_of(self.digest, start, length)


_PART = 4 * 1024 * 1024


def _parts(digest: str, start: int, length: int) -> Iterator[bytes]:
    for position in range(start, start + length, _PART):
        yield stores.read_part(digest, position, min(_PART, start + length - position))


def written(entries: Iterable[Entry]) -> bytes:
    """A packed manifest of these, in the order of their paths: the same files give the same bytes."""
    files = []
    for each in sorted(entries, key=lambda entry: entry.path):
        one: dict[str, object] = {"path": each.path, "size": each.size, "digest": each.digest, "crc": each.crc}
        if each.chunks is None:
            one["blob"] = True
        elif each.chunks != ((each.digest,) if each.size else ()):
            one["chunks"] = list(each.chunks)
        files.append(one)
    return json.dumps({"files": files, "packed": True}, separators=(",", ":"), ensure_ascii=False).encode()


def read(digest: str) -> list[Entry]:
    """Every file of a manifest. Raises FileNotFoundError, or ValueError for one that names no files of a tree.

    What stands in a manifest came from people, so each path is looked at again.
    """
    found = json.loads(stores.read(digest))
    try:
        return [_entry(each, packed=found.get("packed") is True) for each in found["files"]]
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"no manifest: {error!r}") from error


def _entry(each: dict[str, object], *, packed: bool) -> Entry:
    # There may be 200,000 of these, each looked at whenever somebody asks for one: what is as it should be passes quickly.
    path, size, digest = each["path"], each["size"], each["digest"]
    path = path if type(path) is str else str(path)
    digest = digest if type(digest) is str else str(digest)
    size = size if type(size) is int else int(str(size))
    if not path or path[0] in "/." or "/." in path:
        _check_path(path)
    said = each.get("crc")
    crc = said if isinstance(said, int) else None
    if not packed or each.get("blob") is True:
        return Entry(path, size, digest, None, crc)
    named = each.get("chunks")
    if isinstance(named, list):
        return Entry(path, size, digest, tuple(map(str, named)), crc)
    return Entry(path, size, digest, (digest,) if size else (), crc)


def _check_path(path: str) -> None:
    parts = path.split("/")
    if path.startswith("/") or ".." in parts or all(part in ("", ".") for part in parts):
        raise ValueError(f"no path of a tree: {path!r}")
