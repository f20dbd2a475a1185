"""Moving all that is stored to a bucket and back: nothing is lost where it is killed, at any step, or the bucket fails."""

import contextlib
import itertools
import shutil
import types
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from unittest import mock

import obstore
import pytest

from factories.accounts import NOW
from factories.datasets import blocks_folder, bring, seeded, sha256
from running.faulty import Faulty, faulty
from running.swift import Swift, running_swift
from studium.config.options import options
from studium.errors import BadInput, Broken, Refused
from studium.lib.folders import remove
from studium.lib.ids import new_id
from studium.operations import migrating, verifying
from studium.operations.migrating import Moved
from studium.storage import actions, credentials, moving, reconcile, stores
from studium.storage.chunks import actions as chunks
from studium.storage.chunks import queries
from studium.storage.chunks import reconcile as blocks
from studium.storage.errors import StoreFailed
from studium.storage.models import Blob, Hold
from studium.storage.moving import State

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swift]:
    with running_swift(tmp_path_factory.mktemp("swift")) as server:
        yield server


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch, swift: Swift) -> Iterator[None]:
    """An empty folder, no move, and the credentials as an operator's variables."""
    for name, value in swift.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(stores, "_PATIENCE", timedelta(seconds=2))
    _clean()
    yield
    _clean()


def _clean() -> None:
    home = options().home
    remove(home / "blobs")
    moving.save(None)
    for left in ("studium.env", f"keys/{credentials.FILE}"):
        (home / left).unlink(missing_ok=True)
    stores.store_at.cache_clear()
    stores._resting.clear()


@pytest.fixture
def bucket(swift: Swift) -> str:
    """The `storage_url` of an empty bucket."""
    name = new_id()
    swift.make_bucket(name)
    return swift.url_of(name)


@pytest.fixture
def weak(swift: Swift) -> Iterator[tuple[Faulty, str]]:
    """A bucket whose server can be told to fail."""
    name = new_id()
    swift.make_bucket(name)
    with faulty(int(swift.endpoint.rpartition(":")[2])) as server:
        yield server, Swift(f"http://127.0.0.1:{server.port}").url_of(name)


class Kept:
    """What was acknowledged, to be found again."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.chunks: dict[str, bytes] = {}
        self._number = itertools.count(1)

    def add(self) -> None:
        number = next(self._number)
        content = seeded(2000 + number, number)
        blob = actions.put(content, now=NOW)
        actions.hold(f"holder:{number}", blob.digest)
        self.blobs[blob.digest] = content
        parts = [seeded(5000 + number, 1000 + number), seeded(3000 + number, 2000 + number)]
        self.chunks |= dict(zip(bring("team:1", *parts), parts, strict=True))

    def check(self) -> None:
        for digest, content in self.blobs.items():
            assert actions.get(digest) == content
        for digest, content in self.chunks.items():
            assert b"".join(queries.pieces([digest])) == content


@pytest.fixture
def kept() -> Kept:
    made = Kept()
    for _ in range(3):
        made.add()
    return made


def migrate(target: str, after: timedelta = timedelta()) -> Moved:
    return migrating.migrate(target, lambda _: None, now=NOW + after)


def test_there_and_back(kept: Kept, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = migrate(bucket)
    assert (moved.copied, moved.lost, moved.done) == (6, [], False)
    assert f'STUDIUM_STORAGE_URL="{bucket}"' in (options().home / "studium.env").read_text()
    kept.add()
    assert len(list(blocks_folder().rglob("b*"))) <= 3
    assert migrate(bucket, HOUR).done
    remove(options().home / "blobs")
    kept.check()
    assert list(verifying.verified()) == []
    # Processes that were started before know no credentials of it.
    for name in Swift.variables:
        monkeypatch.delenv(name)
    stores.store_at.cache_clear()
    kept.check()
    assert (options().home / "keys" / credentials.FILE).stat().st_mode & 0o777 == 0o600
    with pytest.raises(Refused, match="already"):
        migrate_to_nowhere_new(bucket)
    assert migrate("").copied == 8
    assert "STUDIUM_STORAGE_URL" not in (options().home / "studium.env").read_text()
    assert migrate("", HOUR).done
    with mock.patch.object(credentials, "of", dict):
        stores.store_at.cache_clear()
        kept.check()


def migrate_to_nowhere_new(bucket: str) -> None:
    """As if the setting had said so from the beginning."""
    moving.save(None)
    chosen = options().model_copy(update={"storage_url": bucket})
    with mock.patch.object(stores, "options", return_value=chosen):
        try:
            migrate(bucket)
        finally:
            moving.save(moving.Move("", bucket, State.DONE, NOW))


class Killed(BaseException):
    """As a process that dies: nothing catches it."""


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Do the work and die at this step: before or after a call of a store or a change of the state. Whether it came so far."""
    steps = itertools.count()

    def die() -> None:
        if next(steps) == step:
            raise Killed

    def both_sides(real: Callable[..., object]) -> Callable[..., object]:
        def called(*arguments: object, **named: object) -> object:
            die()
            found = real(*arguments, **named)
            die()
            return found

        return called

    calls = {name: both_sides(getattr(obstore, name)) for name in ("put", "get", "list", "delete")}
    with (
        mock.patch.object(migrating, "obstore", types.SimpleNamespace(**calls)),
        mock.patch.object(moving, "save", both_sides(moving.save)),
        mock.patch.object(migrating, "_write_setting", both_sides(migrating._write_setting)),
        mock.patch.object(migrating, "_AT_ONCE", 1),
    ):
        try:
            work()
        except Killed:
            return True
    return False


