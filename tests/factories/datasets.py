"""Datasets, chunks and seeded bytes for tests; chunks are as small as a test likes, since nothing says they may not be."""

import hashlib
import random
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from factories.accounts import NOW
from studium.accounts.models import Team, User
from studium.config.options import options
from studium.datasets import actions
from studium.datasets.files import Brought
from studium.datasets.models import Dataset, DatasetVersion
from studium.storage import actions as storage
from studium.storage import manifests
from studium.storage.chunks import actions as chunks
from studium.storage.models import Chunk


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def seeded(size: int, seed: int = 0) -> bytes:
    """Bytes that no compressor knows, the same for the same seed everywhere."""
    return random.Random(seed).randbytes(size)


def pack_of(*parts: bytes) -> tuple[list[tuple[str, int]], bytes]:
    """Chunks as they are sent."""
    return [(sha256(part), len(part)) for part in parts], b"".join(parts)


def bring(owner: str, *parts: bytes, now: datetime = NOW) -> list[str]:
    """Bring each of these as a chunk; their digests."""
    described, content = pack_of(*parts)
    chunks.bring(owner, described, content, now=now)
    return [digest for digest, _ in described]


def file_of(path: str, *parts: bytes) -> Brought:
    """A file that is put together from chunks, which are to be brought."""
    whole = b"".join(parts)
    return Brought(path, len(whole), sha256(whole), [sha256(part) for part in parts])


def manifest_of(owner: str, files: dict[str, Sequence[bytes]], *, now: datetime = NOW) -> str:
    """The digest of a packed manifest of files, each of which is given by its chunks."""
    found = []
    for path, parts in files.items():
        if parts:
            bring(owner, *dict.fromkeys(parts), now=now)
        each = file_of(path, *parts)
        found.append(manifests.Entry(path, each.size, each.digest, tuple(each.chunks)))
    return storage.put(manifests.written(found), now=now).digest


def make_dataset(
    user: User, team: Team | None = None, title: str = "Numbers", *, now: datetime = NOW, **more: Any
) -> Dataset:
    return actions.create_dataset(user, team or user.personal_team, title, now=now, **more)


def make_version(
    user: User, dataset: Dataset, files: dict[str, Sequence[bytes]], *, now: datetime = NOW, note: str = ""
) -> DatasetVersion:
    """A version of files, each given by its chunks: what is missing is brought as a client would."""
    lacking = set(actions.lacking(user, dataset, [sha256(part) for parts in files.values() for part in parts], now=now))
    fresh = {sha256(part): part for parts in files.values() for part in parts if sha256(part) in lacking}
    if fresh:
        actions.bring(user, dataset, *pack_of(*fresh.values()), used=0, now=now)
    brought = [file_of(path, *parts) for path, parts in files.items()]
    return actions.make_version(user, dataset, brought, now=now, note=note)


def content_of(version: DatasetVersion) -> dict[str, bytes]:
    """Every file of a version, read as a download reads it."""
    return {entry.path: b"".join(entry.pieces()) for entry in manifests.read(version.manifest)}


def blocks_folder() -> Path:
    return options().home / "blobs" / "blocks"


def stored_blocks() -> dict[str, int]:
    """The block files of the store and their sizes, whatever else lies beside them included."""
    return {path.name: path.stat().st_size for path in blocks_folder().rglob("*") if path.is_file()}


def block_file(digest: str) -> Path:
    """The file in which a chunk lies."""
    block = Chunk.objects.get(pk=digest).block_id
    return blocks_folder() / block[:2] / block
