"""The files of datasets are in a backup, and damage of one is found before anything is put in place."""

import hashlib
import tarfile
from datetime import timedelta
from pathlib import Path

import pytest

from factories.accounts import NOW, make_user
from factories.compute import load_plans
from factories.datasets import block_file, content_of, make_dataset, make_version, sha256, stored_blocks
from studium.accounts.models import User
from studium.config.options import options
from studium.datasets import actions
from studium.errors import BadInput, Broken
from studium.lib.folders import remove
from studium.operations import backup
from studium.storage.chunks import reconcile
from studium.storage.models import Block

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_no_blocks")]
FILES = {"a.csv": [b"one", b"two"], "b/c.csv": [b"three"]}


@pytest.fixture
def owner(monkeypatch: pytest.MonkeyPatch) -> User:
    # The database of a test is in memory: what is dumped and loaded is a file in its place.
    monkeypatch.setattr(backup, "_dump", lambda _, target: target.write_bytes(b"dump"))
    monkeypatch.setattr(backup, "_load", lambda *_, **__: None)
    monkeypatch.setattr(backup, "_forget_workspaces", lambda: None)
    load_plans("open")
    return make_user()


def lose_everything() -> None:
    remove(options().home / "blobs")
    (options().home / "blobs").mkdir()


def test_files_come_back_from_a_backup(owner: User, tmp_path: Path) -> None:
    version = make_version(owner, make_dataset(owner), FILES)
    backup.backup(tmp_path / "all.tar")
    lose_everything()
    with pytest.raises(FileNotFoundError):
        content_of(version)
    backup.restore(tmp_path / "all.tar")
    assert content_of(version) == {path: b"".join(parts) for path, parts in FILES.items()}


def test_what_comes_while_the_database_is_dumped_is_in_it(
    owner: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, made = make_dataset(owner), []

    def dump(_: str, target: Path) -> None:
        made.append(make_version(owner, dataset, FILES))
        target.write_bytes(b"dump")

    monkeypatch.setattr(backup, "_dump", dump)
    backup.backup(tmp_path / "all.tar")
    lose_everything()
    backup.restore(tmp_path / "all.tar")
    assert content_of(made[0])["b/c.csv"] == b"three"


def test_a_damaged_backup_changes_nothing_of_the_block(owner: User, tmp_path: Path) -> None:
    make_version(owner, make_dataset(owner), FILES)
    backup.backup(tmp_path / "all.tar")
    content = (tmp_path / "all.tar").read_bytes()
    assert content.count(b"onetwothree") == 1
    (tmp_path / "all.tar").write_bytes(content.replace(b"onetwothree", b"onetwothre3"))
    lose_everything()
    with pytest.raises(BadInput, match=r"blocks/.* has other content"):
        backup.restore(tmp_path / "all.tar")
    assert stored_blocks() == {}


def test_a_block_that_was_lost_is_said(owner: User, tmp_path: Path) -> None:
    make_version(owner, make_dataset(owner), FILES)
    block_file(sha256(b"one")).unlink()
    with pytest.raises(Broken) as lost:
        backup.backup(tmp_path / "all.tar")
    assert lost.value.code == "backup.block_gone"
    assert not (tmp_path / "all.tar").exists()


def test_a_block_that_the_dump_may_name_is_in_it_and_one_that_is_being_written_is_not(
    owner: User, tmp_path: Path
) -> None:
    version = make_version(owner, make_dataset(owner), FILES)
    old = block_file(sha256(b"one"))
    actions.delete_version(owner, version, now=NOW)
    from studium.datasets.reconcile import sweep

    sweep(NOW + timedelta(days=1))
    reconcile.collect(NOW + timedelta(days=1))
    from studium.lib import clock

    Block.objects.create(id="beingwritten", size=3, unused_since=clock.now())
    backup.backup(tmp_path / "all.tar")
    with tarfile.open(tmp_path / "all.tar") as tar:
        names = [name for name in tar.getnames() if name.startswith("blocks/")]
    assert names == [f"blocks/{old.name}.{hashlib.sha256(b'onetwothree').hexdigest()}"]
