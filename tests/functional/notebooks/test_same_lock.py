"""A build whose lock is that of another of its team, which is in place, has the files of that one."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from world import World

from factories.accounts import Cast, make_team
from functional.notebooks.test_team_environments import LOCK, end, live_run, ready
from studium.compute.models import Run
from studium.compute.states import State
from studium.environments import actions, publishing, queries, reconcile
from studium.environments.build import unseal
from studium.environments.building import volume_of
from studium.environments.index import Index
from studium.environments.models import Build
from studium.environments.states import BuildState, SourceKind
from studium.storage import actions as storage


@pytest.fixture(autouse=True)
def _an_index(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Index("https://index.example/simple", ("index.example:443",))
    monkeypatch.setattr("studium.environments.building.package_index", lambda path: found)


def in_place(lock: bytes = LOCK) -> dict[str, bytes]:
    return {"new/.studium/lock.txt": lock, "new/.studium/result.json": json.dumps({"in_place": True}).encode()}


def again(cast: Cast, world: World, first: Build, lock: bytes = LOCK) -> Build:
    actions.build_anew(cast.owner, first.environment, SourceKind.PACKAGES, "numpy", now=world.now)
    end(world, cast, files=in_place(lock))
    assert reconcile.settle_ended(world.engines, world.now) == 1
    return queries.build_of(first.environment, 2)


def named_as_ready(run: Run) -> list[str]:
    return list(json.loads(storage.get(run.spec["seeds"][0]["source"].removeprefix("blob:")))["ready"])


def test_it_has_the_files_of_the_one_before(cast: Cast, world: World, client: Client) -> None:
    first = ready(world, cast)
    second = again(cast, world, first)
    assert (second.state, second.path, second.lock) == (BuildState.READY, first.path, first.lock)
    assert (second.packages, second.size_bytes) == (first.packages, first.size_bytes)
    assert second.compiled_at == world.now, "one folder is compiled once"
    assert not [place for place in Path(first.path).parent.iterdir() if second.pk in place.name]
    client.force_login(cast.owner)
    address = f"/environments/{cast.team.slug}/{first.environment.slug}/"
    assert "Those of build 1, which has the same lock" in client.get(address).content.decode()
    assert "has the same lock" not in client.get(f"{address}?build=1").content.decode()


def test_the_run_is_told_the_locks_of_what_is_in_place(cast: Cast, world: World) -> None:
    first = ready(world, cast)
    actions.build_anew(cast.owner, first.environment, SourceKind.PACKAGES, "numpy", now=world.now)
    assert named_as_ready(live_run()) == [first.lock]


@pytest.mark.parametrize("part", ["pyvenv.cfg", "lib/python3.11/site-packages/studium_packages.py", "bin/python"])
def test_what_would_be_made_otherwise_now_is_not_used_again(cast: Cast, world: World, part: str) -> None:
    first = ready(world, cast)
    unseal(Path(first.path))
    place = Path(first.path, part)
    place.unlink()
    place.write_text("as an earlier version of the platform wrote it")
    actions.build_anew(cast.owner, first.environment, SourceKind.PACKAGES, "numpy", now=world.now)
    assert named_as_ready(live_run()) == []


def test_a_run_that_says_so_of_a_lock_nobody_has_made_nothing(cast: Cast, world: World) -> None:
    first = ready(world, cast)
    second = again(cast, world, first, lock=b"numpy==3.0 --hash=sha256:11\n")
    assert (second.state, second.path) == (BuildState.FAILED, "")
    assert Path(first.path).is_dir()


def test_what_another_team_has_is_not_to_be_had(cast: Cast, world: World) -> None:
    theirs = ready(world, cast)
    team = make_team(cast.owner)
    other = actions.create_environment(cast.owner, team, "Other", SourceKind.PACKAGES, "numpy", now=world.now)
    run = live_run()
    assert named_as_ready(run) == []
    world.until(run, State.RUNNING)
    for name, content in in_place(storage.get(theirs.lock)).items():
        world.engine.write_file(volume_of(team), name, content, 10**9)
    world.engine.finish(run.pk, 0)
    world.until(run, State.ENDED)
    assert reconcile.settle_ended(world.engines, world.now) == 1
    assert queries.build_of(other, 1).state == BuildState.FAILED


def test_files_stay_as_long_as_one_build_has_them(cast: Cast, world: World) -> None:
    first = ready(world, cast)
    second = again(cast, world, first)
    world.now += timedelta(days=31)
    assert reconcile.collect_unused(world.now) == 1
    first.refresh_from_db()
    assert (first.state, first.path) == (BuildState.COLLECTED, "")
    assert actions.use(second.environment, None, now=world.now).path == second.path
    actions.delete_environment(cast.owner, second.environment, now=world.now)
    assert reconcile.collect_unused(world.now) == 1
    assert not Path(second.path).exists()


def test_one_that_is_collected_at_that_moment_is_not_shared(
    cast: Cast, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ready(world, cast)
    publish = publishing.publish

    def late(engine: object, build: Build) -> object:
        made = publish(engine, build)  # type: ignore[arg-type]
        Build.objects.filter(pk=first.pk).update(state=BuildState.COLLECTED)
        return made

    monkeypatch.setattr(reconcile, "publish", late)
    second = again(cast, world, first)
    assert (second.state, second.path) == (BuildState.FAILED, "")
    assert "removed meanwhile" in second.fault


def test_a_second_controller_removes_no_files_that_are_shared(
    cast: Cast, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ready(world, cast)
    publish = publishing.publish

    def second_comes_first(engine: object, build: Build) -> object:
        monkeypatch.setattr(reconcile, "publish", publish)
        assert reconcile.settle_ended(world.engines, world.now) == 1
        return publish(engine, build)  # type: ignore[arg-type]

    monkeypatch.setattr(reconcile, "publish", second_comes_first)
    actions.build_anew(cast.owner, first.environment, SourceKind.PACKAGES, "numpy", now=world.now)
    end(world, cast, files=in_place())
    assert reconcile.settle_ended(world.engines, world.now) == 0
    assert queries.build_of(first.environment, 2).state == BuildState.READY
    assert Path(first.path).is_dir()


def test_it_comes_back_with_the_files_of_another(cast: Cast, world: World) -> None:
    first = ready(world, cast)
    second = ready(world, cast, "Second")
    Build.objects.filter(pk=first.pk).update(state=BuildState.COLLECTED, path="")
    first.refresh_from_db()
    actions.bring_back(first, now=world.now)
    end(world, cast, files=in_place())
    reconcile.settle_ended(world.engines, world.now)
    first.refresh_from_db()
    assert (first.state, first.path) == (BuildState.READY, second.path)
