"""What a team stores, in its parts; what somebody may clean up, what that frees, and that nothing else goes."""

from datetime import timedelta

import pytest
from world import World

from factories.accounts import NOW, Cast
from factories.datasets import bring, make_dataset, make_version, seeded
from factories.files import give_files
from factories.notebooks import make_notebook, make_team_environment
from studium.accounts.models import Team, User
from studium.accounts.states import Visibility
from studium.compute.engines.base import Cause, EngineError
from studium.compute.models import PassLease
from studium.compute.states import State
from studium.datasets import actions as datasets
from studium.datasets import reconcile as sweeping
from studium.datasets.models import DatasetVersion
from studium.environments.models import Build
from studium.environments.reconcile import collect_unused
from studium.environments.states import BuildState
from studium.errors import BadInput, Forbidden, NotFound, NotYet, Refused
from studium.events.models import Event
from studium.notebooks import actions as notebooks
from studium.notebooks.inputs import actions as inputs
from studium.notebooks.launching import volume_of
from studium.notebooks.models import Notebook, Version
from studium.notebooks.queries import stored_bytes
from studium.notebooks.states import LaunchKind
from studium.notebooks.stored import cleaning, emptying, measuring
from studium.notebooks.stored.items import Item
from studium.notebooks.versions import actions as versions
from studium.notebooks.versions.queries import output_files
from studium.notebooks.versions.reconcile import clean_volumes, settle_ended
from studium.plans import actions as plans
from studium.plans.rules import PlanRules
from studium.storage.chunks.queries import owned_bytes
from studium.storage.models import Hold, Upload

pytestmark = pytest.mark.django_db
A, B, C, D = (seeded(size, size) for size in (4000, 3000, 2000, 1000))
LATER = NOW + timedelta(days=2)


def part(cast: Cast, kind: str) -> int:
    return {each.slug: size for each, size in measuring.parts(cast.team)}[kind]


def largest(cast: Cast, kind: str, user: User | None = None) -> list[Item]:
    return cleaning.largest(user or cast.owner, cast.team, kind, 20, now=LATER)


def produce(world: World, cast: Cast, notebook: Notebook, files: dict[str, bytes]) -> Version:
    """A version of the notebook that was run, left these files, and whose workspace is gone."""
    version = versions.save_and_run(cast.owner, notebook, "cpu-small", now=world.now)
    assert version.run is not None
    world.until(version.run, State.RUNNING)
    world.engine.finish(version.run.pk, 0, Cause.EXIT)
    world.until(version.run, State.ENDED)
    settle_ended(world.engines, world.now)
    clean_volumes(world.engines, world.now)
    return give_files(version, files)


def sweep() -> None:
    sweeping.sweep(LATER + timedelta(hours=3))


def test_parts_are_what_is_there_and_builds_do_not_count(cast: Cast, world: World, notebook: Notebook) -> None:
    made = make_dataset(cast.owner, cast.team)
    make_version(cast.owner, made, {"a": [A, B]})
    make_version(cast.owner, make_dataset(cast.owner, cast.team, "Again"), {"other": [A, B]})  # is not paid for twice
    bring(datasets.owner_of(made), C)
    make_team_environment(cast.owner, cast.team)
    Notebook.objects.filter(pk=notebook.pk).update(workspace_bytes=50_000)
    produce(world, cast, notebook, {"out": D})
    document = Version.objects.get().document_bytes
    assert {kind.slug: size for kind, size in measuring.parts(cast.team)} == {
        "workspaces": 50_000, "versions": len(D) + document, "datasets": len(A + B), "uploads": len(C), "volume": 0,
        "snapshots": 0,
        "builds": 10**8,
    }  # fmt: skip
    assert stored_bytes(cast.team) == 50_000 + len(D) + document + len(A + B + C)
    apart = {kind.slug for kind in measuring.KINDS if kind.page}
    assert {kind.slug for kind in measuring.KINDS} - apart | {"snapshots"} == set(cleaning.CLEANERS)


