"""Imports as the platform sees them: a run of the team, its files taken out and kept, a version; called off, tried again."""

import itertools
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from world import World

from factories.accounts import NOW, Cast
from factories.datasets import content_of, make_dataset, make_version, seeded
from factories.notebooks import make_environment
from functional.crashes import crashed
from studium.accounts.models import Team
from studium.compute.actions import spec_of
from studium.compute.engines.base import Cause
from studium.compute.models import Run
from studium.compute.states import State
from studium.datasets import actions as datasets
from studium.datasets import reconcile as sweeping
from studium.datasets.models import Dataset, DatasetVersion
from studium.datasets.queries import versions_of
from studium.datasets.sources import actions, keeping, reconcile
from studium.datasets.sources.models import Import
from studium.datasets.sources.naming import check_git, check_urls
from studium.datasets.sources.states import IMPORT_MOVES, ImportState, SourceKind
from studium.errors import BadInput, Forbidden, NotFound, NotYet, Refused
from studium.lib.units import GIB
from studium.plans import actions as plans
from studium.plans.queries import standing
from studium.secrets import actions as secrets
from studium.secrets.access import Place
from studium.secrets.giving import give
from studium.storage.models import Chunk, Hold

pytestmark = pytest.mark.django_db
URL = "https://files.example/a.csv"
USED: dict[str, int] = {}


@pytest.fixture
def world(cast: Cast) -> World:
    make_environment()
    USED.clear()
    return World()


@pytest.fixture
def dataset(cast: Cast, world: World) -> Dataset:
    return make_dataset(cast.owner, cast.team, now=world.now)


def used(team: Team) -> int:
    return USED.get(team.slug, 0)


def begun(cast: Cast, dataset: Dataset, world: World, **more: Any) -> Import:
    return actions.begin(cast.owner, dataset, SourceKind.URL, check_urls([URL]), now=world.now, **more)


def look(world: World, times: int = 1) -> None:
    for _ in range(times):
        world.tick(1)
        reconcile.run_pass(world.engines, world.now, used)


def fetching(world: World, row: Import) -> Run:
    """Its run, once it is running."""
    look(world)
    row.refresh_from_db()
    assert row.run is not None, row.message
    return world.until(row.run, State.RUNNING)


def fetched(world: World, row: Import, files: Mapping[str, bytes], **told: Any) -> Import:
    """Its run has ended and left these files."""
    run = fetching(world, row)
    volume = actions.volume_of(row)
    for path, content in files.items():
        world.engine.write_file(volume, f"out/{path}", content, 10**9)
    answer = {"work": row.pk, "files": [{"url": URL, "name": "a.csv", "etag": '"1"', "modified": ""}], **told}
    world.engine.write_file(volume, "told.json", json.dumps(answer).encode(), 10**9)
    world.engine.observe(run.pk, progress={"work": row.pk, "state": "done"})
    world.tick(1)
    world.engine.finish(run.pk, 0)
    world.until(run, State.ENDED)
    return row


def settled(world: World, row: Import, times: int = 3) -> Import:
    look(world, times)
    row.refresh_from_db()
    return row


def failed(world: World, row: Import, code: str, message: str = "It went wrong.") -> Import:
    run = fetching(world, row)
    error = {"name": code, "message": message}
    world.engine.observe(run.pk, progress={"work": row.pk, "state": "failed", "error": error})
    world.tick(1)
    world.engine.finish(run.pk, 1)
    world.until(run, State.ENDED)
    return settled(world, row, 1)


def newest(dataset: Dataset) -> DatasetVersion:
    found = versions_of(dataset).first()
    assert found is not None
    return found


def test_a_run_of_ours_reaches_the_named_hosts(cast: Cast, world: World, dataset: Dataset) -> None:
    row = begun(cast, dataset, world)
    spec = spec_of(fetching(world, row))
    assert (spec.network, spec.hosts, spec.within) == ("hosts", ("files.example:443", "*:443"), ())
    assert (spec.secrets, spec.trees, spec.service) == ("", (), None)
    assert not any(mount.writable for mount in spec.mounts)
    row.refresh_from_db()
    assert row.state == ImportState.FETCHING