def emptied(url: str) -> None:
    store = stores.store_at(url)
    for batch in obstore.list(store):
        obstore.delete(store, [meta["path"] for meta in batch])


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("there", [True, False])
def test_killed_at_each_step(bucket: str, there: bool, first: int) -> None:
    """At every other one, from the first or the second on."""
    kept = Kept()
    kept.add()
    source, target = ("", bucket) if there else (bucket, "")
    if not there:
        migrate(bucket)
    for step in itertools.count(first, 2):
        moving.save(None if there else moving.Move("", bucket, State.DONE, NOW))
        emptied(target)
        dead = killed_at(step, lambda: migrate(target))
        kept.check()
        assert migrate(target).lost == []
        with mock.patch.object(stores, "places", return_value=moving.Places(target)):
            kept.check()
        if not dead:
            break
    assert step > 30
    assert source != target


def test_what_is_written_and_deleted_meanwhile(kept: Kept, bucket: str) -> None:
    """At every step of it somebody writes, and the collectors run."""
    real, busy = migrating._copied, itertools.count()

    def meanwhile(*arguments: object) -> object:
        if next(busy) < 12:
            kept.add()
            gone = next(iter(kept.blobs))
            actions.release(next(h for h in (f"holder:{n}" for n in range(1, 40)) if holds(h, gone)))
            del kept.blobs[gone]
            reconcile.collect(NOW + 2 * HOUR)
            first = next(iter(kept.chunks))
            chunks.give_up("team:1", {*kept.chunks} - {first}, now=NOW)
            blocks.collect(NOW + 2 * HOUR)
        found = real(*arguments)  # type: ignore[arg-type]
        kept.check()
        return found

    with mock.patch.object(migrating, "_copied", meanwhile), mock.patch.object(migrating, "ThreadPoolExecutor", Inline):
        assert migrate(bucket).lost == []
    kept.check()
    assert migrate(bucket, HOUR).done
    kept.check()
    stored = {meta["path"] for meta in obstore.list(stores.store_at(bucket), "sha256").collect()}
    assert stored == {stores.path_of(blob.pk) for blob in Blob.objects.all()}


