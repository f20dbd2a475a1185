"""Bringing files: cut them, ask what is not there, send that in packs, several at once."""

import hashlib
import io
import json
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from studium.lib import chunks as cutting

_AT_ONCE = 3
Piece = tuple[cutting.Chunk, bytes]


@dataclass
class Sent:
    """How far it is: bytes read of the files, bytes that travelled, and bytes that were new to the server's store."""

    files: int = 0
    read: int = 0
    travelled: int = 0
    new: int = 0
    changed: Callable[["Sent"], None] = field(default=lambda _: None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, *, files: int = 0, read: int = 0, travelled: int = 0, new: int = 0) -> None:
        with self._lock:
            self.files += files
            self.read += read
            self.travelled += travelled
            self.new += new
        self.changed(self)


class Way(NamedTuple):
    """The calls that bring chunks: which are missing, and send a pack."""

    missing: Callable[[list[str]], list[str]]
    bring: Callable[[bytes], int]

    def send(self, pack: list[Piece], sent: Sent | None = None) -> None:
        """Send what is missing of these."""
        by_digest = {chunk.digest: (chunk, content) for chunk, content in pack}
        lacking = [by_digest[digest] for digest in self.missing(list(by_digest))]
        if lacking:
            new = self.bring(packed(lacking))
            if sent:
                sent.add(travelled=sum(chunk.size for chunk, _ in lacking), new=new)


def packed(pieces: list[Piece]) -> bytes:
    """Chunks as the server takes them: the length of a list, the list, the chunks."""
    listed = json.dumps([[chunk.digest, chunk.size] for chunk, _ in pieces], separators=(",", ":")).encode()
    return b"".join([len(listed).to_bytes(4, "big"), listed, *(content for _, content in pieces)])


def send_files(files: Iterable[tuple[str, Path]], way: Way, sent: Sent) -> list[dict[str, Any]]:
    """Send what is missing of the files; each as a version is made of it, with path, size, digest and chunks."""
    found: list[dict[str, Any]] = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        waiting: deque[Future[None]] = deque()
        try:
            for pack in _packs(_pieces(files, found, sent)):
                waiting.append(pool.submit(way.send, pack, sent))
                if len(waiting) > _AT_ONCE:
                    waiting.popleft().result()
            while waiting:
                waiting.popleft().result()
        except BaseException:
            for each in waiting:
                each.cancel()
            raise
    return found


def send_list(brought: list[dict[str, Any]], way: Way) -> list[str]:
    """Send the list of files itself, which may be longer than a request can be; the digests of its chunks."""
    text = b"".join(json.dumps(each, separators=(",", ":")).encode() + b"\n" for each in brought)
    pieces = list(cutting.cut(io.BytesIO(text)))
    for pack in _packs(iter(pieces)):
        way.send(pack)
    return [chunk.digest for chunk, _ in pieces]


def _pieces(files: Iterable[tuple[str, Path]], found: list[dict[str, Any]], sent: Sent) -> Iterator[Piece]:
    """The chunks of all files; each file is in `found` when its last chunk was given."""
    for name, path in files:
        whole, size, digests = hashlib.sha256(), 0, list[str]()
        with path.open("rb") as stream:
            for chunk, content in cutting.cut(stream):
                whole.update(content)
                size += chunk.size
                digests.append(chunk.digest)
                sent.add(read=chunk.size)
                yield chunk, content
        # What is one chunk has its digest already.
        digest = digests[0] if len(digests) == 1 else whole.hexdigest()
        found.append({"path": name, "size": size, "digest": digest, "chunks": digests})
        sent.add(files=1)


def _packs(pieces: Iterator[Piece]) -> Iterator[list[Piece]]:
    pack, size = list[Piece](), 0
    for chunk, content in pieces:
        pack.append((chunk, content))
        size += chunk.size
        if size >= cutting.PACK_BYTES or len(pack) >= cutting.PACK_CHUNKS:
            yield pack
            pack, size = [], 0
    if pack:
        yield pack
