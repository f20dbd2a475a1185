"""Nothing that was acknowledged is lost whoever dies at whichever step, and the next pass finishes what was begun."""

import contextlib
import itertools
from datetime import timedelta

import pytest

from factories.accounts import NOW, make_user
from factories.compute import load_plans
from factories.datasets import content_of, make_dataset, make_version, pack_of, seeded
from functional.crashes import (
    check_kept,
    check_nothing_else,
    collect_all,
    collecting,
    crashed,
    settle,
    store_failing_at,
)
from studium.accounts.models import User
from studium.datasets import actions, reconcile
from studium.datasets.models import Dataset, DatasetVersion, Sweep
from studium.errors import NotFound
from studium.storage import stores
from studium.storage.errors import StoreFailed
from studium.storage.models import Ownership
from studium.storage.uploads import actions as uploads

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("_no_blocks")]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
_seeds = itertools.count(1000)
Files = dict[str, list[bytes]]


@pytest.fixture
def owner() -> User:
    load_plans("open")
    return make_user()


def some_files(count: int = 4) -> Files:
    """Files of chunks that nobody has brought."""
    parts = [seeded(2000, next(_seeds)) for _ in range(count)]
    return {"a.csv": parts[:-1], "b/c.csv": [parts[-1]], "empty": []}


def contents(files: Files) -> dict[str, bytes]:
    return {path: b"".join(parts) for path, parts in files.items()}


def kept_beside(owner: User, dataset: Dataset) -> dict[int, dict[str, bytes]]:
    files = some_files()
    return {make_version(owner, dataset, files).pk: contents(files)}


def test_a_version_that_dies_anywhere_is_made_when_it_is_tried_again(owner: User) -> None:
    dataset = make_dataset(owner)
    expected = kept_beside(owner, dataset)
    for step in itertools.count():
        files = some_files()
        died = crashed(lambda files=files: make_version(owner, dataset, files), step)
        if DatasetVersion.objects.count() == len(expected):
            collect_all(NOW)
            check_kept(expected)
            made = make_version(owner, dataset, files)
        else:  # all was recorded before it died
            made = DatasetVersion.objects.order_by("-pk")[0]
        expected[made.pk] = contents(files)
        check_kept(expected)
        if not died:
            break
    assert step > 15
    settle(NOW)
    check_kept(expected)
    check_nothing_else()


def test_what_a_dead_maker_left_is_collected(owner: User) -> None:
    dataset = make_dataset(owner)
    expected = kept_beside(owner, dataset)
    for step in itertools.count():
        if not crashed(lambda: make_version(owner, dataset, some_files()), step):
            break
        for made in DatasetVersion.objects.exclude(pk__in=expected).filter(deleted_at=None):
            actions.delete_version(owner, made, now=NOW)
    for made in DatasetVersion.objects.exclude(pk__in=expected).filter(deleted_at=None):
        actions.delete_version(owner, made, now=NOW)
    settle(NOW)
    check_kept(expected)
    check_nothing_else()


def test_collectors_that_die_anywhere_are_finished_by_the_next(owner: User) -> None:
    dataset, now = make_dataset(owner), NOW
    for step in itertools.count():
        shared = [seeded(2000, next(_seeds)) for _ in range(3)]
        doomed = make_version(owner, dataset, {"a": shared, "b": [seeded(2000, next(_seeds))]}, now=now)
        made = make_version(owner, dataset, {"a": shared[:1]}, now=now)
        expected = {made.pk: {"a": shared[0]}}
        actions.delete_version(owner, doomed, now=now)
        died = False
        for later in (2 * HOUR, 9 * DAY, 9 * DAY + 2 * HOUR):
            died = crashed(lambda later=now + later: collect_all(later), step) or died
            check_kept(expected)
        now = settle(now)
        check_kept(expected)
        check_nothing_else()
        actions.delete_version(owner, made, now=now)  # so that there is as much to do the next time
        if not died:
            break
    assert step > 25


