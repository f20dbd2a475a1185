"""Volumes of teams: made, sized, kept and put back, for whom they are, and what happens on bad days."""

import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from test_crashes import Killed, die_once
from world import World

from factories.accounts import Cast, make_cast, make_team
from factories.compute import load_plans
from factories.notebooks import make_environment, make_notebook
from running.disks import home_on, needs_root, small_disk
from studium.accounts.models import Team, User
from studium.accounts.states import Visibility
from studium.compute import actions as compute
from studium.compute.engines.base import VolumeInUse
from studium.compute.models import Run
from studium.compute.states import State
from studium.compute.volumes import actions, queries, reconcile, streaming
from studium.compute.volumes.access import snapshot_for, volume_for
from studium.compute.volumes.models import Snapshot, TeamVolume
from studium.compute.volumes.states import MOVES, SnapshotState, may_move
from studium.errors import BadInput, Forbidden, NotFound, NotYet, Refused, StudiumError
from studium.lib.units import GIB, MIB
from studium.notebooks import actions as notebooks
from studium.notebooks.models import Notebook
from studium.notebooks.sharing import actions as sharing
from studium.notebooks.states import LaunchKind, SharedRole
from studium.plans import actions as plan_actions
from studium.storage import stores
from studium.storage.errors import StoreFailed
from studium.storage.models import Hold, Ownership

pytestmark = pytest.mark.django_db
NAME = "a.txt"


@pytest.fixture
def cast(db: None) -> Cast:
    load_plans("open", "kaggle", "gradient")
    make_environment()
    return make_cast()


@pytest.fixture
def world(cast: Cast) -> World:
    return World()


@pytest.fixture
def volume(cast: Cast, world: World) -> TeamVolume:
    return actions.create_volume(cast.owner, cast.team, GIB, used=0, now=world.now)


@pytest.fixture
def notebook(cast: Cast) -> Notebook:
    return make_notebook(cast.owner, cast.team, visibility=Visibility.TEAM)


def work(world: World, seconds: float = 60) -> int:
    """The pass, after a while."""
    world.now += timedelta(seconds=seconds)
    return reconcile.run_pass(world.engines, world.now)


def begin(world: World, user: User, notebook: Notebook) -> Run:
    run = notebooks.start(user, notebook, LaunchKind.SESSION, "cpu-small", now=world.now)
    return world.until(run, State.RUNNING)


def stop(world: World, run: Run) -> None:
    compute.stop_run(None, run, now=world.now)
    world.until(run, State.ENDED)


def had(world: World, cast: Cast, notebook: Notebook, **files: str) -> None:
    """Let a run have had the volume and have written these files, with a dot for each underscore."""
    stop(world, begin(world, cast.owner, notebook))
    put(world, cast.team, **files)


def put(world: World, team: Team, **files: str) -> None:
    state = world.engine._state["volumes"][f"team-{team.pk}"]
    state.clear()
    state.update({name.replace("_", "."): text for name, text in files.items()})


def content(world: World, team: Team) -> dict[str, str]:
    return dict(world.engine._state["volumes"][f"team-{team.pk}"])


def kept(cast: Cast, world: World, volume: TeamVolume) -> Snapshot:
    made = actions.take_snapshot(cast.teammate, volume, now=world.now, note="as it was")
    work(world)
    made.refresh_from_db()
    assert made.state == SnapshotState.READY, made.trouble
    return made


def fresh(volume: TeamVolume) -> TeamVolume:
    return TeamVolume.objects.get(pk=volume.pk)


def test_runs_of_members_have_it_and_those_of_guests_have_not(
    cast: Cast, world: World, volume: TeamVolume, notebook: Notebook
) -> None:
    sharing.share(cast.owner, notebook, cast.stranger, SharedRole.EDITOR, now=world.now)
    for person, has in ((cast.owner, True), (cast.teammate, True), (cast.stranger, False)):
        run = begin(world, person, notebook)
        shared = run.spec["shared"]
        assert [each["target"] for each in shared] == (["/storage"] if has else []), person
        assert [each.run for each in queries.holders_of(volume)] == ([run.pk] if has else [])
        stop(world, run)
    elsewhere = make_notebook(cast.stranger, make_team(cast.stranger))
    assert begin(world, cast.stranger, elsewhere).spec["shared"] == []


