"""A disk that fills up under trees, imports and profiles: each waits and goes on once there is room."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from test_import_passes import begun, fetched, look, settled
from test_profile_passes import ANSWER
from test_profile_passes import begun as looked_into
from test_profile_passes import row as profile_row
from world import World

from factories.accounts import Cast
from factories.datasets import content_of, make_dataset, make_version, seeded
from factories.notebooks import make_environment
from running.disks import Disk, home_on, needs_root, small_disk
from studium.api.shapes.dataset_sources import doing_of
from studium.compute.reconcile import trees as tree_pass
from studium.compute.states import Reason, State
from studium.datasets.models import Dataset, DatasetVersion
from studium.datasets.profiles import actions as profiling
from studium.datasets.profiles import reconcile as profiles
from studium.datasets.profiles.queries import found_in, profile_of
from studium.datasets.sources import keeping, reconcile
from studium.datasets.sources.models import Import
from studium.datasets.sources.states import ImportState
from studium.datasets.states import ProfileState
from studium.lib.units import MIB
from studium.storage import stores, trees

pytestmark = [pytest.mark.django_db, needs_root]
FILES = {"a.bin": seeded(9 * MIB, 90), "b.bin": seeded(3 * MIB, 91)}
PARTS = {path: [whole[at : at + MIB] for at in range(0, len(whole), MIB)] for path, whole in FILES.items()}
PAUSE = timedelta(minutes=1)


@pytest.fixture
def world(cast: Cast) -> World:
    make_environment()
    return World()


@pytest.fixture
def dataset(cast: Cast, world: World) -> Dataset:
    return make_dataset(cast.owner, cast.team, now=world.now)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "small", 40 * MIB) as found:
        yield found


def test_an_import_waits_until_what_it_fetched_can_be_kept(
    cast: Cast, world: World, dataset: Dataset, disk: Disk
) -> None:
    row = fetched(world, begun(cast, dataset, world), FILES)
    look(world)
    with home_on(disk, stores):
        for leave in (0, 5 * MIB):  # at the first pack, and behind one
            disk.fill(leave=leave)
            world.now += PAUSE
            row = settled(world, row, 1)
            assert (row.state, row.code) == (ImportState.KEEPING, "storage.full")
            assert doing_of(row) == "The disk or bucket of this installation is full."
            disk.make_room()
        world.now += PAUSE
        row = settled(world, row)
        assert (row.state, row.code, row.message) == (ImportState.DONE, "", "")
        made = DatasetVersion.objects.get(dataset=dataset)
        assert content_of(made) == FILES


def test_an_import_waits_until_its_files_can_be_taken_out(
    cast: Cast, world: World, dataset: Dataset, disk: Disk
) -> None:
    row = fetched(world, begun(cast, dataset, world), FILES)
    with home_on(disk, stores, keeping):
        disk.fill(leave=6 * MIB)
        row = settled(world, row, 1)
        assert (row.state, row.code) == (ImportState.FETCHING, "storage.full")
        assert doing_of(row).endswith("is full.")
        assert not keeping.folder_of(row).exists(), "half of it takes no room"
        disk.make_room()
        world.now += PAUSE
        row = settled(world, row, 4)
        assert (row.state, row.code) == (ImportState.DONE, "")
        assert content_of(DatasetVersion.objects.get(dataset=dataset)) == FILES


def test_what_was_found_in_a_version_waits_for_room(cast: Cast, world: World, dataset: Dataset, disk: Disk) -> None:
    version = make_version(cast.owner, dataset, {"a.csv": [b"a,b\n1,2\n"]}, now=world.now)
    run = looked_into(world, version)
    content = json.dumps(ANSWER).encode()
    world.engine.write_file(profiling.volume_of(profile_row(version)), "profile.json", content, 10**9)
    world.engine.finish(run.pk, 0)
    world.until(run, State.ENDED)
    with home_on(disk, stores):
        disk.fill()
        profiles.run_pass(world.engines, world.now)
        assert profile_row(version).state == ProfileState.RUNNING
        profiles.run_pass(world.engines, world.now)
        disk.make_room()
        profiles.run_pass(world.engines, world.now + PAUSE)
        found = profile_of(version)
        assert found is not None
        assert (found.state, found_in(found)) == (ProfileState.READY, ANSWER["files"])


def test_a_tree_leaves_nothing_half_made(cast: Cast, world: World, dataset: Dataset, disk: Disk) -> None:
    version = make_version(cast.owner, dataset, PARTS, now=world.now)
    with home_on(disk, trees):
        disk.fill(leave=20 * MIB)
        taken = disk.path / "taken"

        def taken_meanwhile(*_: Any) -> None:
            taken.write_bytes(bytes(12 * MIB))

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(trees, "_check_room", taken_meanwhile)
            with pytest.raises(OSError, match="No space left"):
                trees.lay_down(version.manifest, now=world.now)
        assert not trees.is_down(version.manifest)
        assert list((disk.path / "trees").iterdir()) == []
        with pytest.raises(OSError, match="are free"):
            trees.lay_down(version.manifest, now=world.now)
        disk.make_room()
        trees.lay_down(version.manifest, now=world.now)
        assert {path: (trees.folder_of(version.manifest) / path).read_bytes() for path in FILES} == FILES


def test_a_run_whose_inputs_find_no_room_says_so(cast: Cast, world: World, dataset: Dataset, disk: Disk) -> None:
    version = make_version(cast.owner, dataset, PARTS, now=world.now)
    profiles.run_pass(world.engines, world.now)
    run = profile_row(version).run
    assert run is not None
    with home_on(disk, trees):
        disk.fill()
        while run.state != State.ENDED:
            world.tick(60)
            tree_pass.run_pass(world.engines, world.now)
            run.refresh_from_db()
    assert run.reason == Reason.FAULT
    assert "is full. Nothing that was kept is lost." in run.message


def restored(row: Import) -> None:
    """As a restore leaves it: the row, and nothing in the home but what is in a backup."""
    keeping.forget(row)


@pytest.mark.parametrize("steps", [0, 1])
def test_an_import_that_was_being_kept_when_the_backup_was_taken_is_fetched_anew(
    cast: Cast, world: World, dataset: Dataset, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "STEP_BYTES", 1)
    row = fetched(world, begun(cast, dataset, world), FILES)
    row = settled(world, row, 1 + steps)
    assert (row.state, row.steps) == (ImportState.KEEPING, steps)
    restored(row)
    row = settled(world, row, 1)
    assert (row.state, row.steps, row.kept_bytes, row.run) == (ImportState.WAITING, 0, 0, None)
    assert not DatasetVersion.objects.filter(dataset=dataset).exists(), "nothing is made of nothing"
    monkeypatch.undo()
    row = settled(world, fetched(world, row, FILES))
    assert (row.state, row.message) == (ImportState.DONE, "")
    assert content_of(DatasetVersion.objects.get(dataset=dataset)) == FILES


def test_an_import_of_which_a_file_was_cut_short_is_fetched_anew(cast: Cast, world: World, dataset: Dataset) -> None:
    row = fetched(world, begun(cast, dataset, world), FILES)
    row = settled(world, row, 1)
    with (keeping.folder_of(row) / "files" / "a.bin").open("r+b") as out:
        out.truncate(0)
    reconcile.run_pass(world.engines, world.now, lambda _: 0)
    row.refresh_from_db()
    assert row.state == ImportState.WAITING
