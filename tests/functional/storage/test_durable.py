"""What the folder store says it has is on the disk: flushed before it has its name, and its name after that."""

import errno
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.db import connection

from factories.accounts import NOW
from factories.datasets import bring, manifest_of, seeded, sha256
from studium.config.databases import database
from studium.config.options import options
from studium.lib import folders
from studium.storage import actions, folder, reconcile, stores, trees
from studium.storage.errors import StoreFull
from studium.storage.models import Blob, Chunk

pytestmark = pytest.mark.django_db


@pytest.fixture
def done() -> Iterator[list[str]]:
    """What was flushed and renamed, and which rows were made, in order. A file aside is told without its number."""
    told: list[str] = []
    flush, rename = os.fsync, Path.replace

    def flushed(handle: int) -> None:
        flush(handle)
        told.append(f"flushed {_short(os.readlink(f'/proc/self/fd/{handle}'))}")

    def renamed(path: Path, target: Path) -> Path:
        told.append(f"named {_short(str(target))}")
        return rename(path, target)

    with mock.patch.object(os, "fsync", flushed), mock.patch.object(Path, "replace", renamed):
        yield told


def _short(path: str) -> str:
    below = Path(path.partition("#")[0]).relative_to(options().home / "blobs")
    return f"{below}{' aside' if '#' in path else ''}"


