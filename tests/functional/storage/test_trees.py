"""Trees: whole or not there, never to be written, laid down once, swept when nobody uses them."""

import json
import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from factories.accounts import NOW
from studium.config.options import options
from studium.lib.folders import remove
from studium.storage import actions, reconcile, stores, trees

pytestmark = pytest.mark.django_db
WEEK = timedelta(days=7)


@pytest.fixture(autouse=True)
def nothing_laid_down() -> None:
    remove(options().home / "trees")


def manifest_of(files: dict[str, bytes]) -> str:
    kept = [
        {"path": path, "size": len(content), "digest": actions.put(content, now=NOW).digest}
        for path, content in files.items()
    ]
    return actions.put(json.dumps({"files": kept}).encode(), now=NOW).digest


def left() -> list[str]:
    folder = options().home / "trees"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def read(manifest: str) -> dict[str, bytes]:
    top = trees.folder_of(manifest)
    return {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()}


FILES = {"a.csv": b"1,2\n", "deep/er/größe 1.bin": bytes(range(256)), "deep/same.bin": bytes(range(256))}


def test_a_tree_has_every_file_and_nobody_may_write_it() -> None:
    manifest = manifest_of(FILES)
    assert not trees.is_down(manifest)
    trees.lay_down(manifest, now=NOW)
    assert trees.is_down(manifest)
    assert read(manifest) == FILES
    for path in [trees.folder_of(manifest), *trees.folder_of(manifest).rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o555 if path.is_dir() else 0o444)


def test_files_take_no_room_a_second_time_and_outlive_their_blobs() -> None:
    manifest = manifest_of(FILES)
    trees.lay_down(manifest, now=NOW)
    blob = options().home / "blobs" / stores.path_of(actions.put(FILES["a.csv"], now=NOW).digest)
    assert blob.samefile(trees.folder_of(manifest) / "a.csv")
    assert reconcile.collect(NOW + timedelta(hours=2)) == 3  # two contents and the manifest
    assert not blob.exists()
    assert read(manifest) == FILES


def test_where_a_second_name_cannot_be_given_bytes_are_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    def elsewhere(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", elsewhere)
    manifest = manifest_of(FILES)
    trees.lay_down(manifest, now=NOW)
    assert read(manifest) == FILES
    assert stat.S_IMODE((trees.folder_of(manifest) / "a.csv").stat().st_mode) == 0o444


def test_two_at_once_and_again_lay_down_one(monkeypatch: pytest.MonkeyPatch) -> None:
    manifest, real = manifest_of(FILES), stores.place

    def other_first(digest: str, target: Path) -> None:
        monkeypatch.setattr(stores, "place", real)
        trees.lay_down(manifest, now=NOW)
        real(digest, target)

    monkeypatch.setattr(stores, "place", other_first)
    trees.lay_down(manifest, now=NOW)
    trees.lay_down(manifest, now=NOW)
    assert left() == [manifest]
    assert read(manifest) == FILES


def test_what_is_lost_leaves_nothing_half_made() -> None:
    manifest = manifest_of(FILES)
    stores.remove(actions.put(FILES["a.csv"], now=NOW).digest)
    with pytest.raises(FileNotFoundError):
        trees.lay_down(manifest, now=NOW)
    assert not trees.is_down(manifest)
    assert left() == []


@pytest.mark.parametrize("path", ["/etc/passwd", "../out", "a/../../out", ""])
def test_a_path_that_leads_out_is_refused(path: str) -> None:
    manifest = manifest_of({path: b"x"})
    with pytest.raises(ValueError, match="no path of a tree"):
        trees.lay_down(manifest, now=NOW)
    assert left() == []


def test_unused_ones_go_after_a_week_but_not_those_that_are_shown() -> None:
    used, unused = manifest_of({"a": b"used"}), manifest_of({"a": b"unused"})
    for manifest in (used, unused):
        trees.lay_down(manifest, now=NOW)
    assert trees.collect(NOW + WEEK, kept=lambda manifest: False) == 0
    assert trees.collect(NOW + WEEK + timedelta(seconds=1), kept=lambda manifest: manifest == used) == 1
    assert left() == [used]
    trees.lay_down(used, now=NOW + WEEK)  # used again
    assert trees.collect(NOW + WEEK + timedelta(days=1), kept=lambda manifest: False) == 0
    trees.lay_down(unused, now=NOW + WEEK)
    assert read(unused) == {"a": b"unused"}


def test_what_a_crash_left_half_made_is_swept_after_a_day() -> None:
    half = options().home / "trees" / ".0123.abcdef"
    half.mkdir(parents=True)
    os.utime(half, (NOW.timestamp(), NOW.timestamp()))
    assert trees.collect(NOW + timedelta(hours=23), kept=lambda manifest: False) == 0
    assert trees.collect(NOW + timedelta(hours=25), kept=lambda manifest: False) == 1
    assert left() == []


def test_whether_one_is_shown_is_asked_at_the_last_moment_and_others_may_be_quicker() -> None:
    first, second = sorted(manifest_of({"a": content}) for content in (b"one", b"two"))
    for manifest in (first, second):
        trees.lay_down(manifest, now=NOW)

    def asked(manifest: str) -> bool:
        if manifest == first:
            remove(trees.folder_of(second))  # another controller
        return False

    assert trees.collect(NOW + WEEK + timedelta(days=1), kept=asked) == 1
    assert left() == []