@pytest.mark.parametrize(
    ("who", "sees", "keeps", "changes"),
    [
        ("owner", True, True, True),
        ("teammate", True, True, False),
        ("reader", True, False, False),
        ("stranger", False, False, False),
    ],
)
def test_who_may_what(
    cast: Cast, world: World, volume: TeamVolume, notebook: Notebook, who: str, sees: bool, keeps: bool, changes: bool
) -> None:
    had(world, cast, notebook, a_txt="x")
    snapshot = kept(cast, world, volume)
    person = getattr(cast, who)
    refused = Forbidden if sees else NotFound

    def attempt(may: bool, call: Callable[[], Any]) -> None:
        if may:
            call()
        else:
            with pytest.raises(refused):
                call()

    slug = cast.team.slug
    attempt(sees, lambda: volume_for(person, slug))
    attempt(sees, lambda: snapshot_for(person, slug, snapshot.pk))
    assert queries.volumes_of(person).filter(pk=volume.pk).exists() is sees
    attempt(changes, lambda: actions.resize_volume(person, volume, 2 * GIB, used=0, now=world.now))
    attempt(changes, lambda: actions.restore_snapshot(person, volume, snapshot, now=world.now))
    work(world)
    attempt(changes, lambda: actions.cancel(person, volume, now=world.now))
    attempt(keeps, lambda: actions.take_snapshot(person, volume, now=world.now))
    work(world)
    attempt(keeps, lambda: actions.delete_snapshot(person, snapshot, now=world.now))
    attempt(changes, lambda: actions.delete_volume(person, volume, now=world.now))
    work(world)
    attempt(changes, lambda: actions.create_volume(person, cast.team, GIB, used=0, now=world.now))


def test_a_team_has_one(cast: Cast, world: World, volume: TeamVolume) -> None:
    with pytest.raises(NotYet, match="has a volume already"):
        actions.create_volume(cast.owner, cast.team, GIB, used=0, now=world.now)
    assert queries.held_bytes(cast.team) == GIB
    for size in (1, 10**18):
        with pytest.raises(BadInput, match="A volume has"):
            actions.resize_volume(cast.owner, volume, size, used=0, now=world.now)


def test_a_plan_holds_it_to_a_size(cast: Cast, world: World) -> None:
    plan_actions.assign_plan(cast.owner, cast.team, "gradient-pro", now=world.now)
    with pytest.raises(Refused, match="15 GiB"):
        actions.create_volume(cast.owner, cast.team, 20 * GIB, used=0, now=world.now)
    volume = actions.create_volume(cast.owner, cast.team, 10 * GIB, used=GIB, now=world.now)
    with pytest.raises(Refused, match="15 GiB"):
        actions.resize_volume(cast.owner, volume, 16 * GIB, used=11 * GIB, now=world.now)
    actions.resize_volume(cast.owner, volume, 12 * GIB, used=11 * GIB, now=world.now)


def test_larger_at_once_and_smaller_when_nobody_has_it(
    cast: Cast, world: World, volume: TeamVolume, notebook: Notebook
) -> None:
    run = begin(world, cast.owner, notebook)
    actions.resize_volume(cast.owner, volume, 2 * GIB, used=0, now=world.now)
    assert work(world) == 1
    assert (fresh(volume).made_bytes, fresh(volume).trouble) == (2 * GIB, "")
    actions.resize_volume(cast.owner, volume, GIB, used=0, now=world.now)
    work(world)
    waiting = fresh(volume)
    assert (waiting.made_bytes, waiting.size_bytes, waiting.trouble) == (
        2 * GIB, GIB, "It waits until no run has the volume.",
    )  # fmt: skip
    assert queries.held_bytes(cast.team) == 2 * GIB
    other = make_notebook(cast.owner, cast.team, "Other")
    with pytest.raises(NotYet, match="made smaller"):
        begin(world, cast.owner, other)
    stop(world, run)
    work(world)
    done = fresh(volume)
    assert (done.made_bytes, done.trouble) == (GIB, "")
    begin(world, cast.owner, other)