def test_what_is_collected_just_as_it_is_copied_is_not_left_there(kept: Kept, bucket: str) -> None:
    first = min(kept.blobs)
    real, once = migrating.spooled, itertools.count()

    @contextlib.contextmanager
    def collected(pieces: Iterator[bytes]) -> Iterator[object]:
        with real(pieces) as content:
            if next(once) == 0:
                assert content == kept.blobs.pop(first)
                Hold.objects.filter(blob_id=first).delete()
                reconcile.collect(NOW + 2 * HOUR)
            yield content

    with mock.patch.object(migrating, "spooled", collected), mock.patch.object(migrating, "ThreadPoolExecutor", Inline):
        assert migrate(bucket).lost == []
    stored = {meta["path"] for meta in obstore.list(stores.store_at(bucket), "sha256").collect()}
    assert stored == {stores.path_of(digest) for digest in kept.blobs}


@pytest.mark.parametrize("needed", [True, False])
def test_what_is_gone_before_it_is_read_back(kept: Kept, bucket: str, needed: bool) -> None:
    """Collected just then, which is no fault, or not kept by the new store, which is one."""
    first = min(kept.blobs)
    real, once = stores.put_in, itertools.count()

    def put(store: obstore.store.ObjectStore, key: str, *content: object, **more: object) -> None:
        real(store, key, *content, **more)  # type: ignore[arg-type]
        if key == stores.path_of(first) and next(once) == 0:
            if needed:
                obstore.delete(store, key)
            else:
                del kept.blobs[first]
                Hold.objects.filter(blob_id=first).delete()
                reconcile.collect(NOW + 2 * HOUR)

    with mock.patch.object(stores, "put_in", put), mock.patch.object(migrating, "ThreadPoolExecutor", Inline):
        if needed:
            with pytest.raises(Broken, match="does not give back"):
                migrate(bucket)
        assert migrate(bucket).lost == []
    remove(options().home / "blobs")
    kept.check()
    stored = {meta["path"] for meta in obstore.list(stores.store_at(bucket), "sha256").collect()}
    assert stored == {stores.path_of(digest) for digest in kept.blobs}


def test_what_was_on_its_way_when_it_switched(kept: Kept, bucket: str) -> None:
    """It began to be written when the new store was thought to be away, and came to the old one alone."""
    real = moving.save

    def save(move: moving.Move | None) -> None:
        if move is not None and move.state == State.SWITCHED:
            stores._resting[bucket] = float("inf")
            kept.add()
        real(move)

    with mock.patch.object(moving, "save", save):
        migrate(bucket)
    remove(options().home / "blobs")
    kept.check()


def holds(holder: str, digest: str) -> bool:
    return Hold.objects.filter(holder=holder, blob_id=digest).exists()


class Inline:
    """A pool of none: what it is given is done at once, with the test's own connection to the database."""

    def __init__(self, _: int) -> None: ...

    def __enter__(self) -> "Inline":
        return self

    def __exit__(self, *_: object) -> None: ...

    def map(self, does: Callable[..., object], each: list[object]) -> Iterator[object]:
        return map(does, each)


