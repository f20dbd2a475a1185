"""Versions of a storage provider's files, of a real S3-compatible server: brought in steps, only what changed, within the plan."""

import itertools
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from world import World

from factories.accounts import Cast
from factories.datasets import content_of, make_dataset, make_version, seeded
from factories.notebooks import make_environment
from factories.providers import allow, swift_provider, web_provider, web_server
from functional.crashes import crashed
from running.swift import Swift, running_swift
from studium.accounts.models import Membership, Team
from studium.datasets import actions as datasets
from studium.datasets.models import Dataset, DatasetVersion
from studium.datasets.queries import versions_of
from studium.datasets.sources import actions, arriving, keeping, provided, reconcile
from studium.datasets.sources.models import Import
from studium.datasets.sources.states import ImportState, SourceKind
from studium.errors import BadInput, Forbidden, NotFound
from studium.lib.ids import new_id
from studium.lib.units import GIB
from studium.plans import actions as plans
from studium.plans.queries import standing
from studium.storage import reconcile as collecting
from studium.storage.models import Blob, Hold
from studium.storage.providers.bucket import Bucket
from studium.storage.providers.models import Provider
from studium.storage.providers.opening import opened
from studium.storage.providers.remote import Remote

pytestmark = pytest.mark.django_db
USED: dict[str, int] = {}
FILES = {"a.csv": b"a,b\n", "deep/b.bin": seeded(3_000_000), "deep/empty": b"", "ü & ?.txt": b"u"}


@pytest.fixture(scope="module")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swift]:
    with running_swift(tmp_path_factory.mktemp("swift")) as server:
        yield server


@pytest.fixture
def world(cast: Cast) -> World:
    make_environment()
    USED.clear()
    return World()


@pytest.fixture
def dataset(cast: Cast, world: World) -> Dataset:
    return make_dataset(cast.owner, cast.team, now=world.now)


@pytest.fixture
def lab(cast: Cast, swift: Swift, monkeypatch: pytest.MonkeyPatch) -> Provider:
    allow(monkeypatch, "127.0.0.0/8")
    name = new_id()
    swift.make_bucket(name)
    return swift_provider(cast.owner, cast.team, swift, name)


def put(provider: Provider, files: dict[str, bytes], below: str = "") -> Remote:
    remote = opened(provider)
    for path, content in files.items():
        remote.write(below + path, [content])
    return remote


def used(team: Team) -> int:
    return USED.get(team.slug, 0)


def begun(cast: Cast, dataset: Dataset, world: World, folder: str = "", name: str = "lab", **more: Any) -> Import:
    asked = provided.wanted(cast.owner, dataset, name, folder)
    return actions.begin(cast.owner, dataset, SourceKind.PROVIDER, asked, now=world.now, **more)


def settled(world: World, row: Import, times: int = 30) -> Import:
    for _ in range(times):
        world.tick(1)
        reconcile.run_pass(world.engines, world.now, used)
        row.refresh_from_db()
        if row.ended_at and row.cleaned_at:
            break
    return row