def test_what_waits_for_runs_can_be_given_up(cast: Cast, world: World, volume: TeamVolume, notebook: Notebook) -> None:
    begin(world, cast.owner, notebook)
    work(world)
    actions.resize_volume(cast.owner, volume, 512 * MIB, used=0, now=world.now)
    work(world)
    actions.cancel(cast.owner, volume, now=world.now)
    work(world)
    assert (fresh(volume).size_bytes, fresh(volume).made_bytes, fresh(volume).trouble) == (GIB, GIB, "")
    begin(world, cast.owner, make_notebook(cast.owner, cast.team, "Other"))


def test_files_that_do_not_fit_are_said_and_stay(
    cast: Cast, world: World, volume: TeamVolume, notebook: Notebook
) -> None:
    had(world, cast, notebook, a_txt="x" * 200)
    work(world)
    assert fresh(volume).used_bytes == 200
    TeamVolume.objects.filter(pk=volume.pk).update(used_bytes=100 * MIB)
    with pytest.raises(BadInput, match="take 100 MiB"):
        actions.resize_volume(cast.owner, volume, 64 * MIB, used=0, now=world.now)
    actions.resize_volume(cast.owner, volume, 128 * MIB, used=0, now=world.now)
    put(world, cast.team, a_txt="x" * 129 * MIB)
    work(world)
    left = fresh(volume)
    assert (left.size_bytes, left.made_bytes) == (GIB, GIB)
    assert "do not fit" in left.trouble


def test_a_snapshot_is_put_back_and_what_was_there_is_kept(
    cast: Cast, world: World, volume: TeamVolume, notebook: Notebook
) -> None:
    had(world, cast, notebook, a_txt="first", b_txt="second")
    first = kept(cast, world, volume)
    assert (first.note, first.created_by) == ("as it was", cast.teammate)
    put(world, cast.team, a_txt="changed")
    run = begin(world, cast.owner, notebook)
    actions.restore_snapshot(cast.owner, volume, first, now=world.now)
    actions.restore_snapshot(cast.owner, volume, first, now=world.now)
    work(world)
    assert [each.state for each in queries.snapshots_of(cast.team)] == ["waiting", "ready"], "the run may write more"
    put(world, cast.team, a_txt="changed", late_txt="written at the last moment")
    with pytest.raises(NotYet, match="contents of a snapshot"):
        begin(world, cast.owner, make_notebook(cast.owner, cast.team, "Other"))
    stop(world, run)
    work(world)
    assert content(world, cast.team) == {"a.txt": "first", "b.txt": "second"}
    before = queries.snapshots_of(cast.team).first()
    assert before is not None
    assert (before.note, before.created_by, before.state) == ("Before a snapshot was put back", None, "ready")
    actions.restore_snapshot(cast.owner, volume, before, now=world.now)
    work(world)
    assert content(world, cast.team) == {"a.txt": "changed", "late.txt": "written at the last moment"}


