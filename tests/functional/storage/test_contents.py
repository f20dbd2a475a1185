"""Many files read one behind the other: any part of them, with few questions, also while blocks are written anew."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from factories.accounts import NOW
from factories.datasets import block_file, bring, seeded, sha256
from studium.storage import actions as storage
from studium.storage import contents, stores
from studium.storage.chunks import actions, reconcile
from studium.storage.contents import streamed
from studium.storage.manifests import Entry

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_no_blocks")]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def entry(path: str, *parts: bytes) -> Entry:
    whole = b"".join(parts)
    return Entry(path, len(whole), sha256(whole), tuple(map(sha256, parts)))


def blob(path: str, content: bytes) -> Entry:
    return Entry(path, len(content), storage.put(content, now=NOW).digest, None)


def many(count: int) -> tuple[list[Entry], bytes]:
    """Files of a chunk each, in two blocks and not in the order in which they lie there; and their bytes."""
    parts = [seeded(100 + number % 7, number) for number in range(count)]
    bring("team:1", *sorted(parts[::2]))
    bring("team:1", *sorted(parts[1::2]))
    return [entry(f"{number:05}", part) for number, part in enumerate(parts)], b"".join(parts)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The length of each read of a block."""
    found, read = list[int](), stores.read_block_part

    def counted(block: str, start: int, length: int) -> bytes:
        found.append(length)
        return read(block, start, length)

    monkeypatch.setattr(stores, "read_block_part", counted)
    return found


def test_any_part_of_files_of_any_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "_AT_ONCE", 8)
    monkeypatch.setattr(contents, "_OF_A_BLOB", 3)
    monkeypatch.setattr(contents, "_FIRST_LOOK", 2)
    bring("team:1", b"first", b"second one", b"third")
    files = [
        entry("nothing"), entry("a", b"third", b"first"), blob("b", b"a blob"), entry("none"), entry("c", b"second one"),
    ]  # fmt: skip
    each = [b"", b"thirdfirst", b"a blob", b"", b"second one"]
    for first in range(len(files)):
        whole = b"".join(each[first:])
        for start in range(len(whole) + 1):
            for length in (0, 1, 5, 11, None):
                wanted = whole[start:] if length is None else whole[start : start + length]
                found = list(streamed(files, first, start, length))
                assert b"".join(piece for _, piece in found) == wanted
    told: dict[int, bytes] = {}
    for index, piece in streamed(files):
        told[index] = told.get(index, b"") + piece
    assert told == {1: each[1], 2: each[2], 4: each[4]}
    assert not list(streamed([]))


def test_few_questions_for_many_files(reads: list[int]) -> None:
    files, whole = many(3000)
    with CaptureQueriesContext(connection) as asked:
        assert b"".join(piece for _, piece in streamed(files)) == whole
    assert len(asked) <= 8
    assert len(reads) <= 4
    assert sum(reads) <= 1.1 * len(whole)


def test_the_first_bytes_wait_for_little(reads: list[int]) -> None:
    files, whole = many(3000)
    with CaptureQueriesContext(connection) as asked:
        stream = streamed(files)
        assert next(stream) == (0, whole[: files[0].size])
    assert sum(len(query["sql"]) for query in asked) < 60_000
    assert reads[0] == files[0].size


def test_no_more_than_is_asked_for_is_read(reads: list[int]) -> None:
    files, whole = many(3000)
    start = len(whole) // 2
    with CaptureQueriesContext(connection) as asked:
        assert b"".join(piece for _, piece in streamed(files, 0, start, 500)) == whole[start : start + 500]
    assert len(asked) <= 5
    assert sum(reads) < 200_000


def test_bytes_that_lie_far_from_each_other_are_read_by_themselves(reads: list[int]) -> None:
    parts = [seeded(200_000, number) for number in range(4)]
    bring("team:1", *parts)
    found = streamed([entry("x", parts[1]), entry("a", parts[0]), entry("b", parts[3])])
    assert b"".join(piece for _, piece in found) == parts[1] + parts[0] + parts[3]
    assert sum(reads) == 600_000


def test_a_reader_so_slow_that_the_block_was_written_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "_AT_ONCE", 1000)
    parts = [seeded(1000, seed) for seed in range(10)]
    bring("team:1", *parts)
    assert actions.give_up("team:1", {sha256(part) for part in parts[6:]}, now=NOW + 9 * DAY) == 6
    slow = streamed([entry(str(number), part) for number, part in enumerate(parts[6:])], 1, 500)
    first = next(slow)
    reconcile.collect(NOW + 9 * DAY)
    reconcile.collect(NOW + 9 * DAY + 2 * HOUR)
    assert b"".join([first[1], *(piece for _, piece in slow)]) == b"".join(parts[7:])[500:]


def test_what_is_lost_is_said() -> None:
    (digest,) = bring("team:1", b"content")
    files = [entry("a", b"content")]
    assert list(streamed(files)) == [(0, b"content")]
    block_file(digest).write_bytes(b"cont")
    with pytest.raises(FileNotFoundError, match="shorter than it was"):
        list(streamed(files))
    with pytest.raises(FileNotFoundError, match="is not kept"):
        list(streamed([entry("b", b"never brought")]))
    with pytest.raises(FileNotFoundError):
        list(streamed([Entry("c", 5, sha256(b"gone"), None)]))


def test_who_stops_reading_leaves_no_thread_behind() -> None:
    files, _ = many(50)
    before = set(threading.enumerate())
    stream = streamed(files)
    next(stream)
    next(stream)
    threads = set(threading.enumerate()) - before
    assert threads
    stream.close()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