def test_what_was_fetched_becomes_a_version(cast: Cast, world: World, dataset: Dataset) -> None:
    files = {"a.csv": b"a,b\n", "deep/b.bin": seeded(3_000_000), "empty": b""}
    row = settled(world, fetched(world, begun(cast, dataset, world, note="From there"), files))
    assert (row.state, row.code, row.message) == (ImportState.DONE, "", "")
    made = newest(dataset)
    assert row.version == made
    assert (made.number, made.note, made.created_by) == (1, "From there", cast.owner)
    assert content_of(made) == files
    assert row.facts["files"][0]["etag"] == '"1"'
    assert (row.files_count, row.files_bytes) == (3, 3_000_004)
    assert not keeping.folder_of(row).exists()
    assert world.engine.read_file(actions.volume_of(row), "told.json", 1000) is None


def test_files_of_the_version_before_stay_if_asked(cast: Cast, world: World, dataset: Dataset) -> None:
    make_version(cast.owner, dataset, {"kept": [b"k"], "a.csv": [b"old"]}, now=world.now)
    settled(world, fetched(world, begun(cast, dataset, world, adds=True), {"a.csv": b"new"}))
    assert content_of(newest(dataset)) == {"kept": b"k", "a.csv": b"new"}
    settled(world, fetched(world, begun(cast, dataset, world), {"a.csv": b"alone"}))
    assert content_of(newest(dataset)) == {"a.csv": b"alone"}


def test_a_crash_at_every_step_leaves_one_version(
    cast: Cast, world: World, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"{number}.bin": seeded(9_000_000, number) for number in range(5)} | {"small": b"s"}
    monkeypatch.setattr(keeping, "STEP_BYTES", 1)
    row = fetched(world, begun(cast, dataset, world), files)
    died = 0
    for step in itertools.count():
        world.now += reconcile.LEASE + timedelta(seconds=1)
        died += crashed(lambda: reconcile.run_pass(world.engines, world.now, used), step)
        row.refresh_from_db()
        if row.state == ImportState.DONE and row.cleaned_at:
            break
        assert row.state in (ImportState.FETCHING, ImportState.KEEPING, ImportState.DONE), row.message
    assert died > 20
    assert row.steps >= 3, "a step takes a pack, not all of it"
    assert [made.number for made in versions_of(dataset)] == [1]
    assert content_of(newest(dataset)) == files
    assert not keeping.folder_of(row).exists()


def test_two_controllers_do_it_once(cast: Cast, world: World, dataset: Dataset) -> None:
    row = fetched(world, begun(cast, dataset, world), {"a": b"a"})
    look(world)
    row.refresh_from_db()
    assert row.state == ImportState.KEEPING
    first = list(reconcile._leased(world.now))
    assert [each.pk for each in first] == [row.pk]
    assert list(reconcile._leased(world.now)) == [], "it is somebody's"
    later = world.now + reconcile.LEASE + timedelta(seconds=1)
    second = list(reconcile._leased(later))
    assert [each.pk for each in second] == [row.pk], "a lease that was left runs out"
    with pytest.raises(reconcile._Lost):
        reconcile._keep(first[0], world.now, used)
    assert reconcile._keep(second[0], later, used) == 1
    assert [made.number for made in versions_of(dataset)] == [1]