def newest(dataset: Dataset) -> DatasetVersion:
    found = versions_of(dataset).first()
    assert found is not None
    return found


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is read of the bucket, by path."""
    found, real = list[str](), Bucket.read

    def noted(self: Bucket, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        found.append(path)
        return real(self, path, start, length)

    monkeypatch.setattr(Bucket, "read", noted)
    return found


def test_a_folder_of_a_bucket_becomes_a_version(cast: Cast, world: World, dataset: Dataset, lab: Provider) -> None:
    put(lab, FILES, "raw/2024/")
    put(lab, {"raw/2024b": b"beside it", "other": b"o"})
    row = settled(world, begun(cast, dataset, world, "raw/2024/", note="From there"))
    assert (row.state, row.code, row.message) == (ImportState.DONE, "", "")
    made = newest(dataset)
    assert row.version == made
    assert (made.note, made.created_by, made.shared_bytes) == ("From there", cast.owner, 0)
    assert content_of(made) == FILES
    assert (row.files_count, row.files_bytes, row.kept_bytes) == (4, 3_000_005, 3_000_005)
    assert row.run is None
    assert not keeping.folder_of(row).exists()


def test_all_of_a_bucket_or_one_file_of_it(cast: Cast, world: World, dataset: Dataset, lab: Provider) -> None:
    put(lab, FILES)
    settled(world, begun(cast, dataset, world, "deep/b.bin"))
    assert content_of(newest(dataset)) == {"b.bin": FILES["deep/b.bin"]}
    settled(world, begun(cast, dataset, world, adds=True))
    assert content_of(newest(dataset)) == {"b.bin": FILES["deep/b.bin"], **FILES}


def test_only_what_changed_comes_again(
    cast: Cast, world: World, dataset: Dataset, lab: Provider, read: list[str]
) -> None:
    remote = put(lab, FILES)
    first = settled(world, begun(cast, dataset, world))
    assert sorted(read) == sorted(FILES)
    read.clear()
    again = settled(world, actions.again(cast.owner, first, now=world.now))
    assert (again.state, again.code, again.version) == (ImportState.DONE, "import.unchanged", None)
    assert read == []
    remote.write("a.csv", [b"c,d\n"])
    remote.write("new", [b"n"])
    remote.remove("deep/empty")
    again = settled(world, actions.again(cast.owner, first, now=world.now))
    assert sorted(read) == ["a.csv", "new"]
    left = {path: content for path, content in FILES.items() if path != "deep/empty"}
    assert content_of(newest(dataset)) == {**left, "a.csv": b"c,d\n", "new": b"n"}
    assert again.kept_bytes == again.files_bytes
    make_version(cast.owner, dataset, {"by hand": [b"h"]}, now=world.now)
    read.clear()
    settled(world, actions.again(cast.owner, again, now=world.now))
    assert sorted(read) == ["a.csv", "deep/b.bin", "new", "ü & ?.txt"], "the newest version is another one's"


def test_what_was_listed_goes_with_its_version(cast: Cast, world: World, dataset: Dataset, lab: Provider) -> None:
    put(lab, FILES)
    row = settled(world, begun(cast, dataset, world))
    listing = row.facts["listing"]
    collecting.collect(world.now + timedelta(days=3))
    assert Blob.objects.filter(pk=listing).exists()
    datasets.delete_version(cast.owner, newest(dataset), now=world.now)
    assert not Hold.objects.filter(blob=listing).exists()
    assert settled(world, actions.again(cast.owner, row, now=world.now)).state == ImportState.DONE
    assert content_of(newest(dataset)) == FILES


def test_a_crash_at_every_step_leaves_one_version(
    cast: Cast, world: World, dataset: Dataset, lab: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"large": seeded(18_000_000), **{f"{number:02}": seeded(1000, number) for number in range(5)}}
    put(lab, files)
    monkeypatch.setattr(provided, "STEP_BYTES", 1)
    monkeypatch.setattr(provided, "STEP_LISTED", 2)
    row, died = begun(cast, dataset, world), 0
    for step in itertools.count():
        world.now += reconcile.LEASE + timedelta(minutes=5)
        died += crashed(lambda: reconcile.run_pass(world.engines, world.now, used), step)
        row.refresh_from_db()
        if row.state == ImportState.DONE and row.cleaned_at:
            break
        assert row.state in (ImportState.WAITING, ImportState.KEEPING, ImportState.DONE), row.message
    assert died > 10
    assert row.steps >= 5, "a step takes a part of the list, or a pack"
    assert [made.number for made in versions_of(dataset)] == [1]
    assert content_of(newest(dataset)) == files


def test_one_that_failed_goes_on_with_what_came(
    cast: Cast, world: World, dataset: Dataset, lab: Provider, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"{number}.bin": seeded(9_000_000, number) for number in range(4)}
    remote = put(lab, files)
    monkeypatch.setattr(provided, "STEP_BYTES", 1)
    row = begun(cast, dataset, world)
    settled(world, row, 3)
    assert (row.state, row.steps) == (ImportState.KEEPING, 2)
    remote.remove("3.bin")
    row = settled(world, row)
    assert (row.state, row.code) == (ImportState.FAILED, "provider.no_file")
    came = [path for path in files if read.count(path) == 1]
    assert came
    remote.write("3.bin", [files["3.bin"]])
    again = actions.again(cast.owner, row, now=world.now)
    read.clear()
    again = settled(world, again)
    assert again.state == ImportState.DONE, again.message
    assert "0.bin" not in read
    assert content_of(newest(dataset)) == files


def test_a_file_that_changes_meanwhile_is_never_half_of_each(
    cast: Cast, world: World, dataset: Dataset, lab: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = put(lab, {"large": seeded(40_000_000)})
    monkeypatch.setattr(provided, "STEP_BYTES", 1)
    row = settled(world, begun(cast, dataset, world), 3)
    assert 0 < row.kept_bytes < 40_000_000
    other = seeded(40_000_000, 1)
    remote.write("large", [other])
    row = settled(world, row)
    assert (row.state, row.code) == (ImportState.FAILED, "import.changed")
    assert not versions_of(dataset)
    assert settled(world, actions.again(cast.owner, row, now=world.now)).state == ImportState.DONE
    assert content_of(newest(dataset)) == {"large": other}


def test_a_server_that_is_slow_holds_up_nobody_and_gets_there(
    cast: Cast, world: World, dataset: Dataset, lab: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = seeded(9_000_000)
    put(lab, {"large": content, "small": b"s"})
    monkeypatch.setattr(provided, "STEP_SECONDS", -1.0)
    row = settled(world, begun(cast, dataset, world), 4)
    assert row.state == ImportState.KEEPING
    assert row.steps == 3
    row = settled(world, row)
    assert (row.state, row.message) == (ImportState.DONE, "")
    assert row.steps > 8, "each has what came in its time"
    assert content_of(newest(dataset)) == {"large": content, "small": b"s"}


def test_no_more_comes_than_the_plan_has_room_for(
    cast: Cast, world: World, dataset: Dataset, lab: Provider, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(lab, {"a": seeded(5_000_000)})
    rules = standing(cast.team, now=world.now).rules.model_copy(update={"storage_bytes_team": 10 * GIB})
    plans.load_plan("narrow", "Narrow", "", rules, now=world.now)
    plans.assign_plan(None, cast.team, "narrow", now=world.now)
    USED[cast.team.slug] = 10 * GIB - 4_000_000
    row = settled(world, begun(cast, dataset, world))
    assert (row.state, row.code) == (ImportState.FAILED, "plan.storage_team")
    assert row.kept_bytes == 0
    assert read == [], "what does not fit is not even begun"
    # It is held too where the server says that there is less than comes.
    real = provided.seen
    monkeypatch.setattr(provided, "seen", lambda entry, path: real(entry, path)._replace(size=-1))
    row = settled(world, actions.again(cast.owner, row, now=world.now))
    assert (row.state, row.code) == (ImportState.FAILED, "plan.storage_team")
    assert row.kept_bytes == 0
    USED.clear()
    assert settled(world, actions.again(cast.owner, row, now=world.now)).state == ImportState.DONE


def test_what_the_provider_says_is_said(
    cast: Cast, world: World, dataset: Dataset, lab: Provider, swift: Swift, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = settled(world, begun(cast, dataset, world))
    assert (row.state, row.code) == (ImportState.FAILED, "import.no_files")
    row = settled(world, begun(cast, dataset, world, "no/where"))
    assert (row.state, row.code) == (ImportState.FAILED, "provider.no_file")
    swift_provider(cast.owner, cast.team, swift, new_id(), name="gone")
    row = settled(world, begun(cast, dataset, world, name="gone"))
    assert (row.state, row.code) == (ImportState.FAILED, "provider.bucket_unknown")
    assert row.message == "The server has no such bucket. Check the name: capital letters matter."
    allow(monkeypatch)
    row = settled(world, begun(cast, dataset, world))
    assert (row.state, row.code) == (ImportState.FAILED, "outbound.closed")
    assert not versions_of(dataset)


def test_files_of_a_web_server(
    cast: Cast, world: World, dataset: Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    allow(monkeypatch, "127.0.0.0/8")
    for path, content in FILES.items():
        tmp_path.joinpath(path).parent.mkdir(exist_ok=True)
        tmp_path.joinpath(path).write_bytes(content)
    with web_server(tmp_path) as address:
        web_provider(cast.owner, cast.team, address)
        row = settled(world, begun(cast, dataset, world, name="web"))
        assert (row.state, row.message) == (ImportState.DONE, "")
        assert content_of(newest(dataset)) == FILES
        again = settled(world, actions.again(cast.owner, row, now=world.now))
    assert again.code == "import.unchanged"


def test_empty_files_that_stand_for_folders_are_left_out() -> None:
    state = provided._State(
        seen=[arriving.Seen("a", 0, "x"), arriving.Seen("a-b", 1, "x"), arriving.Seen("a/c", 1, "x"), arriving.Seen("e", 0, "x")]
    )  # fmt: skip
    assert [each.path for each in state.files()] == ["a-b", "a/c", "e"]


def test_who_may_bring_from_a_provider(cast: Cast, world: World, dataset: Dataset, lab: Provider) -> None:
    put(lab, {"a": b"a"})
    named = f"{cast.team.slug}/lab"
    assert provided.wanted(cast.teammate, dataset, named, "x/")["folder"] == "x"
    with pytest.raises(NotFound):
        provided.wanted(cast.stranger, dataset, named, "")
    with pytest.raises(NotFound, match="no provider 'other'"):
        provided.wanted(cast.owner, dataset, "other", "")
    with pytest.raises(BadInput):
        provided.wanted(cast.owner, dataset, named, "a/../b")
    row = settled(world, begun(cast, dataset, world))
    with pytest.raises(NotFound):
        actions.again(cast.stranger, row, now=world.now)
    # Who is no member any more brings nothing, also with what was begun before.
    row = begun(cast, dataset, world, "a")
    Membership.objects.filter(team=cast.team, user=cast.owner).update(role="reader")
    row = settled(world, row)
    assert (row.state, row.code) == (ImportState.FAILED, "team.role_too_low")
    with pytest.raises(Forbidden):
        actions.again(cast.owner, row, now=world.now)
    Membership.objects.filter(team=cast.team, user=cast.owner).delete()
    with pytest.raises(NotFound):
        actions.again(cast.owner, row, now=world.now)


def test_a_provider_that_is_gone_is_said(cast: Cast, world: World, dataset: Dataset, lab: Provider) -> None:
    row = begun(cast, dataset, world)
    Provider.objects.filter(pk=lab.pk).delete()
    row = settled(world, row)
    assert (row.state, row.code) == (ImportState.FAILED, "provider.unknown")
