"""Snapshots of a notebook's workspace: taken, put back and deleted, for whom they are, and what they take."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import cloned
import pytest
from kept import asked, begin, care, files, fill, fresh, kept, put_back, stop, work
from world import World

from factories.accounts import Cast
from factories.notebooks import make_notebook, notebook_json
from studium.compute.volumes.actions import create_volume
from studium.compute.volumes.states import SnapshotState
from studium.errors import BadInput, Forbidden, NotFound, NotYet, Refused
from studium.events.models import Event
from studium.lib.units import GIB, MIB
from studium.notebooks import actions as notebooks
from studium.notebooks.git import actions as git
from studium.notebooks.models import Notebook, Version
from studium.notebooks.queries import stored_bytes
from studium.notebooks.sharing import actions as sharing
from studium.notebooks.snapshots import actions, queries, reconcile
from studium.notebooks.snapshots.access import notebook_with_snapshots, snapshot_of
from studium.notebooks.snapshots.models import WorkspaceCare, WorkspaceSnapshot
from studium.notebooks.snapshots.states import Why
from studium.notebooks.states import LaunchKind, SharedRole, Visibility
from studium.notebooks.stored import cleaning, measuring
from studium.notebooks.versions import actions as versions
from studium.plans import actions as plan_actions
from studium.storage.models import Hold, Ownership

pytestmark = pytest.mark.django_db
FIRST, SECOND = notebook_json("1", "2"), notebook_json("3")
PACKAGES = b'[["polars", "1.2"]]'
NAMES = ["notebook.ipynb", "data.csv", ".local/studium-packages.json"]


def test_taken_while_a_session_goes_on_and_when_none_does(cast: Cast, world: World, notebook: Notebook) -> None:
    run = begin(world, cast.owner, notebook)
    fill(world, notebook, {"notebook.ipynb": FIRST, "a.txt": b"first"})
    first = kept(world, cast.teammate, notebook, "while it\nruns ")
    assert (first.note, first.created_by, first.why) == ("while it runs", cast.teammate, Why.ASKED)
    assert first.taken_at == world.now
    assert care(notebook).due_at is None, "nothing more is to be done"
    fill(world, notebook, {"notebook.ipynb": SECOND})
    stop(world, run)
    second = kept(world, cast.owner, notebook)
    assert [each.pk for each in queries.snapshots_of(notebook)] == [second.pk, first.pk]
    assert {event.kind for event in Event.objects.filter(kind__startswith="workspace.")} == {
        "workspace.snapshot_asked", "workspace.snapshot_taken",
    }  # fmt: skip


def test_put_back_workspace_and_document_are_as_they_were(cast: Cast, world: World, notebook: Notebook) -> None:
    run = begin(world, cast.owner, notebook)
    before = dict(zip(NAMES, (FIRST, b"a,b\n" * 1000, PACKAGES), strict=True))
    fill(world, notebook, before)
    stop(world, run)
    was = fresh(notebook)
    assert (was.cells, was.packages) == (2, [["polars", "1.2"]])
    snapshot = kept(world, cast.owner, notebook)
    run = begin(world, cast.owner, notebook)
    after = {"notebook.ipynb": SECOND, "other": b"x"}
    fill(world, notebook, after)
    stop(world, run)
    assert (fresh(notebook).cells, fresh(notebook).packages) == (1, [])
    put_back(world, cast.owner, notebook, snapshot)
    put_back(world, cast.owner, notebook, snapshot)
    work(world)
    assert files(world, notebook) == before
    now = fresh(notebook)
    assert (now.document, now.volume_document, now.cells) == (was.document, was.document, 2)
    assert (now.packages, now.workspace_bytes) == ([["polars", "1.2"]], sum(map(len, before.values())))
    assert (care(notebook).restoring, care(notebook).trouble) == (None, "")
    mine = queries.snapshots_of(notebook).first()
    assert mine is not None
    assert (mine.note, mine.created_by, mine.state) == ("Before a snapshot was put back", None, SnapshotState.READY)
    run = begin(world, cast.owner, notebook)
    assert run.spec["seeds"] == [], "the document is in the workspace already"
    stop(world, run)
    put_back(world, cast.owner, notebook, mine)
    work(world)
    assert files(world, notebook) == after
    assert fresh(notebook).cells == 1
    assert not Version.objects.exists(), "every document was in a snapshot"


def test_it_waits_for_the_session_and_keeps_what_that_left(cast: Cast, world: World, notebook: Notebook) -> None:
    run = begin(world, cast.owner, notebook)
    fill(world, notebook, {"notebook.ipynb": FIRST, "a": b"kept"})
    snapshot = kept(world, cast.owner, notebook)
    put_back(world, cast.owner, notebook, snapshot)
    work(world)
    assert care(notebook).trouble == "It waits until no run has the workspace."
    fill(world, notebook, {"notebook.ipynb": FIRST, "a": b"the last words"})
    stop(world, run)
    for refused in (
        lambda: begin(world, cast.owner, notebook),
        lambda: notebooks.replace_document(cast.owner, notebook, SECOND, now=world.now),
        lambda: asked(world, cast.owner, notebook),
    ):
        with pytest.raises(NotYet, match="contents of a snapshot"):
            refused()
    with pytest.raises(NotYet, match="being taken or put back"):
        actions.delete(cast.owner, snapshot, now=world.now)
    work(world)
    assert files(world, notebook)["a"] == b"kept"
    last = queries.snapshots_of(notebook).get(created_by=None)
    put_back(world, cast.owner, notebook, last)
    work(world)
    assert files(world, notebook)["a"] == b"the last words", "not what was there when it was asked for"
    begin(world, cast.owner, notebook)


def test_given_up_the_workspace_stays(cast: Cast, world: World, notebook: Notebook) -> None:
    run = begin(world, cast.owner, notebook)
    fill(world, notebook, {"notebook.ipynb": FIRST})
    snapshot = kept(world, cast.owner, notebook)
    fill(world, notebook, {"notebook.ipynb": SECOND})
    put_back(world, cast.owner, notebook, snapshot)
    other = asked_or_none(world, cast, notebook)
    assert other is None
    actions.give_up(cast.teammate, notebook, now=world.now)
    actions.give_up(cast.teammate, notebook, now=world.now)
    stop(world, run)
    work(world)
    assert files(world, notebook) == {"notebook.ipynb": SECOND}
    assert [each.pk for each in queries.snapshots_of(notebook)] == [snapshot.pk]
    put_back(world, cast.owner, notebook, snapshot)
    WorkspaceCare.objects.update(lease="somebody", leased_until=world.now + timedelta(minutes=9))
    with pytest.raises(NotYet, match="just being put back"):
        actions.give_up(cast.owner, notebook, now=world.now)


def asked_or_none(world: World, cast: Cast, notebook: Notebook) -> WorkspaceSnapshot | None:
    try:
        return asked(world, cast.owner, notebook)
    except NotYet:
        return None


def test_a_document_that_no_run_has_seen_is_saved_as_a_version(cast: Cast, world: World, notebook: Notebook) -> None:
    run = begin(world, cast.owner, notebook)
    fill(world, notebook, {"notebook.ipynb": FIRST})
    stop(world, run)
    snapshot = kept(world, cast.owner, notebook)
    notebooks.replace_document(cast.owner, notebook, SECOND, now=world.now)
    uploaded = fresh(notebook).document
    put_back(world, cast.teammate, notebook, snapshot)
    work(world)
    assert fresh(notebook).cells == 2
    version = Version.objects.get()
    assert (version.document, version.note, version.created_by) == (
        uploaded, "Before a snapshot was put back", cast.teammate,
    )  # fmt: skip


def test_a_snapshot_without_the_document_leaves_that_for_the_next_start(
    cast: Cast, world: World, notebook: Notebook
) -> None:
    run = begin(world, cast.owner, notebook)
    fill(world, notebook, {"only": b"data"})
    snapshot = kept(world, cast.owner, notebook)
    fill(world, notebook, {"notebook.ipynb": SECOND})
    stop(world, run)
    put_back(world, cast.owner, notebook, snapshot)
    work(world)
    assert (fresh(notebook).cells, fresh(notebook).volume_document) == (1, "")
    begin(world, cast.owner, notebook)
    assert set(files(world, notebook)) == {"only", "notebook.ipynb"}


@pytest.mark.parametrize(
    ("who", "sees", "changes"),
    [
        ("owner", True, True),
        ("teammate", True, True),
        ("editor", True, True),
        ("reader", True, False),
        ("guest", False, False),
        ("stranger", None, False),
    ],
)
def test_who_may_what(cast: Cast, world: World, notebook: Notebook, who: str, sees: bool | None, changes: bool) -> None:
    """`guest` may read the notebook and nothing else of its team; `sees` is None for whom there is no such notebook."""
    from factories.accounts import make_user

    people = {"editor": SharedRole.EDITOR, "guest": SharedRole.READER}
    person = make_user(who) if who in people else getattr(cast, who)
    if who in people:
        sharing.share(cast.owner, notebook, person, people[who], now=world.now)
    name = f"{cast.team.slug}/{notebook.slug}"

    def attempt(may: bool | None, call: Callable[[], Any]) -> None:
        if may:
            call()
        else:
            with pytest.raises(NotFound if sees is None else Forbidden):
                call()

    attempt(sees, lambda: notebook_with_snapshots(person, name))
    attempt(changes, lambda: notebook_with_snapshots(person, name, change=True))


def test_one_of_another_notebook_is_none_of_this(cast: Cast, world: World, notebook: Notebook) -> None:
    other = make_notebook(cast.owner, cast.team, "Other", visibility=Visibility.TEAM)
    stop(world, begin(world, cast.owner, other))
    snapshot = kept(world, cast.owner, other)
    with pytest.raises(NotFound, match="no snapshot"):
        snapshot_of(notebook, snapshot.pk)


def test_so_many_of_people_and_the_last_of_the_platform(cast: Cast, world: World, notebook: Notebook) -> None:
    run = begin(world, cast.owner, notebook)
    fill(world, notebook, {"notebook.ipynb": FIRST})
    stop(world, run)
    first = kept(world, cast.owner, notebook)
    for _ in range(actions.MOST_OF_PLATFORM + 2):
        put_back(world, cast.owner, notebook, first)
        work(world)
    of_platform = queries.snapshots_of(notebook).filter(created_by=None)
    assert of_platform.count() == actions.MOST_OF_PLATFORM
    holders = set(Hold.objects.filter(holder__startswith="workspace:").values_list("holder", flat=True))
    assert holders == {actions.holder_of(each) for each in queries.snapshots_of(notebook)}
    oldest = of_platform.last()
    assert oldest is not None
    put_back(world, cast.owner, notebook, oldest)
    work(world)
    assert care(notebook).restoring is None, "it is kept until it is put back"
    for _ in range(actions.MOST - 1):
        asked(world, cast.owner, notebook)
        WorkspaceSnapshot.objects.filter(state=SnapshotState.WAITING).update(state=SnapshotState.FAILED)
    with pytest.raises(Refused, match="at most 20"):
        asked(world, cast.owner, notebook)
    actions.delete(cast.teammate, first, now=world.now)
    asked(world, cast.owner, notebook)
    with pytest.raises(NotFound, match="no snapshot"):
        actions.delete(cast.teammate, first, now=world.now)


def test_an_empty_workspace_has_none_and_one_at_a_time(cast: Cast, world: World, notebook: Notebook) -> None:
    made = asked(world, cast.owner, notebook)
    with pytest.raises(NotYet, match="just being taken"):
        asked(world, cast.owner, notebook)
    with pytest.raises(NotYet, match="being taken or put back"):
        actions.delete(cast.owner, made, now=world.now)
    with pytest.raises(NotYet, match="The snapshot is waiting"):
        put_back(world, cast.owner, notebook, made)
    work(world)
    made.refresh_from_db()
    assert (made.state, made.trouble) == (SnapshotState.FAILED, "The workspace is empty: nothing ran in it yet.")
    actions.delete(cast.owner, made, now=world.now)


def test_into_an_emptied_workspace_it_is_put_back_without_another(cast: Cast, world: World, notebook: Notebook) -> None:
    run = begin(world, cast.owner, notebook)
    fill(world, notebook, {"notebook.ipynb": FIRST, "a": b"kept"})
    stop(world, run)
    snapshot = kept(world, cast.owner, notebook)
    world.engine.delete_volume(f"nb-{notebook.pk}")
    put_back(world, cast.owner, notebook, snapshot)
    work(world)
    assert files(world, notebook)["a"] == b"kept"
    assert queries.snapshots_of(notebook).count() == 1


def test_what_does_not_fit_is_not_put_back(cast: Cast, world: World, notebook: Notebook) -> None:
    run = begin(world, cast.owner, notebook)
    fill(world, notebook, {"notebook.ipynb": FIRST})
    stop(world, run)
    snapshot = kept(world, cast.owner, notebook)
    WorkspaceSnapshot.objects.update(size_bytes=21 * GIB)
    with pytest.raises(BadInput, match="has 21 GiB, the workspace 20 GiB"):
        put_back(world, cast.owner, notebook, snapshot)
    plan_actions.assign_plan(cast.owner, cast.team, "gradient-pro", now=world.now)
    with pytest.raises(Refused, match="15 GiB"):
        actions.take(cast.owner, notebook, stored=16 * GIB, now=world.now)


def test_each_piece_counts_once_and_deletion_frees_the_rest(cast: Cast, world: World, notebook: Notebook) -> None:
    def counted() -> int:
        return counted_in(cast)

    big = random.Random(7).randbytes(8 * MIB)
    other = make_notebook(cast.owner, cast.team, "Other", visibility=Visibility.TEAM)
    for each in (notebook, other):
        run = begin(world, cast.owner, each)
        fill(world, each, {"notebook.ipynb": FIRST, "z": big})
        stop(world, run)
    first = kept(world, cast.owner, notebook)
    size = counted()
    assert size == first.size_bytes
    second = kept(world, cast.owner, other)
    assert size <= counted() < size + 5 * MIB, "two workspaces, one large file"
    create_volume(cast.owner, cast.team, GIB, used=0, now=world.now)
    world.engine._state["volumes"][f"team-{cast.team.pk}"] = {"z": big.decode("latin-1")}
    before = stored_bytes(cast.team)
    volume_snapshot(cast, world)
    assert stored_bytes(cast.team) - before < 5 * MIB, "nor does the volume's snapshot count it again"
    actions.delete(cast.owner, first, now=world.now)
    notebooks.delete_notebook(cast.owner, other, now=world.now)
    assert not WorkspaceSnapshot.objects.exists()
    assert not Hold.objects.filter(holder__startswith="workspace:").exists()
    assert second.pk
    reconcile.sweep(world.now)
    assert Ownership.objects.filter(owner__startswith="workspaces:").exists(), "what was brought lately stays a while"
    reconcile.sweep(world.now + timedelta(days=9))
    assert not Ownership.objects.filter(owner__startswith="workspaces:").exists()


def test_cleaned_up_with_exactly_what_no_other_has(cast: Cast, world: World, notebook: Notebook) -> None:
    big, small = random.Random(8).randbytes(6 * MIB), random.Random(9).randbytes(3 * MIB)
    run = begin(world, cast.owner, notebook)
    fill(world, notebook, {"notebook.ipynb": FIRST, "a": big})
    stop(world, run)
    first = kept(world, cast.owner, notebook)
    fill(world, notebook, {"notebook.ipynb": FIRST, "a": big, "b": small})
    second = kept(world, cast.owner, notebook, "")
    found = {item.key: item for item in cleaning.largest(cast.owner, cast.team, "snapshots", 9, now=world.now)}
    assert (found[first.pk].title, found[first.pk].bytes) == ("A notebook, as it was", first.size_bytes)
    assert found[second.pk].page == f"/notebooks/{cast.team.slug}/{notebook.slug}/snapshots/"
    reader = cleaning.largest(cast.reader, cast.team, "snapshots", 9, now=world.now)
    assert {item.kept for item in reader} == {"Only members of its team delete it."}
    Notebook.objects.filter(pk=notebook.pk).update(visibility=Visibility.PRIVATE)
    hidden = cleaning.largest(cast.teammate, cast.team, "snapshots", 9, now=world.now)
    assert {(item.title, item.page) for item in hidden} == {("A snapshot of a private notebook", "")}
    put_back(world, cast.owner, notebook, second)
    ids = [f"snapshots:{each.pk}" for each in (first, second)]
    before, choice = counted_in(cast), cleaning.clean(cast.owner, cast.team, ids, now=world.now)
    assert [item.key for item in choice.going] == [first.pk]
    assert [item.kept for item in choice.staying] == ["It is just being put back."]
    assert choice.exact
    assert choice.bytes < 3 * MIB, "most of it is the other's too"
    assert before == counted_in(cast)
    reconcile.sweep(world.now + timedelta(days=9))
    assert before - counted_in(cast) == choice.bytes
    work(world)
    ids = [f"snapshots:{each.pk}" for each in queries.snapshots_of(notebook)]
    assert cleaning.clean(cast.owner, cast.team, ids, now=world.now).bytes == counted_in(cast)


def counted_in(cast: Cast) -> int:
    return {each.slug: size for each, size in measuring.parts(cast.team)}["snapshots"]


def volume_snapshot(cast: Cast, world: World) -> None:
    from studium.compute.volumes import actions as volume_actions
    from studium.compute.volumes import reconcile as volumes
    from studium.compute.volumes.models import TeamVolume

    made = volume_actions.take_snapshot(cast.owner, TeamVolume.objects.get(), now=world.now)
    volumes.run_pass(world.engines, world.now)
    made.refresh_from_db()
    assert made.state == SnapshotState.READY


def test_git_and_a_snapshot_are_not_at_it_at_once(cast: Cast, world: World) -> None:
    notebook = cloned.made(cast)
    with pytest.raises(NotYet, match="still being cloned"):
        put_back(world, cast.owner, notebook, WorkspaceSnapshot(notebook=notebook))
    cloned.end(world, notebook, files={"churn.ipynb": FIRST}, result=cloned.RESULT)
    notebook = fresh(notebook)
    snapshot = kept(world, cast.owner, notebook)
    git.pull(cast.owner, cloned.repo(notebook), now=world.now)
    put_back(world, cast.owner, notebook, snapshot)
    work(world)
    assert care(notebook).trouble == "It waits until no run has the workspace."
    cloned.end(world, notebook, files={"churn.ipynb": SECOND}, result=cloned.RESULT)
    assert fresh(notebook).cells == 1
    with pytest.raises(NotYet, match="contents of a snapshot"):
        git.pull(cast.owner, cloned.repo(notebook), now=world.now)
    work(world)
    assert fresh(notebook).cells == 2
    git.pull(cast.owner, cloned.repo(notebook), now=world.now)


def test_a_deleted_notebook_has_nothing_put_back(cast: Cast, world: World, notebook: Notebook) -> None:
    run = begin(world, cast.owner, notebook)
    fill(world, notebook, {"notebook.ipynb": FIRST})
    snapshot = kept(world, cast.owner, notebook)
    put_back(world, cast.owner, notebook, snapshot)
    notebooks.delete_notebook(cast.owner, notebook, now=world.now)
    stop(world, run)
    assert work(world) == 0
    assert not WorkspaceCare.objects.exists()


def test_a_restored_version_keeps_what_it_replaces(cast: Cast, world: World, notebook: Notebook) -> None:
    first = versions.save_quick(cast.owner, notebook, now=world.now)
    versions.restore(cast.owner, first, now=world.now)
    assert Version.objects.count() == 1, "it is the same"
    notebooks.replace_document(cast.owner, notebook, SECOND, now=world.now)
    replaced = fresh(notebook).document
    versions.restore(cast.teammate, Version.objects.get(), now=world.now)
    second = Version.objects.get(number=2)
    assert (second.document, second.note, second.created_by) == (
        replaced,
        "Before version 1 was put back",
        cast.teammate,
    )
    assert second.cells == 1
    versions.restore(cast.owner, second, now=world.now)
    versions.restore(cast.owner, Version.objects.get(number=1), now=world.now)
    assert Version.objects.count() == 2, "versions have both"
    notebooks.replace_document(cast.owner, notebook, notebook_json("5"), now=world.now)
    notebooks.start(cast.owner, notebook, LaunchKind.SESSION, "cpu-small", now=world.now)
    with pytest.raises(NotYet):
        versions.restore(cast.owner, Version.objects.get(number=1), now=world.now)
    assert Version.objects.count() == 2, "nothing was replaced"