def test_a_step_that_takes_long_keeps_its_lease(
    cast: Cast, world: World, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched(world, begun(cast, dataset, world), {"a": b"a"})
    look(world)
    (mine,) = reconcile._leased(world.now)
    took = itertools.count(0, 600)
    monkeypatch.setattr(reconcile.time, "monotonic", lambda: next(took))

    def keep(row: Import, alive: Any, **_: Any) -> keeping.Step:
        alive()
        row.refresh_from_db()
        assert row.leased_until == world.now + timedelta(seconds=1200) + reconcile.LEASE
        raise NotYet("x", "")

    monkeypatch.setattr(keeping, "keep_step", keep)
    with pytest.raises(NotYet):
        reconcile._keep(mine, world.now, used)


def test_nothing_new_makes_no_version(cast: Cast, world: World, dataset: Dataset) -> None:
    first = settled(world, fetched(world, begun(cast, dataset, world), {"a.csv": b"a"}))
    again = actions.again(cast.owner, first, now=world.now)
    assert again.pk != first.pk
    run = fetching(world, again)
    known = json.loads(spec_of(run).variables["STUDIUM_IMPORT"])["known"]
    assert [each["etag"] for each in known] == ['"1"'], "the server is asked whether it changed"
    world.engine.write_file(
        actions.volume_of(again), "told.json", json.dumps({"work": again.pk, "unchanged": True}).encode(), 10**6
    )
    world.engine.observe(run.pk, progress={"work": again.pk, "state": "done"})
    world.tick(1)
    world.engine.finish(run.pk, 0)
    world.until(run, State.ENDED)
    again = settled(world, again)
    assert (again.state, again.code, again.version) == (ImportState.DONE, "import.unchanged", None)
    same = settled(world, fetched(world, begun(cast, dataset, world), {"a.csv": b"a"}))
    assert (same.state, same.code, same.version) == (ImportState.DONE, "import.unchanged", None)
    assert versions_of(dataset).count() == 1


def test_what_is_known_counts_for_the_newest_version_alone(cast: Cast, world: World, dataset: Dataset) -> None:
    settled(world, fetched(world, begun(cast, dataset, world), {"a.csv": b"a"}))
    make_version(cast.owner, dataset, {"other": [b"o"]}, now=world.now)
    run = fetching(world, begun(cast, dataset, world))
    assert json.loads(spec_of(run).variables["STUDIUM_IMPORT"])["known"] == []


def test_a_failure_says_why_and_can_be_tried_again(cast: Cast, world: World, dataset: Dataset) -> None:
    row = failed(world, begun(cast, dataset, world), "url.not_found", "files.example answers 404.")
    assert (row.state, row.code, row.message) == (ImportState.FAILED, "url.not_found", "files.example answers 404.")
    assert not versions_of(dataset)
    again = actions.again(cast.owner, row, now=world.now)
    assert again.pk == row.pk
    assert settled(world, fetched(world, again, {"a": b"a"})).state == ImportState.DONE


@pytest.mark.parametrize(
    ("code", "said"), [("rm -rf", "import.failed"), ("url.x\x1b[31m", "import.failed"), ("git.auth", "git.auth")]
)
def test_what_a_run_tells_is_not_believed(cast: Cast, world: World, dataset: Dataset, code: str, said: str) -> None:
    assert failed(world, begun(cast, dataset, world), code).code == said


def test_a_run_that_is_killed_is_told_apart(cast: Cast, world: World, dataset: Dataset) -> None:
    row = begun(cast, dataset, world)
    run = fetching(world, row)
    world.engine.finish(run.pk, 137, Cause.OUT_OF_MEMORY)
    world.until(run, State.ENDED)
    row = settled(world, row, 1)
    assert (row.state, row.code) == (ImportState.FAILED, "import.run")
    assert row.message


@pytest.mark.parametrize("files", [{}, None], ids=["no file", "no answer"])
def test_nothing_makes_no_version(cast: Cast, world: World, dataset: Dataset, files: dict[str, bytes] | None) -> None:
    row = begun(cast, dataset, world)
    if files is None:
        run = fetching(world, row)
        world.engine.observe(run.pk, progress={"work": row.pk, "state": "done"})
        world.tick(1)
        world.engine.finish(run.pk, 0)
        world.until(run, State.ENDED)
    else:
        fetched(world, row, files)
    assert settled(world, row).state == ImportState.FAILED
    assert not versions_of(dataset)


def test_it_is_called_off_in_every_state(cast: Cast, world: World, dataset: Dataset) -> None:
    waiting = actions.cancel(cast.owner, begun(cast, dataset, world), now=world.now)
    assert waiting.state == ImportState.CANCELLED
    row = begun(cast, dataset, world)
    run = fetching(world, row)
    actions.cancel(cast.owner, row, now=world.now)
    world.until(run, State.ENDED)
    assert settled(world, row).cleaned_at is not None
    row = fetched(world, begun(cast, dataset, world), {"a": b"a"})
    look(world)
    row.refresh_from_db()
    assert row.state == ImportState.KEEPING
    actions.cancel(cast.owner, row, now=world.now)
    row = settled(world, row)
    assert (row.state, row.version) == (ImportState.CANCELLED, None)
    assert not keeping.folder_of(row).exists()
    assert not versions_of(dataset)
    with pytest.raises(NotYet):
        actions.cancel(cast.owner, row, now=world.now)


def test_one_that_is_called_off_while_files_are_kept_makes_no_version(
    cast: Cast, world: World, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = fetched(world, begun(cast, dataset, world), {"a": b"a"})
    look(world)
    real = keeping.brought

    def late(taken: Import, alive: Any) -> Any:
        actions.cancel(cast.owner, Import.objects.get(pk=row.pk), now=world.now)
        return real(taken, alive)

    monkeypatch.setattr(keeping, "brought", late)
    row = settled(world, row)
    assert row.state == ImportState.CANCELLED
    assert not versions_of(dataset)


def test_all_pairs_of_states(cast: Cast, world: World, dataset: Dataset) -> None:
    row = begun(cast, dataset, world)
    for before, after in itertools.product(ImportState, ImportState):
        Import.objects.filter(pk=row.pk).update(state=before)
        row.refresh_from_db()
        assert actions.move(row, after) is (after in IMPORT_MOVES[before]), (before, after)
        row.refresh_from_db()
        assert row.state == (after if after in IMPORT_MOVES[before] else before)


def test_a_stale_row_moves_nothing(cast: Cast, world: World, dataset: Dataset) -> None:
    row = begun(cast, dataset, world)
    stale = Import.objects.get(pk=row.pk)
    assert actions.move(row, ImportState.CANCELLED)
    assert not actions.move(stale, ImportState.FAILED)


def test_one_at_a_time_for_a_dataset(cast: Cast, world: World, dataset: Dataset) -> None:
    row = begun(cast, dataset, world)
    with pytest.raises(NotYet):
        begun(cast, dataset, world)
    with pytest.raises(NotYet):
        actions.again(cast.owner, row, now=world.now)
    done = actions.cancel(cast.owner, row, now=world.now)
    begun(cast, dataset, world)
    with pytest.raises(NotYet):
        actions.again(cast.owner, done, now=world.now)


def test_a_dataset_that_is_deleted_meanwhile_ends_it(cast: Cast, world: World, dataset: Dataset) -> None:
    row = fetched(world, begun(cast, dataset, world), {"a": b"a"})
    datasets.delete_dataset(cast.owner, dataset, now=world.now)
    row = settled(world, row)
    assert (row.state, row.code) == (ImportState.FAILED, "import.deleted")


def test_no_more_comes_than_the_plan_has_room_for(cast: Cast, world: World, dataset: Dataset) -> None:
    room = 10 * GIB
    rules = standing(cast.team, now=world.now).rules.model_copy(update={"storage_bytes_team": room})
    plans.load_plan("narrow", "Narrow", "", rules, now=world.now)
    plans.assign_plan(None, cast.team, "narrow", now=world.now)
    USED[cast.team.slug] = room - 1000
    row = begun(cast, dataset, world)
    wanted = json.loads(spec_of(fetching(world, row)).variables["STUDIUM_IMPORT"])
    assert wanted["most_bytes"] == 1000
    actions.cancel(cast.owner, row, now=world.now)
    USED[cast.team.slug] = room + 1
    row = settled(world, begun(cast, dataset, world))
    assert (row.state, row.code) == (ImportState.FAILED, "plan.storage_team")


def test_what_a_failed_one_left_stays_for_a_day(cast: Cast, world: World, dataset: Dataset) -> None:
    row = begun(cast, dataset, world)
    world.engine.write_file(actions.volume_of(row), "parts/0", b"some", 10**6)
    row = failed(world, row, "url.timeout")
    look(world)
    assert world.engine.read_file(actions.volume_of(row), "parts/0", 100) == b"some"
    reconcile.run_pass(world.engines, world.now + reconcile.KEPT_FAILED + timedelta(seconds=2), used)
    row.refresh_from_db()
    assert row.cleaned_at is not None
    assert world.engine.read_file(actions.volume_of(row), "parts/0", 100) is None


@pytest.mark.parametrize(("told", "words"), [(0, ""), (1200, "1,200 of its files are pointers of Git LFS"), ("x", "")])
def test_files_that_stay_pointers_are_told_of(
    cast: Cast, world: World, dataset: Dataset, told: object, words: str
) -> None:
    asked = {"url": "https://git.example/r", "ref": "", "folder": "", "secret": "", "username": ""}
    row = actions.begin(cast.owner, dataset, SourceKind.GIT, asked, now=world.now)
    row = settled(world, fetched(world, row, {"a.bin": b"version"}, lfs=told))
    assert row.state == ImportState.DONE
    assert row.message.startswith(words)
    assert bool(row.message) == bool(words)


def test_a_secret_of_the_team_is_given_to_its_run_alone(cast: Cast, world: World, dataset: Dataset) -> None:
    place = Place(cast.team)
    secrets.set_secret(cast.owner, place, "GIT_TOKEN", "value", now=world.now)
    secrets.set_secret(cast.owner, place, "OTHER", "value", now=world.now)
    asked = check_git("https://git.example/x.git", secret="GIT_TOKEN", username="ada")
    row = actions.begin(cast.owner, dataset, SourceKind.GIT, asked, now=world.now)
    run = fetching(world, row)
    spec = spec_of(run)
    assert spec.hosts == ("git.example:443", "*:443")  # what Git LFS keeps may lie anywhere
    assert give(spec.secrets, run.team, run.user, now=world.now) == {"GIT_TOKEN": "value"}
    assert "value" not in spec.to_json()
    actions.cancel(cast.owner, row, now=world.now)
    world.until(run, State.ENDED)
    settled(world, row)
    assert give(spec.secrets, run.team, run.user, now=world.now) == {}
    missing = check_git("https://git.example/x.git", secret="MISSING")
    with pytest.raises(NotFound):
        actions.begin(cast.owner, dataset, SourceKind.GIT, missing, now=world.now)
    with pytest.raises((Forbidden, NotFound)):
        actions.begin(cast.stranger, dataset, SourceKind.GIT, asked, now=world.now)
    assert not Import.objects.filter(state=ImportState.WAITING).exists(), "what is refused leaves nothing"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/x", "https://10.1.2.3/", "http://localhost:8000/", "https://[::1]/x"]
)
def test_closed_addresses_are_refused_at_once(url: str) -> None:
    with pytest.raises(Refused):
        check_urls([url])


@pytest.mark.parametrize(
    "urls", [[], [" "], ["ftp://x.example/a"], ["https://u:p@x.example/"], [URL + str(n) for n in range(101)]]
)
def test_what_is_no_list_of_addresses(urls: list[str]) -> None:
    with pytest.raises(BadInput):
        check_urls(urls)


@pytest.mark.parametrize("folder", ["../x", "a/../../b", ".git", "a\\b", "a\nb", "x" * 500])
def test_what_is_no_folder(folder: str) -> None:
    with pytest.raises(BadInput):
        check_git("https://git.example/x.git", folder=folder)


def test_chunks_of_what_was_called_off_go_in_time(cast: Cast, world: World, dataset: Dataset) -> None:
    row = fetched(world, begun(cast, dataset, world), {"a": seeded(100_000)})
    look(world)
    keeping.keep_step(Import.objects.get(pk=row.pk), now=world.now, alive=lambda: None)
    assert Chunk.objects.count() == 1
    datasets.sweep_later(dataset.team_id, now=world.now)
    row.refresh_from_db()
    actions.cancel(cast.owner, row, now=world.now)
    sweeping.sweep(NOW + timedelta(days=9))
    assert Chunk.objects.count() == 0
    assert not Hold.objects.filter(holder__startswith="import:").exists()