def test_old_versions_of_datasets_go_and_the_preview_says_exactly_what_with_them(
    cast: Cast, notebook: Notebook
) -> None:
    made = make_dataset(cast.owner, cast.team, visibility=Visibility.TEAM)
    for parts in ([A, B], [B, C], [C, D], [D]):
        make_version(cast.owner, made, {"a": parts})
    inputs.add_input(cast.owner, notebook, made, number=3, name="three", now=NOW)
    found = {item.title[-1]: item for item in largest(cast, "datasets")}
    assert {number: item.kept for number, item in found.items()} == {
        "1": "", "2": "", "3": "A notebook's input stays with it.", "4": "It is the newest.",
    }  # fmt: skip
    one = cleaning.preview(cast.owner, cast.team, [found["1"].id], now=LATER)
    assert (one.bytes, one.exact) == (len(A), True)
    ids = [item.id for item in found.values()]
    both = cleaning.preview(cast.owner, cast.team, ids, now=LATER)
    assert (both.bytes, both.counted, len(both.going), len(both.staying)) == (len(A + B), len(A + B), 2, 2)
    assert DatasetVersion.objects.filter(deleted_at=None).count() == 4
    done = cleaning.clean(cast.owner, cast.team, ids, now=LATER)
    sweep()
    assert part(cast, "datasets") == len(C + D)
    assert done.bytes == len(A + B)
    again = cleaning.clean(cast.owner, cast.team, ids, now=LATER)
    assert (again.going, again.gone, again.bytes) == ([], 2, 0)
    assert Event.objects.filter(kind="storage.cleaned").count() == 1


def test_a_queued_run_keeps_the_version_it_was_given(cast: Cast, notebook: Notebook) -> None:
    made = make_dataset(cast.owner, cast.team, visibility=Visibility.TEAM)
    make_version(cast.owner, made, {"a": [A]})
    inputs.add_input(cast.owner, notebook, made, now=NOW)
    notebooks.start(cast.owner, notebook, LaunchKind.EXECUTION, "cpu-small", now=NOW)
    make_version(cast.owner, made, {"a": [B]})
    (old,) = (item for item in largest(cast, "datasets") if item.title.endswith("1"))
    assert old.kept == "A run reads it."
    assert not cleaning.clean(cast.owner, cast.team, [old.id], now=LATER).going


def test_output_files_go_and_the_version_stays(cast: Cast, world: World, notebook: Notebook) -> None:
    old, pinned, read, newest = (produce(world, cast, notebook, {"o": bytes([n]) * 1000, "p": A}) for n in range(4))
    versions.update_version(cast.owner, pinned, pinned=True, now=NOW)
    reader = make_notebook(cast.owner, cast.team, "Reader")
    inputs.add_input(cast.owner, reader, notebook, number=read.number, now=NOW)
    kept = {item.key: item.kept for item in largest(cast, "versions")}
    assert kept == {
        old.pk: "", pinned.pk: "It is pinned.", read.pk: "Another notebook or a run reads it.",
        newest.pk: "It is the newest with files.",
    }  # fmt: skip
    before, held = part(cast, "versions"), Hold.objects.filter(holder__startswith=f"version:{old.pk}:").count()
    done = cleaning.clean(cast.owner, cast.team, [f"versions:{key}" for key in kept], now=LATER)
    assert [item.key for item in done.going] == [old.pk]
    assert before - part(cast, "versions") == done.bytes == 1000 + len(A)
    old.refresh_from_db()
    assert (output_files(old).files, old.files_count, old.files_removed_at) == ([], 0, LATER)
    assert Hold.objects.filter(holder__startswith=f"version:{old.pk}:").count() == held - 3
    assert len(output_files(newest).files) == 2
    assert Event.objects.get(kind="version.files_removed").data == {"number": 1, "bytes": 1000 + len(A)}


def test_a_version_that_read_removed_files_is_not_run_again(cast: Cast, world: World, notebook: Notebook) -> None:
    reader = make_notebook(cast.owner, cast.team, "Reader", visibility=Visibility.TEAM)
    first = produce(world, cast, notebook, {"o": A})
    inputs.add_input(cast.owner, reader, notebook, now=NOW)
    made = produce(world, cast, reader, {})
    produce(world, cast, notebook, {"o": B})
    assert cleaning.clean(cast.owner, cast.team, [f"versions:{first.pk}"], now=LATER).going
    with pytest.raises(Refused, match="is no longer kept"):
        versions.save_and_run(cast.owner, reader, "cpu-small", now=world.now, again=made)


