"""Answers of the web process that name their bytes instead of giving them: parts of the store's files, which are sent from here.

So a thread of the web process is free at once, however slowly a client takes what it asked for, and bytes pass through one
process less. The web process says how many bytes there are in `X-Studium-Files`, and where they lie in the lines of the body:
path below the folder of the store, offset and length, with a space between.
"""

import asyncio
import os
import re
from collections.abc import AsyncGenerator, Iterator, MutableMapping
from pathlib import Path
from typing import NamedTuple

from studium.edge.settings import EdgeConfig

# Said to the web process: such an answer would be understood.
SENDS, FILES = "X-Studium-Sends", "X-Studium-Files"
# A few hundred kilobytes are held for a client, and no more.
_PIECE = 256 * 1024
_LINE = re.compile(rb"((?:blocks|sha256)/[0-9a-z]{2}/[0-9a-z]{1,64}) (\d{1,18}) (\d{1,18})")


class Part(NamedTuple):
    """So many bytes of a file from an offset on. `path` is below the store's folder."""

    path: str
    offset: int
    length: int


class PartsError(Exception):
    """The bytes are not where they were said to be."""


def offer(config: EdgeConfig, headers: MutableMapping[str, str]) -> Path | None:
    """Tell the web process, if it is asked with these headers, that such an answer is understood; the folder of the files."""
    if not config.files_folder:
        return None
    headers[SENDS] = "1"
    return Path(config.files_folder)


def read_list(plan: bytes, length: int) -> list[Part]:
    """The parts, which have so many bytes together. Raises PartsError."""
    found = list(_parts(plan))
    if sum(each.length for each in found) != length:
        raise PartsError("the parts have another length together")
    return found


def _parts(plan: bytes) -> Iterator[Part]:
    for line in plan.splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            raise PartsError("a line names no part of a file")
        yield Part(match[1].decode(), int(match[2]), int(match[3]))


async def pieces(folder: Path, parts: list[Part]) -> AsyncGenerator[bytes, None]:
    """Their bytes. Raises PartsError where a file is gone or shorter than it was, OSError where the disk fails."""
    for part in parts:
        try:
            # Not in a thread: where a client goes away meanwhile nobody would close what that opened.
            handle = os.open(folder / part.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise PartsError("a file is gone") from error
        try:
            offset, end = part.offset, part.offset + part.length
            while offset < end:
                size = min(_PIECE, end - offset)
                piece = _at_hand(handle, offset, size) or await asyncio.to_thread(os.pread, handle, size, offset)
                if not piece:
                    raise PartsError("a file is shorter than it was")
                yield piece
                offset += len(piece)
        finally:
            os.close(handle)


def _at_hand(handle: int, offset: int, size: int) -> bytes:
    """What can be had without waiting for the disk, which would have everybody else wait too; often all, else nothing."""
    buffer = bytearray(size)
    try:
        return bytes(memoryview(buffer)[: os.preadv(handle, [buffer], offset, os.RWF_NOWAIT)])
    except OSError:  # it is not in memory, or the file system cannot tell
        return b""