def test_what_a_run_from_the_queue_wrote_meanwhile_is_kept_too(
    cast: Cast, world: World, volume: TeamVolume, notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    had(world, cast, notebook, a_txt="first")
    first = kept(cast, world, volume)
    put(world, cast.team, a_txt="second")
    queued = notebooks.start(cast.owner, notebook, LaunchKind.SESSION, "cpu-small", now=world.now)
    actions.restore_snapshot(cast.owner, volume, first, now=world.now)
    load = world.engine.load_volume

    def busy(*_: object, **__: object) -> None:
        raise VolumeInUse("a run has it just now")

    monkeypatch.setattr(world.engine, "load_volume", busy)
    work(world)  # the snapshot before is taken, and then a run begins that was in the queue
    run = world.until(queued, State.RUNNING)
    monkeypatch.setattr(world.engine, "load_volume", load)
    work(world)
    put(world, cast.team, a_txt="third")
    stop(world, run)
    work(world)
    assert content(world, cast.team) == {"a.txt": "first"}
    before = queries.snapshots_of(cast.team).first()
    assert before is not None
    actions.restore_snapshot(cast.owner, volume, before, now=world.now)
    work(world)
    assert content(world, cast.team) == {"a.txt": "third"}


def test_given_up_while_it_waits_nothing_of_it_is_left(
    cast: Cast, world: World, volume: TeamVolume, notebook: Notebook
) -> None:
    had(world, cast, notebook, a_txt="first")
    first = kept(cast, world, volume)
    run = begin(world, cast.owner, notebook)
    actions.restore_snapshot(cast.owner, volume, first, now=world.now)
    work(world)
    actions.cancel(cast.owner, volume, now=world.now)
    assert [each.pk for each in queries.snapshots_of(cast.team)] == [first.pk]
    stop(world, run)
    work(world)
    assert content(world, cast.team) == {"a.txt": "first"}
    kept(cast, world, volume)


def test_snapshots_share_what_is_the_same_and_deletion_frees_the_rest(
    cast: Cast, world: World, volume: TeamVolume, notebook: Notebook
) -> None:
    had(world, cast, notebook, a_txt=random.Random(5).randbytes(8 * MIB).decode("latin-1"))
    first = kept(cast, world, volume)
    size = queries.snapshot_bytes(cast.team)
    second = kept(cast, world, volume)
    assert queries.snapshot_bytes(cast.team) < size + 3 * MIB, "the times of files are other ones, their content is not"
    put(world, cast.team, c_txt="y")
    third = kept(cast, world, volume)
    reconcile.sweep(world.now + timedelta(days=9))
    for snapshot in (first, second):
        actions.delete_snapshot(cast.teammate, snapshot, now=world.now)
    reconcile.sweep(world.now + timedelta(days=9))
    assert queries.snapshot_bytes(cast.team) == third.size_bytes
    with pytest.raises(NotFound, match="deleted already"):
        actions.delete_snapshot(cast.teammate, first, now=world.now)


def test_deleted_with_its_snapshots_when_nobody_has_it(
    cast: Cast, world: World, volume: TeamVolume, notebook: Notebook
) -> None:
    had(world, cast, notebook, a_txt="x")
    kept(cast, world, volume)
    run = begin(world, cast.owner, notebook)
    actions.delete_volume(cast.owner, volume, now=world.now)
    actions.delete_volume(cast.owner, volume, now=world.now)
    work(world)
    assert fresh(volume).trouble == "It waits until no run has the volume."
    for attempt in (
        lambda: actions.resize_volume(cast.owner, volume, 2 * GIB, used=0, now=world.now),
        lambda: actions.take_snapshot(cast.owner, volume, now=world.now),
        lambda: actions.cancel(cast.owner, volume, now=world.now),
    ):
        with pytest.raises(NotYet, match="being deleted"):
            attempt()
    stop(world, run)
    work(world)
    assert not TeamVolume.objects.exists()
    assert not Snapshot.objects.exists()
    assert not Hold.objects.filter(holder__startswith="snapshot:").exists()
    assert world.engine.measure_volume(volume.name) is None
    reconcile.sweep(world.now + timedelta(days=9))
    assert not Ownership.objects.filter(owner__startswith="volume:").exists()
    actions.create_volume(cast.owner, cast.team, GIB, used=0, now=world.now)


def test_an_empty_volume_has_no_snapshot_and_a_waiting_one_comes_first(
    cast: Cast, world: World, volume: TeamVolume, notebook: Notebook
) -> None:
    asked = actions.take_snapshot(cast.owner, volume, now=world.now)
    with pytest.raises(NotYet, match="just being taken"):
        actions.take_snapshot(cast.owner, volume, now=world.now)
    with pytest.raises(NotYet, match="being taken or put back"):
        actions.delete_snapshot(cast.owner, asked, now=world.now)
    with pytest.raises(NotYet, match="The snapshot is waiting"):
        actions.restore_snapshot(cast.owner, volume, asked, now=world.now)
    work(world)
    asked.refresh_from_db()
    assert asked.state == SnapshotState.FAILED
    assert "no run has had it" in asked.trouble
    actions.delete_snapshot(cast.owner, asked, now=world.now)


def test_a_snapshot_that_does_not_fit_is_not_put_back(
    cast: Cast, world: World, volume: TeamVolume, notebook: Notebook
) -> None:
    had(world, cast, notebook, a_txt="x")
    snapshot = kept(cast, world, volume)
    Snapshot.objects.filter(pk=snapshot.pk).update(size_bytes=2 * GIB)
    snapshot.refresh_from_db()
    with pytest.raises(BadInput, match="has 2 GiB"):
        actions.restore_snapshot(cast.owner, volume, snapshot, now=world.now)


@pytest.mark.parametrize("old", list(SnapshotState))
@pytest.mark.parametrize("new", list(SnapshotState))
def test_all_pairs_of_states(old: SnapshotState, new: SnapshotState) -> None:
    assert may_move(old, new) is (old == SnapshotState.WAITING and new != SnapshotState.WAITING)
    assert set(MOVES) == set(SnapshotState)


ENGINE_CALLS = ["measure_volume", "resize_volume", "save_volume", "load_volume", "delete_volume"]


@pytest.mark.parametrize("call", ENGINE_CALLS)
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_call_it_becomes_what_it_is_to_be(
    cast: Cast,
    world: World,
    volume: TeamVolume,
    notebook: Notebook,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    after: bool,
) -> None:
    had(world, cast, notebook, a_txt="kept")
    snapshot = kept(cast, world, volume)
    put(world, cast.team, a_txt="changed")
    actions.restore_snapshot(cast.owner, volume, snapshot, now=world.now)
    actions.resize_volume(cast.owner, volume, 512 * MIB, used=0, now=world.now)
    if call == "delete_volume":
        actions.delete_volume(cast.owner, volume, now=world.now)
    deaths = 0
    dying = die_once(getattr(world.engine, call), lambda *_, **__: True, after=after)

    def in_thread_too(*args: Any, **kwargs: Any) -> Any:
        """A process that is gone takes its threads along: what reads or writes beside them sees the end of the pipe."""
        nonlocal deaths
        try:
            return dying(*args, **kwargs)
        except Killed:
            deaths += 1
            raise

    monkeypatch.setattr(world.engine, call, in_thread_too)
    for _ in range(4):
        try:
            work(world, 601)
        except Killed:
            continue
    assert deaths == 1
    if call == "delete_volume":
        assert not TeamVolume.objects.exists()
        return
    done = fresh(volume)
    assert (done.restoring, done.made_bytes, done.trouble) == (None, 512 * MIB, "")
    assert content(world, cast.team) == {"a.txt": "kept"}
    assert [each.state for each in queries.snapshots_of(cast.team)] == ["ready", "ready"]


def test_two_controllers_do_it_once_and_a_stale_lease_runs_out(
    cast: Cast, world: World, volume: TeamVolume, notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    had(world, cast, notebook, a_txt="x")
    work(world)
    actions.resize_volume(cast.owner, volume, 2 * GIB, used=0, now=world.now)
    calls: list[int] = []
    real = world.engine.resize_volume

    def resize(name: str, size: int) -> None:
        calls.append(size)
        assert reconcile.run_pass(world.engines, world.now) == 0, "another controller in the middle of it"
        real(name, size)

    monkeypatch.setattr(world.engine, "resize_volume", resize)
    work(world)
    assert calls == [2 * GIB]
    TeamVolume.objects.filter(pk=volume.pk).update(lease="dead", leased_until=world.now + timedelta(minutes=10))
    actions.resize_volume(cast.owner, volume, 3 * GIB, used=0, now=world.now)
    assert work(world, 300) == 0
    assert work(world, 301) == 1
    assert fresh(volume).made_bytes == 3 * GIB


@pytest.mark.parametrize("at", ["keep", "put_back"])
@pytest.mark.parametrize("fault", ["lease", "store"])
def test_a_lost_lease_and_a_store_that_is_away_give_nothing_up(
    cast: Cast,
    world: World,
    volume: TeamVolume,
    notebook: Notebook,
    monkeypatch: pytest.MonkeyPatch,
    at: str,
    fault: str,
) -> None:
    had(world, cast, notebook, a_txt="x")
    snapshot = kept(cast, world, volume)
    put(world, cast.team, a_txt="changed")
    actions.restore_snapshot(cast.owner, volume, snapshot, now=world.now)
    real = getattr(streaming, at)

    def faulty(*args: Any, beat: Callable[[], None], **kwargs: Any) -> Any:
        def beaten() -> None:
            raise streaming.LeaseLost("by another") if fault == "lease" else StoreFailed("it is away")

        if fault == "lease":
            TeamVolume.objects.update(lease="another", leased_until=world.now + timedelta(minutes=10))
        return real(*args, beat=beaten, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(streaming, at, faulty)
        work(world)
    found = fresh(volume)
    assert (found.restoring, found.lease) == (snapshot, "another" if fault == "lease" else "")
    assert bool(found.trouble) is (fault == "store")
    assert not Snapshot.objects.filter(state=SnapshotState.FAILED).exists()
    assert content(world, cast.team) == {"a.txt": "changed"}
    work(world, 601)
    assert content(world, cast.team) == {"a.txt": "x"}
    assert fresh(volume).trouble == ""


@needs_root
def test_a_snapshot_waits_until_there_is_room(
    cast: Cast, world: World, volume: TeamVolume, notebook: Notebook, tmp_path: Path
) -> None:
    had(world, cast, notebook, a_txt=random.Random(6).randbytes(24 * MIB).decode("latin-1"))
    with small_disk(tmp_path / "small", 96 * MIB) as disk, home_on(disk, stores):
        snapshot = actions.take_snapshot(cast.teammate, volume, now=world.now)
        for leave in (0, 20 * MIB):  # at the first pack, and behind it
            disk.fill(leave=leave)
            work(world)
            snapshot.refresh_from_db()
            assert snapshot.state == SnapshotState.WAITING, snapshot.trouble
            assert fresh(volume).trouble == "The disk or bucket of this installation is full. It is tried again."
            disk.make_room()
        work(world)
        snapshot.refresh_from_db()
        assert (snapshot.state, fresh(volume).trouble) == (SnapshotState.READY, "")
        put(world, cast.team, a_txt="changed")
        disk.fill()
        actions.restore_snapshot(cast.owner, volume, snapshot, now=world.now)
        work(world)
        assert content(world, cast.team) == {"a.txt": "changed"}, "first what is there is to be kept"
        disk.make_room()
        work(world)
        work(world)
        assert len(content(world, cast.team)["a.txt"]) == 24 * MIB


def test_an_engine_that_fails_is_told_of_and_loses_nothing(
    cast: Cast, world: World, volume: TeamVolume, notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studium.compute.engines.base import EngineError

    had(world, cast, notebook, a_txt="x")
    snapshot = kept(cast, world, volume)
    put(world, cast.team, a_txt="changed")

    def fails(*_: object, **__: object) -> None:
        raise EngineError("the disk is broken")

    with monkeypatch.context() as patched:
        patched.setattr(world.engine, "load_volume", fails)
        actions.restore_snapshot(cast.owner, volume, snapshot, now=world.now)
        work(world)
    assert (fresh(volume).restoring, fresh(volume).trouble) == (None, "the disk is broken.")
    assert content(world, cast.team) == {"a.txt": "changed"}
    with monkeypatch.context() as patched:
        patched.setattr(world.engine, "save_volume", fails)
        actions.restore_snapshot(cast.owner, volume, snapshot, now=world.now)
        work(world)
    assert fresh(volume).restoring is None, "what cannot be kept is not replaced"
    assert content(world, cast.team) == {"a.txt": "changed"}
    with pytest.raises(StudiumError):
        snapshot_for(cast.owner, cast.team.slug, "nothing")