def test_a_workspace_is_emptied_once_nothing_has_it_and_starts_anew(
    cast: Cast, world: World, notebook: Notebook
) -> None:
    session = notebooks.start(cast.owner, notebook, LaunchKind.SESSION, "cpu-small", now=world.now)
    world.until(session, State.RUNNING)
    Notebook.objects.filter(pk=notebook.pk).update(workspace_bytes=70_000, volume_document=notebook.document)
    ids = [f"workspaces:{notebook.pk}"]
    assert cleaning.preview(cast.owner, cast.team, ids, now=LATER).staying[0].kept == "A run has it. Stop that first."
    emptying.ask_to_empty(cast.owner, cast.team, [notebook.pk], LATER)
    assert not Notebook.objects.exclude(emptying_at=None).exists()
    world.engine.write_file(volume_of(notebook), "big", b"x", 10**6)
    world.engine.finish(session.pk, 0, Cause.EXIT)
    world.until(session, State.ENDED)
    notebook.launches.update(settled_at=world.now)
    assert cleaning.clean(cast.owner, cast.team, ids, now=LATER).bytes == 70_000 - notebook.document_bytes
    with pytest.raises(NotYet, match="just being emptied"):
        notebooks.start(cast.owner, notebook, LaunchKind.SESSION, "cpu-small", now=world.now)
    assert cleaning.clean(cast.owner, cast.team, ids, now=LATER).staying[0].kept == "It is just being emptied."
    PassLease.objects.create(name="emptying", holder="other", until=LATER + timedelta(minutes=5))
    assert emptying.empty_asked("me", world.engines, LATER) == 0
    assert emptying.empty_asked("me", world.engines, LATER + timedelta(minutes=6)) == 1
    assert emptying.empty_asked("me", world.engines, LATER + timedelta(minutes=6)) == 0
    assert world.engine.read_file(volume_of(notebook), "big", 100) is None
    assert part(cast, "workspaces") == notebook.document_bytes
    run = notebooks.start(cast.owner, notebook, LaunchKind.SESSION, "cpu-small", now=world.now)
    assert run.spec["seeds"][0]["source"] == f"blob:{notebook.document}"


