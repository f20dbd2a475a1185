"""Bytes that the store has damaged or lost, and that this machine still has: in trees laid down for runs, in files kept for starts.

Nothing is believed: what is found is taken only where its SHA-256 is the one that is looked for.
"""

import hashlib
from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path

from studium.config.options import options
from studium.storage import manifests, stores, trees
from studium.storage.chunks import blocks
from studium.storage.models import Chunk


def mend_chunks(digests: Collection[str], *, now: datetime) -> set[str]:
    """Write those of these chunks that are found here anew, and say where they lie now; returns which."""
    wanted = {chunk.digest: chunk for chunk in Chunk.objects.filter(digest__in=list(digests))}
    done = set[str]()
    for digest, content in _chunks_here(set(wanted)):
        if digest in done:
            continue
        blocks.move(blocks.written({digest: content}, now=now), wanted[digest].block_id, now=now)
        done.add(digest)
    return done


def mend_blob(digest: str) -> bool:
    """Write a blob anew if it is found here."""
    for path in _blobs_here(digest):
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() == digest:
            stores.remove(digest)
            stores.write(digest, content)
            return True
    return False


def _chunks_here(wanted: set[str]) -> Iterator[tuple[str, bytes]]:
    sizes = dict[str, int]()
    for manifest, entries in _trees():
        for entry in entries:
            if not wanted.intersection(entry.chunks or ()):
                continue
            assert entry.chunks is not None
            lacking = [digest for digest in entry.chunks if digest not in sizes]
            sizes.update(Chunk.objects.filter(digest__in=lacking).values_list("digest", "size"))
            yield from _pieces_of(trees.folder_of(manifest) / entry.path, entry.chunks, sizes, wanted)


def _pieces_of(
    path: Path, chunks: tuple[str, ...], sizes: dict[str, int], wanted: set[str]
) -> Iterator[tuple[str, bytes]]:
    """The wanted chunks of a file that lies here, where they are whole."""
    offset = 0
    with path.open("rb") as stream:
        for digest in chunks:
            if digest not in sizes:  # forgotten meanwhile: where the next begins is not known
                return
            if digest in wanted:
                stream.seek(offset)
                content = stream.read(sizes[digest])
                if hashlib.sha256(content).hexdigest() == digest:
                    yield digest, content
            offset += sizes[digest]


def _blobs_here(digest: str) -> Iterator[Path]:
    kept = options().home / "seeds" / digest
    if kept.is_file():
        yield kept
    for manifest, entries in _trees():
        for entry in entries:
            if entry.chunks is None and entry.digest == digest:
                yield trees.folder_of(manifest) / entry.path


def _trees() -> Iterator[tuple[str, list[manifests.Entry]]]:
    """The trees that are laid down, with what is in them; not those whose list of files is itself lost."""
    for manifest in trees.all_down():
        try:
            yield manifest, manifests.read(manifest)
        except (OSError, ValueError, KeyError):
            continue
