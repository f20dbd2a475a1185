"""Zip archives that need not be made before they are sent: where each byte of one lies follows from its files' names,
sizes and CRCs, so it starts at once, its length is known, and it can be gone on with anywhere.

Files are stored as they are; ZIP64 is used throughout, so size and count have no limits. Format: PKWARE's APPNOTE 6.3.
"""

import itertools
import struct
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")
_END = struct.Struct("<4s4H2IH")
_NEEDS, _BY = 45, 45 | 3 << 8  # ZIP64; made on Unix
_UTF8, _ALL16, _ALL32 = 1 << 11, 0xFFFF, 0xFFFFFFFF
_READABLE = 0o100644 << 16


# What is sent at a time, but for the first bytes: handing each file on by itself takes longer than reading it.
_AT_A_TIME = 256 * 1024


class Member(NamedTuple):
    """A file of an archive."""

    path: str
    size: int
    crc: int


# Gives the bytes of the members from that index on, from `start` of the first and `length` at most: pieces, each with the index
# of its member.
Contents = Callable[[int, int, int], Iterator[tuple[int, bytes]]]


class Archive:
    """An archive of these files, as they are in this order, all with one time. Only what is sent is asked of `contents`."""

    def __init__(self, members: Sequence[Member], when: datetime, contents: Contents) -> None:
        self._members, self._contents = members, contents
        year = min(max(when.year, 1980), 2107)
        self._date = (year - 1980) << 9 | when.month << 5 | when.day
        self._time = when.hour << 11 | when.minute << 5 | when.second // 2
        self._offsets, position, names = list[int](), 0, 0
        for member in members:
            self._offsets.append(position)
            name = len(member.path.encode())
            position += _LOCAL.size + name + 20 + member.size
            names += name
        self._directory_at = position
        directory = len(members) * (_CENTRAL.size + 28) + names
        self.size = position + directory + _END64.size + _LOCATOR.size + _END.size

    def pieces(self, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Its bytes from `start` on."""
        left = self.size - start if length is None else length
        for piece in _gathered(self._from(start, left)):
            if left <= 0:
                return
            yield piece[:left]
            left -= len(piece)

    def _from(self, start: int, length: int) -> Iterator[bytes]:
        if start < self._directory_at:
            at = bisect_right(self._offsets, start) - 1
            header, skip = self._header(self._members[at]), start - self._offsets[at]
            yield header[skip:]
            for index, piece in self._contents(at, max(0, skip - len(header)), length):
                yield from self._headers(at + 1, index + 1)
                at = index
                yield piece
            yield from self._headers(at + 1, len(self._members))
        yield from _skipped(self._ending(), max(0, start - self._directory_at))

    def _headers(self, first: int, end: int) -> Iterator[bytes]:
        for index in range(first, end):
            yield self._header(self._members[index])

    def _header(self, member: Member) -> bytes:
        name = member.path.encode()
        extra = struct.pack("<2H2Q", 1, 16, member.size, member.size)
        fixed = _LOCAL.pack(
            b"PK\3\4", _NEEDS, _UTF8, 0, self._time, self._date, member.crc, _ALL32, _ALL32, len(name), len(extra)
        )
        return fixed + name + extra

    def _ending(self) -> Iterator[bytes]:
        size, count = 0, len(self._members)
        for member, offset in zip(self._members, self._offsets, strict=True):
            name = member.path.encode()
            extra = struct.pack("<2H3Q", 1, 24, member.size, member.size, offset)
            entry = _CENTRAL.pack(
                b"PK\1\2", _BY, _NEEDS, _UTF8, 0, self._time, self._date, member.crc, _ALL32, _ALL32,
                len(name), len(extra), 0, 0, 0, _READABLE, _ALL32,
            )  # fmt: skip
            yield entry + name + extra
            size += len(entry) + len(name) + len(extra)
        at = self._directory_at
        yield _END64.pack(b"PK\6\6", _END64.size - 12, _BY, _NEEDS, 0, 0, count, count, size, at)
        yield _LOCATOR.pack(b"PK\6\7", 0, at + size, 1)
        yield _END.pack(b"PK\5\6", 0, 0, min(count, _ALL16), min(count, _ALL16), _ALL32, _ALL32, 0)


def _skipped(pieces: Iterable[bytes], skip: int) -> Iterator[bytes]:
    """The pieces less the first bytes; nothing of what is skipped is kept."""
    for piece in pieces:
        if skip < len(piece):
            yield piece[skip:]
        skip = max(0, skip - len(piece))


def _gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes: the first piece by itself, so that it comes at once, then small ones together."""
    yield from itertools.islice(pieces, 1)
    some, size = list[bytes](), 0
    for piece in pieces:
        if size + len(piece) > 2 * _AT_A_TIME and some:
            yield b"".join(some)
            some, size = [], 0
        some.append(piece)
        size += len(piece)
        if size >= _AT_A_TIME:
            yield b"".join(some)
            some, size = [], 0
    if some:
        yield b"".join(some)