@pytest.mark.parametrize("mode", ["cut", "503", "mute"])
def test_a_bucket_that_fails_while_it_is_copied(
    kept: Kept, weak: tuple[Faulty, str], mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, url = weak
    if mode == "mute":  # to be given up sooner than people would
        monkeypatch.setattr(stores, "_PATIENCE", timedelta(seconds=0.5))
    with mock.patch.object(migrating, "_copied", lambda *_: server.fail(mode) or real(*_)):  # type: ignore[func-returns-value]
        real = REAL
        with pytest.raises(Broken, match="object store did not") as said:
            migrate(url)
    assert "type the same command again" in said.value.next_step
    assert moving.current().state == State.COPYING  # type: ignore[union-attr]
    kept.add()  # goes on, in the old store
    kept.check()
    server.fail("pass")
    stores._resting.clear()
    assert migrate(url).lost == []
    assert migrate(url, HOUR).done
    remove(options().home / "blobs")
    kept.check()
    server.fail(mode)
    with pytest.raises(StoreFailed):
        actions.put(b"not acknowledged", now=NOW)
    with pytest.raises(StoreFailed):
        actions.get(next(iter(kept.blobs)))
    assert reconcile.collect(NOW) == 0
    server.fail("pass")
    kept.check()


REAL = migrating._copied


@pytest.mark.parametrize("mode", ["cut", "503"])
def test_a_bucket_that_fails_before_is_not_moved_to(kept: Kept, weak: tuple[Faulty, str], mode: str) -> None:
    server, url = weak
    server.fail(mode)
    with pytest.raises(Broken, match="object store did not") as said:
        migrate(url)
    assert said.value.next_step.startswith("Nothing was moved")
    assert moving.current() is None
    kept.check()


def test_wrong_credentials_are_not_moved_to(kept: Kept, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret")
    with pytest.raises(Broken) as said:
        migrate(bucket)
    assert "wrong-secret" not in said.value.message
    assert moving.current() is None
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", Swift.variables["AWS_SECRET_ACCESS_KEY"])
    assert migrate(bucket).copied == 6


def test_what_was_lost_before_is_said_and_stops_nothing(kept: Kept, bucket: str) -> None:
    first, second = list(kept.blobs)[:2]
    folder = options().home / "blobs"
    (folder / stores.path_of(first)).unlink()
    damaged = folder / stores.path_of(second)
    damaged.write_bytes(b"x" * damaged.stat().st_size)
    moved = migrate(bucket)
    assert moved.lost == [
        f"{stores.path_of(first)}: It is gone.",
        f"{stores.path_of(second)}: Its bytes are not what they were.",
    ] or sorted(moved.lost) == sorted(
        [f"{stores.path_of(first)}: It is gone.", f"{stores.path_of(second)}: Its bytes are not what they were."]
    )
    for digest in (first, second):
        del kept.blobs[digest]
    kept.check()


def test_another_move_and_giving_up(kept: Kept, bucket: str, swift: Swift) -> None:
    with pytest.raises(BadInput):
        migrate("https://s3.example/bucket")
    with pytest.raises(Refused, match="could be given up"):
        migrating.give_up(lambda _: None)
    assert killed_at(20, lambda: migrate(bucket))
    other = new_id()
    swift.make_bucket(other)
    with pytest.raises(Refused, match="under way"):
        migrate(swift.url_of(other))
    migrating.give_up(lambda _: None)
    kept.check()
    assert migrate(swift.url_of(other)).copied == 6
    with pytest.raises(Refused, match="has switched"):
        migrate(bucket)
    assert migrate("").lost == []
    shutil.rmtree(options().home / "blobs" / "check", ignore_errors=True)
    kept.check()


def test_the_setting_in_the_environment_is_told(kept: Kept, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = options().home / "studium.env"
    path.write_text("STUDIUM_PORT=8001\nSTUDIUM_STORAGE_URL=\n")
    monkeypatch.setenv("STUDIUM_STORAGE_URL", "")
    assert "is set in the environment" in migrate(bucket).setting
    assert path.read_text() == f'STUDIUM_PORT=8001\nSTUDIUM_STORAGE_URL="{bucket}"\n'


def test_a_chunk_that_two_stores_have_parts_of(kept: Kept, bucket: str, tmp_path: Path) -> None:
    """A blob that is in the new store alone, and one in the old alone, are both placed while it is copied."""
    assert killed_at(20, lambda: migrate(bucket))
    for number, (digest, content) in enumerate(kept.blobs.items()):
        stores.place(digest, tmp_path / str(number))
        assert sha256((tmp_path / str(number)).read_bytes()) == sha256(content)
    moving.save(moving.Move("", bucket, State.SWITCHED, NOW))
    kept.check()
    with stores.BlockReader() as reader:
        places = queries.places(list(kept.chunks))
        for digest, place in places.items():
            out = tmp_path / f"chunk-{digest}"
            with out.open("wb") as stream:
                reader.copy(place.block, place.offset, place.size, stream)
            assert out.read_bytes() == kept.chunks[digest]
