"""Archives that are sent without being made: whole, in part, and read by others."""

import io
import random
import shutil
import subprocess
import zipfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studium.lib.crc32 import combined
from studium.lib.zipping import Archive, Member

WHEN = datetime(2026, 3, 4, 5, 6, 8, tzinfo=UTC)


def archive_of(files: dict[str, bytes]) -> Archive:
    members = [Member(path, len(content), zlib.crc32(content)) for path, content in files.items()]

    def contents(first: int, start: int, length: int) -> Iterator[tuple[int, bytes]]:
        for index, content in list(enumerate(files.values()))[first:]:
            for at in range(start, len(content), 1000):
                piece = content[at : at + 1000][:length]
                yield index, piece
                length -= len(piece)
                if not length:
                    return
            start = 0

    return Archive(members, WHEN, contents)


FILES = {"a.txt": b"a" * 10, "folder/Größe.bin": random.Random(1).randbytes(5000), "empty": b""}


@pytest.fixture
def archive() -> Archive:
    return archive_of(FILES)


def test_others_read_it(archive: Archive, tmp_path: Path) -> None:
    whole = b"".join(archive.pieces())
    assert len(whole) == archive.size
    with zipfile.ZipFile(io.BytesIO(whole)) as opened:
        assert opened.testzip() is None
        assert {info.filename: opened.read(info) for info in opened.infolist()} == FILES
        assert {info.date_time for info in opened.infolist()} == {(2026, 3, 4, 5, 6, 8)}
    if program := shutil.which("unzip"):
        tmp_path.joinpath("a.zip").write_bytes(whole)
        subprocess.run([program, "-q", "a.zip"], cwd=tmp_path, check=True)
        assert {path: (tmp_path / path).read_bytes() for path in FILES} == FILES


@given(st.data())
def test_any_part_is_that_part(data: st.DataObject) -> None:
    archive = archive_of(FILES)
    whole = b"".join(archive.pieces())
    start = data.draw(st.integers(0, archive.size))
    length = data.draw(st.integers(0, archive.size - start))
    assert b"".join(archive.pieces(start, length)) == whole[start : start + length]


def test_what_is_not_sent_is_not_read() -> None:
    asked = list[tuple[int, int, int]]()

    def contents(first: int, start: int, length: int) -> Iterator[tuple[int, bytes]]:
        asked.append((first, start, length))
        yield 1, b"x"

    archive = Archive([Member("first", 10_000_000_000, 1), Member("last", 1, 1)], WHEN, contents)
    ending = b"".join(archive.pieces(10_000_000_100))
    assert len(ending) == archive.size - 10_000_000_100
    assert ending.endswith(b"\0\0")
    assert asked == [(1, 0, len(ending))]


def test_the_first_bytes_come_alone_and_small_files_together() -> None:
    archive = archive_of({f"{number:05}": b"x" * 100 for number in range(20_000)})
    pieces = list(archive.pieces())
    assert len(pieces[0]) < 100
    assert len(pieces) < 30
    assert max(map(len, pieces)) <= 512 * 1024
    next_one = archive.pieces()
    assert next(next_one).startswith(b"PK\3\4")


def test_more_files_than_a_plain_archive_can_have() -> None:
    archive = archive_of({f"{number:06}": b"" for number in range(70_000)})
    with zipfile.ZipFile(io.BytesIO(b"".join(archive.pieces()))) as opened:
        assert len(opened.namelist()) == 70_000


def test_a_crc_follows_where_the_second_part_is_long() -> None:
    for size in (1, 255, 256, 65_535, 65_536, 1_048_575, 1_048_576, 5_000_011):
        second = bytes(size - 1) + b"!"
        assert combined(zlib.crc32(b"first"), zlib.crc32(second), size) == zlib.crc32(b"first" + second), size


@given(st.binary(max_size=3000), st.binary(max_size=3000))
def test_a_crc_follows_from_those_of_the_parts(first: bytes, second: bytes) -> None:
    assert combined(zlib.crc32(first), zlib.crc32(second), len(second)) == zlib.crc32(first + second)