def test_a_block_is_flushed_before_its_chunks_are_recorded(done: list[str]) -> None:
    def recorded(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        if sql.startswith("INSERT") and Chunk._meta.db_table in sql:
            done.append("recorded")
        return execute(sql, *arguments)

    with connection.execute_wrapper(recorded):
        (digest, _) = bring("team:1", b"flushed first", b"recorded then")
    block = Chunk.objects.get(pk=digest).block_id
    key, below = stores.path_of_block(block), f"blocks/{block[:2]}"
    assert done[-4:] == [f"flushed {key} aside", f"named {key}", f"flushed {below}", "recorded"]


def test_new_folders_are_flushed_too_and_known_ones_once(done: list[str], tmp_path: Path) -> None:
    folder.put(options().home / "blobs", "durable/aa/one", b"1")
    folder.put(options().home / "blobs", "durable/aa/two", b"2")
    assert done == [
        "flushed .",
        "flushed durable",
        "flushed durable/aa/one aside",
        "named durable/aa/one",
        "flushed durable/aa",
        "flushed durable/aa/two aside",
        "named durable/aa/two",
        "flushed durable/aa",
    ]
    folders.remove(options().home / "blobs" / "durable")
    folder.put(options().home / "blobs", "durable/aa/one", b"1")
    assert done[8:10] == ["flushed .", "flushed durable"], "it was made anew"


def test_what_another_writes_just_then_is_flushed_before_it_is_taken_for_kept(done: list[str]) -> None:
    content = seeded(5000, 77)
    key = stores.path_of(sha256(content))
    stores.write(sha256(content), content)
    done.clear()
    actions.put(content, now=NOW)
    assert done == [f"flushed {key}", f"flushed {os.path.dirname(key)}"]


def test_many_are_flushed_at_once(done: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def flush(top: Path) -> None:
        done.append(f"flushed all of {_short(str(top))}")
        folders.flush(top)

    monkeypatch.setattr(folder, "flush", flush)
    contents = [seeded(3000, 80), b"", seeded(3000, 81), seeded(3000, 80)]
    stores.remove(sha256(b""))  # which other tests may have left in the store
    stores.write(sha256(contents[0]), b"cut short")
    done.clear()
    blobs = actions.put_all(contents, now=NOW)
    assert [blob.digest for blob in blobs] == [sha256(each) for each in contents]
    assert [actions.get(blob.digest) for blob in blobs] == contents
    steps = [each for each in done if not each.startswith("flushed sha256") and each != "flushed ."]
    assert steps[0] == steps[-1] == "flushed all of ."
    assert sorted(steps[1:-1]) == sorted(f"named {stores.path_of(sha256(each))}" for each in contents[:3])


def test_of_many_that_find_no_room_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder, "flush", full)
    contents = [seeded(3000, 82), seeded(3000, 83)]
    with pytest.raises(StoreFull):
        actions.put_all(contents, now=NOW)
    assert not Blob.objects.filter(digest__in=[sha256(each) for each in contents]).exists()
    for each in contents:
        path = options().home / "blobs" / stores.path_of(sha256(each))
        assert list(path.parent.glob(f"{path.name}*")) == []


def test_what_is_found_in_the_store_is_not_collected_just_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it takes between finding it and saying so."""
    later = NOW + timedelta(days=1)
    content, real = seeded(3000, 84), stores.write
    actions.put(content, now=NOW)

    def slowly(digest: str, content: bytes) -> None:
        real(digest, content)
        reconcile.collect(later)

    monkeypatch.setattr(stores, "write", slowly)
    blob = actions.put(content, now=later)
    assert actions.get(blob.digest) == content
    assert actions.put_all([content], now=later + timedelta(days=1)) == [blob]


@pytest.mark.parametrize("left", [b"", b"only a part"])
def test_what_a_power_cut_left_of_a_file_is_replaced(left: bytes, tmp_path: Path) -> None:
    content, whole = seeded(5000, 78), tmp_path / "whole"
    whole.write_bytes(content)
    path = options().home / "blobs" / stores.path_of(sha256(content))
    path.parent.mkdir(parents=True, exist_ok=True)
    for put in (lambda: actions.put(content, now=NOW), lambda: actions.put_file(whole, now=NOW)):
        path.write_bytes(left)
        put()
        assert path.read_bytes() == content
        assert actions.get(sha256(content)) == content
    assert Blob.objects.get(pk=sha256(content)).size == 5000


MIB = 1024 * 1024
SIZES = [MIB, MIB + 1, 4 * MIB - 1, 4 * MIB, 4 * MIB + 4096, 9 * MIB + 4095]


@pytest.mark.parametrize("refused", ["", "open", "write"])
def test_what_is_large_is_written_past_the_page_cache_where_that_can_be(
    tmp_path: Path, refused: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole, in parts, or from a file, of any length; file systems that know no such way say so at either step."""
    direct, opened = list[str](), os.open

    def opening(path: Path | str, flags: int, *more: int) -> int:
        if flags & os.O_DIRECT:
            direct.append(Path(path).name.partition("#")[0])
            if refused == "open":
                raise OSError(errno.EINVAL, "Invalid argument")
        return opened(path, flags, *more)

    def refusing(handle: int, content: memoryview, write: Callable[..., int] = os.write) -> int:
        if fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_DIRECT:
            raise OSError(errno.EINVAL, "Invalid argument")
        return write(handle, content)

    monkeypatch.setattr(os, "open", opening)
    if refused == "write":
        monkeypatch.setattr(os, "write", refusing)
    for size in SIZES:
        content = seeded(size, size)
        (tmp_path / "whole").write_bytes(content)
        for number, given in enumerate((content, [content[:99], memoryview(content)[99:]], tmp_path / "whole")):
            folder.put(tmp_path, f"at/{size}.{number}", given)
            assert (tmp_path / f"at/{size}.{number}").read_bytes() == content
    assert direct == [f"{size}.{number}" for size in SIZES for number in range(3)]
    folder.put(tmp_path, "at/small", seeded(MIB - 1, 1))
    assert direct[-1] != "small"
    assert not list(tmp_path.glob("at/*#*"))


def test_where_there_is_no_room_past_the_cache_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int, __: memoryview) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        folder.put(tmp_path, "at/large", bytes(2 * MIB))
    assert list((tmp_path / "at").iterdir()) == []


def test_a_tree_is_flushed_before_it_has_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = manifest_of("team:1", {"a/b": [b"in a tree"], "c": [seeded(300_000, 79)]})
    folders.remove(trees.folder_of(manifest))
    seen = []

    def flush(top: Path) -> None:
        seen.append((trees.is_down(manifest), (top / "a/b").read_bytes()))
        folders.flush(top)

    monkeypatch.setattr(trees, "flush", flush)
    trees.lay_down(manifest, now=NOW)
    assert seen == [(False, b"in a tree")]
    assert trees.is_down(manifest)


def test_flushing_what_is_not_there_is_said(tmp_path: Path) -> None:
    folders.flush(tmp_path)
    with pytest.raises(FileNotFoundError):
        folders.flush(tmp_path / "nothing")


def test_a_commit_is_on_the_disk_when_it_is_done(tmp_path: Path) -> None:
    said = database("", tmp_path)["OPTIONS"]["init_command"]
    with sqlite3.connect(tmp_path / "a.sqlite3") as connection:
        connection.executescript(said)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