def test_a_deletion_that_dies_anywhere_is_done_or_not(owner: User) -> None:
    dataset = make_dataset(owner)
    expected = kept_beside(owner, dataset)
    for step in itertools.count():
        files = some_files()
        version = make_version(owner, dataset, files)
        died = crashed(lambda version=version: actions.delete_version(owner, version, now=NOW), step)
        version.refresh_from_db()
        if version.deleted_at is None:
            assert content_of(version) == contents(files)
            actions.delete_version(owner, version, now=NOW)
        if not died:
            break
    settle(NOW)
    check_kept(expected)
    check_nothing_else()


def test_collectors_at_every_step_take_nothing_of_a_version_that_is_being_made(owner: User) -> None:
    dataset, expected = make_dataset(owner), dict[int, dict[str, bytes]]()
    for later in (timedelta(0), timedelta(minutes=59)):
        for files in (some_files(1), some_files(), some_files()):
            with collecting(NOW + later):
                made = make_version(owner, dataset, files)
            expected[made.pk] = contents(files)
            check_kept(expected)
    # What an earlier version was made of, and what nobody needs any more by now, in one.
    old = some_files()
    actions.bring(owner, dataset, *pack_of(*old["a.csv"]), used=0, now=NOW - 9 * DAY)
    with collecting(NOW):
        made = make_version(owner, dataset, old)
    expected[made.pk] = contents(old)
    settle(NOW)
    check_kept(expected)
    check_nothing_else()


def test_collectors_at_every_step_take_nothing_of_an_upload(owner: User) -> None:
    dataset = make_dataset(owner)
    content = seeded(3_000_000, 5)
    now = NOW
    with collecting(now):
        row = actions.begin_upload(owner, dataset, "big.bin", len(content), fingerprint="1", now=now)
    for start in range(0, len(content), 700_000):
        now += 6 * DAY  # long after what came first was promised
        with collecting(now):
            row = actions.upload_for(owner, dataset, row.pk, now=now)
            row = actions.receive(owner, dataset, row, start, content[start : start + 700_000], used=0, now=now)
    assert now - NOW > 3 * uploads.KEPT_FOR
    with collecting(now):
        made = actions.make_version_of(owner, dataset, [], uploads=[row.pk], now=now)
    settle(now)
    check_kept({made.pk: {"big.bin": content}})
    check_nothing_else()


def test_an_upload_keeps_its_chunks_though_a_version_of_them_came_and_went(owner: User) -> None:
    dataset = make_dataset(owner)
    content = seeded(2_000_000, 6)
    first, second = (
        actions.begin_upload(owner, dataset, name, len(content), fingerprint="1", now=NOW) for name in ("a", "b")
    )
    for row in (first, second):
        actions.receive(owner, dataset, row, 0, content, used=0, now=NOW)
    made = actions.make_version_of(owner, dataset, [], uploads=[first.pk], now=NOW)
    actions.delete_version(owner, made, now=NOW)
    for hours in range(2, 160, 24):
        collect_all(NOW + hours * HOUR)
    made = actions.make_version_of(owner, dataset, [], uploads=[second.pk], now=NOW + 6 * DAY)
    check_kept({made.pk: {"b": content}})


def test_an_upload_that_dies_anywhere_is_gone_on_with_from_what_was_acknowledged(owner: User) -> None:
    dataset = make_dataset(owner)
    content = seeded(1_500_000, 8)
    for step in itertools.count():
        row = actions.begin_upload(owner, dataset, f"{step}.bin", len(content), fingerprint="1", now=NOW)
        actions.receive(owner, dataset, row, 0, content[:900_000], used=0, now=NOW)

        def rest(pk: str = row.pk) -> None:
            found = actions.upload_for(owner, dataset, pk, now=NOW)
            actions.receive(owner, dataset, found, found.received, content[found.received :], used=0, now=NOW)

        died = crashed(rest, step)
        collect_all(NOW)
        found = actions.upload_for(owner, dataset, row.pk, now=NOW)
        assert found.received in (900_000, len(content))
        rest()
        made = actions.make_version_of(owner, dataset, [], uploads=[row.pk], now=NOW)
        assert content_of(made) == {f"{step}.bin": content}
        if not died:
            break
    assert step > 8


