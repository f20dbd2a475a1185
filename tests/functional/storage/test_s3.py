"""The store in a bucket of an S3-compatible server: what the folder does, and what is said where the server does not."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from factories.accounts import NOW
from factories.datasets import bring, manifest_of, seeded, sha256
from running.swift import Swift, running_swift
from studium.config.options import options
from studium.lib.folders import remove
from studium.lib.ids import new_id
from studium.storage import actions, reconcile, stores, trees
from studium.storage.chunks import actions as chunks
from studium.storage.chunks import queries, verify
from studium.storage.chunks import reconcile as blocks
from studium.storage.errors import StoreFailed
from studium.storage.models import Block

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(scope="module")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swift]:
    with running_swift(tmp_path_factory.mktemp("swift")) as server:
        yield server


Use = Callable[..., None]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Iterator[Use]:
    """Have the installation use this store from now on."""

    def use_it(url: str, **variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        chosen = options().model_copy(update={"storage_url": url})
        monkeypatch.setattr(stores, "options", lambda: chosen)
        stores.store_at.cache_clear()

    yield use_it
    stores.store_at.cache_clear()


@pytest.fixture
def bucket(swift: Swift, use: Use) -> str:
    """A new one, and in use."""
    name = new_id()
    swift.make_bucket(name)
    use(swift.url_of(name), **swift.variables)
    return name


def test_blobs(bucket: str, tmp_path: Path) -> None:
    content = seeded(3_000_000, 21)
    (tmp_path / "large").write_bytes(content * 4)  # in parts
    small, large = actions.put(b"small", now=NOW), actions.put_file(tmp_path / "large", now=NOW)
    actions.put(b"small", now=NOW)
    assert actions.get(small.digest) == b"small"
    assert actions.get_part(small.digest, 1, 3) == b"mal"
    assert b"".join(actions.pieces(large.digest)) == content * 4
    stores.place(large.digest, tmp_path / "placed")
    assert (tmp_path / "placed").read_bytes() == content * 4
    actions.hold("a", large.digest)
    assert reconcile.collect(NOW + 2 * HOUR) == 1
    with pytest.raises(FileNotFoundError):
        actions.get(small.digest)
    stores.remove(small.digest)  # again
    assert actions.get(large.digest) == content * 4


def test_chunks_from_being_brought_to_being_collected(bucket: str) -> None:
    remove(options().home / "trees")
    parts = [seeded(300_000, seed) for seed in range(30, 40)]
    manifest = manifest_of("team:1", {"a/b": parts[:3], "c": parts[2:], "empty": []})
    digests = [sha256(part) for part in parts]
    assert b"".join(queries.pieces(digests, 250_000, 400_000)) == b"".join(parts)[250_000:650_000]
    trees.lay_down(manifest, now=NOW)
    assert (trees.folder_of(manifest) / "c").read_bytes() == b"".join(parts[2:])
    assert chunks.give_up("team:1", set(digests[:4]), now=NOW + 9 * DAY) == 6
    old = set(Block.objects.values_list("pk", flat=True))
    written = blocks.collect(NOW + 9 * DAY)
    assert written >= 1
    blocks.collect(NOW + 9 * DAY + 2 * HOUR)
    assert b"".join(queries.pieces(digests[:4])) == b"".join(parts[:4])
    assert list(verify.damaged()) == []
    for block in old - set(Block.objects.values_list("pk", flat=True)):
        assert not stores.has_block(block)


def test_a_block_that_is_lost_or_cut_short_is_damage(bucket: str) -> None:
    (a,), (b,), (c,) = bring("team:1", b"aaaa"), bring("team:1", b"bbbb"), bring("team:1", b"cccc")
    place = queries.places([a, b])
    stores.remove_block(place[a].block)
    stores.write_block(place[b].block, [b"bb"])
    assert {each.digest: each.why for each in verify.damaged()} == {
        a: "Its block is gone.",
        b: "Its block is cut short.",
    }
    with pytest.raises(FileNotFoundError):
        list(queries.pieces([a]))
    assert b"".join(queries.pieces([c])) == b"cccc"


DOES = [
    lambda: actions.put(b"x", now=NOW),
    lambda: stores.read("0" * 64),
    lambda: next(stores.pieces("0" * 64)),
    lambda: stores.remove("0" * 64),
    lambda: stores.write_block("babc", [b"x"]),
    lambda: stores.read_block_part("babc", 0, 1),
    lambda: stores.remove_block("babc"),
    lambda: stores.has_block("babc"),
]


@pytest.mark.parametrize("number", range(len(DOES)))
def test_wrong_credentials_are_said(bucket: str, swift: Swift, use: Use, number: int) -> None:
    use(swift.url_of(bucket), **swift.variables | {"AWS_SECRET_ACCESS_KEY": "wrong-secret"})
    with pytest.raises(StoreFailed, match="The object store did not") as said:
        DOES[number]()
    assert "wrong-secret" not in str(said.value)


@pytest.mark.parametrize("number", range(len(DOES) - 1))  # what is asked with HEAD is not told why it is not there
def test_a_bucket_that_is_not_there_is_no_loss(swift: Swift, use: Use, number: int) -> None:
    use(swift.url_of("nosuchbucket"), **swift.variables)
    with pytest.raises(StoreFailed):
        DOES[number]()


def test_a_server_that_is_away_is_said_and_nothing_is_given_up(
    bucket: str, swift: Swift, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    (digest,) = bring("team:1", b"kept")
    block = queries.places([digest])[digest].block
    Block.objects.create(id="unused23", size=1, unused_since=NOW - DAY)
    monkeypatch.setattr(stores, "_PATIENCE", timedelta(milliseconds=50))
    use("s3://bucket?endpoint=http://127.0.0.1:9", **swift.variables)
    for does in (
        lambda: bring("team:1", b"more"),
        lambda: list(queries.pieces([digest])),
        lambda: list(verify.damaged()),
    ):
        with pytest.raises(StoreFailed):
            does()
    assert blocks.collect(NOW) == 0
    assert Block.objects.get(pk="unused23").deleting
    monkeypatch.setattr(stores, "_PATIENCE", timedelta(seconds=20))
    use(swift.url_of(bucket), **swift.variables)
    assert blocks.collect(NOW) == 1
    assert stores.has_block(block)
    assert b"".join(queries.pieces([digest])) == b"kept"