def test_a_workspace_stays_asked_for_while_an_engine_fails(
    cast: Cast, world: World, notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    Notebook.objects.filter(pk=notebook.pk).update(workspace_bytes=70_000)
    cleaning.clean(cast.owner, cast.team, [f"workspaces:{notebook.pk}"], now=LATER)

    def fails(volume: str) -> None:
        raise EngineError(volume)

    with monkeypatch.context() as patched:
        patched.setattr(world.engine, "delete_volume", fails)
        assert emptying.empty_asked("me", world.engines, LATER) == 0
    assert part(cast, "workspaces") == 70_000
    assert emptying.empty_asked("me", world.engines, LATER) == 1


def test_unfinished_uploads_and_loose_pieces_go_but_nothing_that_is_needed(cast: Cast) -> None:
    made = make_dataset(cast.owner, cast.team)
    make_version(cast.owner, made, {"a": [A]})
    owner = datasets.owner_of(made)
    bring(owner, B)
    for name, content in (("one", C + A), ("two", D)):
        row = datasets.begin_upload(cast.owner, made, name, len(content), fingerprint="", now=NOW)
        datasets.receive(cast.owner, made, row, 0, content, used=0, now=NOW)
    items = {item.title.split()[0]: item for item in largest(cast, "uploads")}
    assert {name: (item.bytes, item.kept) for name, item in items.items()} == {
        "one": (len(C + A), ""), "two": (len(D), ""), "Pieces": (len(B), ""),
    }  # fmt: skip
    young = cleaning.preview(cast.owner, cast.team, [item.id for item in items.values()], now=NOW)
    assert len(young.staying) == 3
    twin = datasets.begin_upload(cast.owner, made, "three", len(D), fingerprint="", now=NOW)
    datasets.receive(cast.owner, made, twin, 0, D, used=0, now=NOW)
    assert cleaning.preview(cast.owner, cast.team, [f"uploads:{twin.pk}"], now=LATER).bytes == 0
    datasets.end_upload(cast.owner, twin)
    before = part(cast, "uploads")
    done = cleaning.clean(cast.owner, cast.team, [items["one"].id, items["Pieces"].id], now=LATER)
    sweep()
    assert before - part(cast, "uploads") == done.bytes == before - len(D)
    assert [row.path for row in Upload.objects.all()] == ["two"]
    assert owned_bytes(owner) == len(A + D)


def test_unused_builds_are_removed_and_come_back_from_their_locks(cast: Cast, notebook: Notebook) -> None:
    environment = make_team_environment(cast.owner, cast.team)
    old = environment.builds.get()
    fields = {"state": BuildState.READY, "path": "/nowhere", "size_bytes": 10, "created_at": NOW, "used_at": NOW}
    for number in (2, 3):
        Build.objects.create(environment=environment, number=number, **fields)
    Build.objects.filter(pk=old.pk).update(path="/nowhere/1")
    notebooks.choose_environment(cast.owner, notebook, environment, number=2, now=NOW)
    kept = {item.title[-1]: item.kept for item in largest(cast, "builds")}
    assert kept == {"1": "", "2": "A notebook stays with it.", "3": "It is what the environment gives now."}
    done = cleaning.clean(cast.teammate, cast.team, [item.id for item in largest(cast, "builds")], now=LATER)
    assert (done.bytes, done.counted) == (10**8, 0)
    collect_unused(NOW)
    old.refresh_from_db()
    assert (old.state, old.path) == (BuildState.COLLECTED, "")
    assert Event.objects.filter(kind="environment.build_removed").count() == 1


def test_only_what_somebody_may_delete_goes_and_private_things_have_no_name(cast: Cast, world: World) -> None:
    secret = make_notebook(cast.owner, cast.team, "Secret", visibility=Visibility.PRIVATE)
    hidden = make_dataset(cast.owner, cast.team, "Hidden", visibility=Visibility.PRIVATE)
    for parts in ([A], [B]):
        make_version(cast.owner, hidden, {"a": parts})
    Notebook.objects.filter(pk=secret.pk).update(workspace_bytes=99_999)
    for kind in ("workspaces", "datasets"):
        items = largest(cast, kind, cast.teammate)
        assert all("private" in item.title and item.page == "" and item.kept for item in items), items
        assert not cleaning.clean(cast.teammate, cast.team, [item.id for item in items], now=LATER).going
    assert largest(cast, "workspaces", cast.owner)[0].title == "Secret"
    with pytest.raises(Forbidden):
        cleaning.preview(cast.reader, cast.team, [], now=LATER)
    with pytest.raises(NotFound):
        cleaning.clean(cast.stranger, cast.team, [], now=LATER)
    with pytest.raises(BadInput):
        cleaning.preview(cast.owner, cast.team, ["planets:1"], now=LATER)
    with pytest.raises(BadInput):
        cleaning.preview(cast.owner, cast.team, [f"datasets:{n}" for n in range(501)], now=LATER)


def test_ids_of_another_team_find_nothing(cast: Cast) -> None:
    other = make_notebook(cast.stranger, title="Elsewhere")
    theirs = make_dataset(cast.stranger, title="Theirs")
    for parts in ([A], [B]):
        make_version(cast.stranger, theirs, {"a": parts})
    Notebook.objects.filter(pk=other.pk).update(workspace_bytes=9)
    ids = [f"workspaces:{other.pk}", *(f"datasets:{each.pk}" for each in theirs.versions.all())]
    choice = cleaning.clean(cast.owner, cast.team, [*ids, "datasets:no-number"], now=LATER)
    assert (choice.going, choice.staying, choice.gone) == ([], [], 4)


def test_what_is_stored_is_not_added_up_for_each_piece(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = list[int]()

    def count(team: Team) -> int:
        counted.append(1000)
        return counted[-1]

    monkeypatch.setattr(measuring, "counted", count)
    assert measuring.counted_before(cast.team, 10, now=NOW) == 0, "nothing is limited, so nothing is counted"
    plans.load_plan("narrow", "Narrow", "", PlanRules(storage_bytes_team=1100), now=NOW)
    plans.assign_plan(None, cast.team, "narrow", now=NOW)
    seconds = timedelta(seconds=1)
    assert [measuring.counted_before(cast.team, 40, now=NOW + n * seconds) for n in range(3)] == [1000, 1040, 1000]
    assert len(counted) == 2, "where it would not fit it is counted anew"
    assert measuring.counted_before(cast.team, 40, now=NOW + 11 * seconds) == 1040
    assert measuring.counted_before(cast.team, 1, now=NOW + 13 * seconds) == 1000, "ten seconds are over"
    assert measuring.counted_before(cast.team, 1, now=NOW) == 1000, "a clock that was set back"
    assert len(counted) == 4