@pytest.mark.parametrize("minutes", [0, 9, 11])
def test_a_version_deleted_while_a_sweep_goes_on_is_swept_next(
    owner: User, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    """However long that takes, and though the team was due at this very moment."""
    dataset, files = make_dataset(owner), some_files()
    version = make_version(owner, dataset, files)
    later, real = NOW + 2 * DAY, reconcile.needed_by
    Sweep.objects.update(due_at=later)

    def then_deleted(team: int) -> set[str]:
        needed = real(team)
        monkeypatch.setattr(reconcile, "needed_by", real)
        actions.delete_version(owner, version, now=later + minutes * timedelta(minutes=1))
        return needed

    monkeypatch.setattr(reconcile, "needed_by", then_deleted)
    assert reconcile.sweep(later) == 0
    assert reconcile.sweep(later + timedelta(minutes=minutes)) == 4


def test_a_team_is_looked_at_by_one_at_a_time_and_again_where_that_one_died(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_version(owner, make_dataset(owner), some_files())
    asked: list[int] = []

    def beside(team: int) -> set[str]:
        asked.append(team)
        assert reconcile.sweep(NOW + 2 * DAY) == 0
        raise KeyboardInterrupt

    monkeypatch.setattr(reconcile, "needed_by", beside)
    for minutes, times in ((0, 1), (9, 1), (10, 2)):
        with contextlib.suppress(KeyboardInterrupt):
            reconcile.sweep(NOW + 2 * DAY + minutes * timedelta(minutes=1))
        assert len(asked) == times


def test_chunks_brought_while_a_sweep_ends_are_swept_in_time(owner: User) -> None:
    """The team is looked at each week, so that nothing can stay for good."""
    dataset, files = make_dataset(owner), some_files()
    version = make_version(owner, dataset, files)
    actions.delete_version(owner, version, now=NOW)
    for days in range(1, 30):
        reconcile.sweep(NOW + days * DAY)
    assert Sweep.objects.filter(due_at__lte=NOW + 37 * DAY).exists()


def test_a_store_that_fails_at_any_call_loses_nothing(owner: User) -> None:
    dataset = make_dataset(owner)
    expected = kept_beside(owner, dataset)

    for call in range(3):
        files = some_files()
        with store_failing_at(call):
            try:
                made = make_version(owner, dataset, files)
            except StoreFailed as error:
                assert "object store" in str(error)  # noqa: PT017 - it may also go well
                made = make_version(owner, dataset, files)
        expected[made.pk] = contents(files)
        check_kept(expected)
    for call in range(12):
        doomed = make_version(owner, dataset, some_files())
        actions.delete_version(owner, doomed, now=NOW)
        for later in (DAY, 9 * DAY, 9 * DAY + 2 * HOUR):
            with store_failing_at(call), contextlib.suppress(StoreFailed):
                collect_all(NOW + later)
            check_kept(expected)
    settle(NOW)
    check_kept(expected)
    check_nothing_else()


def test_a_manifest_that_is_lost_stops_what_is_given_up_of_its_team_and_of_no_other(owner: User) -> None:
    mine, theirs = make_dataset(owner), make_dataset(other := make_user())
    lost = make_version(owner, mine, some_files())
    doomed = make_version(owner, mine, some_files())
    actions.delete_version(owner, doomed, now=NOW)
    gone = make_version(other, theirs, some_files())
    actions.delete_version(other, gone, now=NOW)
    content = stores.read(lost.manifest)
    stores.remove(lost.manifest)
    collect_all(NOW + 2 * DAY)
    assert Ownership.objects.filter(owner=f"team:{mine.team_id}").count() == 8
    assert not Ownership.objects.filter(owner=f"team:{theirs.team_id}").exists()
    stores.write(lost.manifest, content)
    collect_all(NOW + 2 * DAY)
    assert Ownership.objects.filter(owner=f"team:{mine.team_id}").count() == 4


def test_a_version_of_a_dataset_that_is_deleted_meanwhile_is_refused(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, real = make_dataset(owner), stores.write

    def then_deleted(digest: str, content: bytes) -> None:
        real(digest, content)
        actions.delete_dataset(owner, dataset, now=NOW)

    monkeypatch.setattr(stores, "write", then_deleted)
    with pytest.raises(NotFound):
        make_version(owner, dataset, some_files())
    assert not DatasetVersion.objects.exists()
    settle(NOW)
    check_nothing_else()
