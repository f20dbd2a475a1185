"""Environments of teams from asking to use: building, failing, waiting, following, collecting, coming back."""

import itertools
import json
from datetime import timedelta
from pathlib import Path

import pytest
from world import World

from factories.accounts import Cast
from factories.notebooks import make_notebook
from studium.accounts.models import User
from studium.compute.models import Run
from studium.compute.states import LIVE, State
from studium.config.options import options
from studium.environments import actions, queries, reconcile
from studium.environments.access import environment_for, visible_to
from studium.environments.build import unseal
from studium.environments.building import volume_of
from studium.environments.index import Index, package_index
from studium.environments.models import Build, Environment
from studium.environments.states import MOVES, BuildState, SourceKind, may_move
from studium.errors import BadInput, Forbidden, NotFound, NotYet, Refused
from studium.lib.folders import remove
from studium.notebooks import actions as notebooks
from studium.notebooks.models import Notebook
from studium.notebooks.states import LaunchKind, Visibility
from studium.notebooks.versions import actions as versions

LOCK = b"numpy==2.0 --hash=sha256:00\n"


@pytest.fixture(autouse=True)
def _an_index(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Index("https://index.example/simple", ("index.example:443", "files.example:443"))
    monkeypatch.setattr("studium.environments.building.package_index", lambda path: found)
    monkeypatch.setattr(reconcile, "compile_modules", lambda environment, server: True)


def make(cast: Cast, world: World, name: str = "Vision", source: str = "numpy") -> Environment:
    return actions.create_environment(cast.owner, cast.team, name, SourceKind.PACKAGES, source, now=world.now)


def live_run() -> Run:
    return Run.objects.filter(owner_kind="environment", state__in=LIVE).get()


def end(world: World, cast: Cast, code: int = 0, files: dict[str, bytes] | None = None) -> None:
    """Let the team's build run end, having left these files."""
    run = live_run()
    world.until(run, State.RUNNING)
    made = {
        "new/.studium/lock.txt": LOCK,
        "new/.studium/result.json": json.dumps(
            {"packages": {"numpy": "2.0"}, "library": "lib/python3.11/site-packages"}
        ).encode(),
        "new/bin/python": b"hostile",
        "new/bin/tool": b"#!/opt/env/bin/python",
        "new/pyvenv.cfg": b"home = /root/elsewhere/bin\n",
        "new/lib/python3.11/site-packages/numpy.py": b"x = 1\n",
    }
    for name, content in (made if files is None else files).items():
        world.engine.write_file(volume_of(cast.team), name, content, 10**9)
    world.engine.finish(run.pk, code)
    world.until(run, State.ENDED)


def ready(world: World, cast: Cast, name: str = "Vision") -> Build:
    environment = make(cast, world, name)
    end(world, cast)
    assert reconcile.settle_ended(world.engines, world.now) == 1
    return queries.build_of(environment, 1)


def test_every_pair_of_states() -> None:
    allowed = {(a, b) for a, b in itertools.product(BuildState, BuildState) if may_move(a, b)}
    assert allowed == {
        (BuildState.BUILDING, BuildState.READY),
        (BuildState.BUILDING, BuildState.FAILED),
        (BuildState.BUILDING, BuildState.COLLECTED),
        (BuildState.READY, BuildState.COLLECTED),
        (BuildState.COLLECTED, BuildState.BUILDING),
    }
    assert set(MOVES) == set(BuildState)


def test_a_build_is_a_run_that_reaches_the_index_alone(cast: Cast, world: World) -> None:
    environment = make(cast, world)
    spec = live_run().spec
    assert (spec["network"], spec["hosts"]) == ("hosts", ["index.example:443", "files.example:443"])
    assert spec["seeds"][0]["target"] == "request.json"
    assert queries.builds_of(environment).get().state == BuildState.BUILDING
    with pytest.raises(NotYet) as waits:
        actions.use(environment, None, now=world.now)
    assert waits.value.code == "environment.building"


def test_what_was_built_is_published_read_only_and_with_our_own_interpreter(cast: Cast, world: World) -> None:
    build = ready(world, cast)
    folder = Path(build.path)
    assert (build.state, build.packages) == (BuildState.READY, [{"name": "numpy", "version": "2.0"}])
    assert folder.parent == options().home / "team-environments"
    assert "elsewhere" not in (folder / "pyvenv.cfg").read_text()
    assert (folder / "bin" / "python").is_symlink()
    assert str((folder / "bin" / "python").readlink()).startswith(("/usr/bin/", "/opt/server/"))
    assert (folder / "lib/python3.11/site-packages/studium_packages.py").exists()
    assert all(not path.lstat().st_mode & 0o222 for path in folder.rglob("*") if not path.is_symlink())
    assert reconcile.settle_ended(world.engines, world.now) == 0
    assert reconcile.compile_ready(world.now) == 1
    assert reconcile.compile_ready(world.now) == 0


@pytest.mark.parametrize(
    "spoil",
    [
        {"new/.studium/lock.txt": b""},
        {"new/.studium/result.json": b"{"},
        {"new/.studium/result.json": b'{"packages": {"a/../b": "1"}, "library": "lib/python3.11/site-packages"}'},
        {"new/.studium/result.json": b'{"packages": {}, "library": "../../etc"}'},
        {"new/.studium/result.json": b'{"packages": [], "library": "lib/python3.11/site-packages"}'},
    ],
)
def test_what_is_no_environment_is_not_published(cast: Cast, world: World, spoil: dict[str, bytes]) -> None:
    environment = make(cast, world)
    told = {"new/.studium/lock.txt": LOCK, "new/.studium/result.json": b"{}"}
    whole = {**told, "new/bin/python": b"", "new/lib/python3.11/site-packages/a": b""}
    end(world, cast, files=whole | spoil)
    assert reconcile.settle_ended(world.engines, world.now) == 1
    build = queries.build_of(environment, 1)
    assert (build.state, build.path) == (BuildState.FAILED, "")
    assert build.fault.startswith("What the build made cannot be used")
    with pytest.raises(Refused) as refused:
        actions.use(environment, None, now=world.now)
    assert refused.value.code == "environment.never_built"


def test_a_failed_build_says_the_resolvers_reason_and_leaves_the_one_before(cast: Cast, world: World) -> None:
    first = ready(world, cast)
    actions.build_anew(cast.owner, first.environment, SourceKind.PACKAGES, "numpy==99", now=world.now)
    run = live_run()
    world.until(run, State.RUNNING)
    world.engine.output(run.pk, b"Resolving\nBecause there is no version of numpy==99, it cannot be.\n")
    end(world, cast, code=1, files={})
    assert reconcile.settle_ended(world.engines, world.now) == 1
    failed = queries.build_of(first.environment, 2)
    assert failed.fault == "Because there is no version of numpy==99, it cannot be."
    assert actions.use(first.environment, None, now=world.now).number == 1


def test_builds_of_a_team_wait_for_each_other(cast: Cast, world: World) -> None:
    first = make(cast, world)
    second = make(cast, world, "Second")
    assert queries.build_of(second, 1).run is None
    assert reconcile.submit_waiting(world.now) == 0
    end(world, cast)
    assert reconcile.submit_waiting(world.now) == 0, "until what the first made is kept"
    reconcile.settle_ended(world.engines, world.now)
    assert reconcile.submit_waiting(world.now) == 1
    end(world, cast)
    reconcile.settle_ended(world.engines, world.now)
    assert {queries.build_of(each, 1).state for each in (first, second)} == {BuildState.READY}


def test_two_controllers_settle_a_build_once(cast: Cast, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = make(cast, world)
    end(world, cast)
    publish = reconcile.publish

    def second_comes_first(engine: object, build: Build) -> object:
        monkeypatch.setattr(reconcile, "publish", publish)
        assert reconcile.settle_ended(world.engines, world.now) == 1
        return publish(engine, build)  # type: ignore[arg-type]

    monkeypatch.setattr(reconcile, "publish", second_comes_first)
    assert reconcile.settle_ended(world.engines, world.now) == 0
    build = queries.build_of(environment, 1)
    assert (build.state, Path(build.path).is_dir()) == (BuildState.READY, True)
    assert [p for p in Path(build.path).parent.iterdir() if build.pk in p.name] == [Path(build.path)]


def test_a_controller_that_died_between_publishing_and_saying_so_is_no_harm(
    cast: Cast, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = make(cast, world)
    end(world, cast)
    build = queries.build_of(environment, 1)
    orphan = reconcile.publish(world.engine, build).path
    assert reconcile.settle_ended(world.engines, world.now) == 1
    build.refresh_from_db()
    assert (build.state, build.path == str(orphan)) == (BuildState.READY, False)
    reconcile.collect_unused(world.now)
    assert orphan.exists(), "it may be somebody's who is about to say so"
    monkeypatch.setattr(reconcile, "_ORPHAN_SECONDS", -1)
    reconcile.collect_unused(world.now)
    assert not orphan.exists()
    assert Path(build.path).exists()


def test_a_controller_that_died_while_it_removed_a_folder_leaves_no_half_environment(
    cast: Cast, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ready(world, cast)
    half = Path(first.path)
    Build.objects.filter(pk=first.pk).update(state=BuildState.COLLECTED)

    def dies(path: Path) -> None:
        unseal(path)
        (path / "pyvenv.cfg").unlink()
        raise KeyboardInterrupt

    monkeypatch.setattr(reconcile, "remove", dies)
    with pytest.raises(KeyboardInterrupt):
        reconcile.collect_unused(world.now)
    monkeypatch.undo()
    monkeypatch.setattr(
        "studium.environments.building.package_index", lambda path: Index("https://i.example/", ("i:1",))
    )
    first.refresh_from_db()
    with pytest.raises(NotYet):
        actions.use(first.environment, 1, now=world.now)
    end(world, cast)
    reconcile.settle_ended(world.engines, world.now)
    built = actions.use(first.environment, 1, now=world.now)
    assert Path(built.path) != half
    assert (Path(built.path) / "pyvenv.cfg").exists()


def test_what_is_collected_at_the_moment_it_is_asked_for_is_not_given(cast: Cast, world: World) -> None:
    build = ready(world, cast)
    stale = Build.objects.get(pk=build.pk)
    Build.objects.filter(pk=build.pk).update(state=BuildState.COLLECTED, path="")
    with pytest.raises(NotYet) as coming:
        actions.ready(stale, now=world.now)
    assert coming.value.code == "environment.coming_back"


def test_a_build_whose_asker_left_comes_back_as_an_owners(cast: Cast, world: World) -> None:
    environment = actions.create_environment(
        cast.teammate, cast.team, "Theirs", SourceKind.PACKAGES, "a", now=world.now
    )
    end(world, cast)
    reconcile.settle_ended(world.engines, world.now)
    cast.team.memberships.filter(user=cast.teammate).delete()
    Build.objects.filter(environment=environment).update(state=BuildState.COLLECTED, path="")
    with pytest.raises(NotYet):
        actions.use(environment, None, now=world.now)
    assert live_run().user == cast.owner


def test_a_build_that_the_platform_stumbles_over_keeps_no_other_waiting(
    cast: Cast, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = make(cast, world)
    end(world, cast)

    def stumbles(*_: object) -> None:
        raise RuntimeError("odd")

    monkeypatch.setattr(reconcile, "publish", stumbles)
    assert reconcile.settle_ended(world.engines, world.now) == 1
    assert "odd" in queries.build_of(environment, 1).fault
    waits = make(cast, world, "Next")
    Build.objects.filter(environment=waits).update(run=None)
    Run.objects.filter(owner_kind="environment", state__in=LIVE).update(state=State.ENDED, reason="cancelled")
    monkeypatch.setattr("studium.environments.actions.build_spec", stumbles)
    assert reconcile.submit_waiting(world.now) == 1
    assert queries.build_of(waits, 1).state == BuildState.FAILED


def test_notebooks_follow_or_stay_and_versions_remember(cast: Cast, world: World, notebook: Notebook) -> None:
    first = ready(world, cast)
    notebooks.choose_environment(cast.owner, notebook, first.environment, now=world.now)
    run = notebooks.start(cast.owner, notebook, LaunchKind.SESSION, "", now=world.now)
    assert run.spec["environment_path"] == first.path
    assert {m["target"]: m["source"] for m in run.spec["mounts"]}["/opt/server"] == "/usr"
    assert run.spec["command"][0] == "/opt/server/bin/python"
    world.engine.finish(world.until(run, State.RUNNING).pk, 0)
    world.until(run, State.ENDED)
    saved = versions.save_quick(cast.owner, notebook, now=world.now)
    assert (saved.build, saved.environment) == (first, first.lock_digest)
    second = actions.build_anew(cast.owner, first.environment, SourceKind.PACKAGES, "numpy", now=world.now)
    end(world, cast)
    reconcile.settle_ended(world.engines, world.now)
    notebook.refresh_from_db()
    version = versions.save_and_run(cast.owner, notebook, "", now=world.now)
    assert version.build is not None
    assert version.build.number == second.number
    notebooks.choose_environment(cast.owner, notebook, first.environment, now=world.now, number=1)
    notebook.refresh_from_db()
    assert versions.save_and_run(cast.owner, notebook, "", now=world.now).build == first
    again = versions.save_and_run(cast.owner, notebook, "", now=world.now, again=version)
    assert again.build == version.build
    with pytest.raises(NotFound):
        notebooks.choose_environment(cast.owner, notebook, first.environment, now=world.now, number=9)


def test_a_copy_has_the_environment_of_the_original(cast: Cast, world: World) -> None:
    build = ready(world, cast)
    public = make_notebook(cast.owner, cast.team, "Shown", visibility=Visibility.PUBLIC)
    notebooks.choose_environment(cast.owner, public, build.environment, now=world.now)
    public.refresh_from_db()
    project = cast.stranger.personal_team.projects.get(slug="main")
    copied = versions.copy(cast.stranger, public, project, now=world.now)
    assert copied.environment == build.environment
    run = notebooks.start(cast.stranger, copied, LaunchKind.EXECUTION, "", now=world.now)
    assert run.spec["environment_path"] == build.path


def test_what_nobody_used_is_collected_and_comes_back_from_its_lock(cast: Cast, world: World) -> None:
    first = ready(world, cast)
    actions.build_anew(cast.owner, first.environment, SourceKind.PACKAGES, "numpy", now=world.now)
    end(world, cast)
    reconcile.settle_ended(world.engines, world.now)
    world.now += timedelta(days=31)
    assert reconcile.collect_unused(world.now) == 1, "the newest stays"
    first.refresh_from_db()
    assert (first.state, first.path, bool(first.lock)) == (BuildState.COLLECTED, "", True)
    assert not [p for p in (options().home / "team-environments").iterdir() if first.pk in p.name]
    for _ in range(2):
        with pytest.raises(NotYet) as coming:
            actions.use(first.environment, 1, now=world.now)
        assert coming.value.code == "environment.coming_back"
    end(world, cast)
    reconcile.settle_ended(world.engines, world.now)
    assert actions.use(first.environment, 1, now=world.now).lock_digest == first.lock_digest


def test_coming_back_that_fails_leaves_it_collected(cast: Cast, world: World) -> None:
    first = ready(world, cast)
    Build.objects.filter(pk=first.pk).update(state=BuildState.COLLECTED, path="")
    with pytest.raises(NotYet):
        actions.use(first.environment, 1, now=world.now)
    end(world, cast, code=1, files={})
    reconcile.settle_ended(world.engines, world.now)
    first.refresh_from_db()
    assert first.state == BuildState.COLLECTED


def test_what_runs_use_is_not_collected(cast: Cast, world: World, notebook: Notebook) -> None:
    build = ready(world, cast)
    notebooks.choose_environment(cast.owner, notebook, build.environment, now=world.now)
    run = notebooks.start(cast.owner, notebook, LaunchKind.SESSION, "", now=world.now)
    actions.delete_environment(cast.owner, build.environment, now=world.now)
    assert reconcile.collect_unused(world.now) == 0
    world.until(run, State.RUNNING)
    world.engine.finish(run.pk, 0)
    world.until(run, State.ENDED)
    assert reconcile.collect_unused(world.now) == 1
    assert reconcile.clean_volumes(world.engines, world.now) == 1
    notebook.refresh_from_db()
    with pytest.raises(Refused) as refused:
        notebooks.start(cast.owner, notebook, LaunchKind.SESSION, "", now=world.now)
    assert refused.value.code == "environment.deleted"


def test_a_folder_that_is_gone_is_built_again(cast: Cast, world: World) -> None:
    build = ready(world, cast)
    remove(Path(build.path))
    with pytest.raises(NotYet) as coming:
        actions.use(build.environment, None, now=world.now)
    assert coming.value.code == "environment.coming_back"
    assert live_run().owner_id == build.pk


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        (SourceKind.PACKAGES, "pandas\ngit+https://git.example.org/x/y"),
        (SourceKind.REQUIREMENTS, "y @ https://files.example.org/y-1.0-py3-none-any.whl  # ours"),
        (SourceKind.PYPROJECT, '[project]\nname = "x"\ndependencies = ["y @ git+ssh://git@git.example.org/x/y"]'),
    ],
)
def test_a_package_by_an_address_is_refused_before_anything_runs(kind: SourceKind, source: str) -> None:
    with pytest.raises(BadInput) as caught:
        actions.checked_source(kind, source)
    assert caught.value.code == "environment.address"


def test_addresses_in_comments_are_none() -> None:
    assert actions.checked_source(SourceKind.REQUIREMENTS, "# see https://example.org\npandas  # https://example.org")


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        (SourceKind.PACKAGES, "a\0b"),
        (SourceKind.PACKAGES, "x" * 70_000),
        (SourceKind.REQUIREMENTS, "a\n" * 501),
        (SourceKind.REQUIREMENTS, "\ud800"),
        (SourceKind.PYPROJECT, "not toml ["),
        (SourceKind.PYPROJECT, "[tool.uv]\na = 1"),
        (SourceKind.PYPROJECT, '[project]\ndependencies = "numpy"'),
        (SourceKind.PYPROJECT, "a" + "[" * 30_000),
    ],
)
def test_what_no_resolver_could_read_is_refused(cast: Cast, world: World, kind: SourceKind, source: str) -> None:
    with pytest.raises(BadInput) as refused:
        actions.create_environment(cast.owner, cast.team, "Vision", kind, source, now=world.now)
    assert refused.value.code == "environment.bad_source"
    assert not Environment.objects.exclude(team=None).exists()


def test_names_are_one_a_team_and_free_again(cast: Cast, world: World) -> None:
    made = make(cast, world)
    with pytest.raises(BadInput) as taken:
        make(cast, world, "vision")
    assert taken.value.code == "environment.name_taken"
    with pytest.raises(BadInput):
        make(cast, world, " !! ")
    actions.delete_environment(cast.owner, made, now=world.now)
    assert make(cast, world).pk != made.pk


def test_a_plan_that_says_no_leaves_nothing(cast: Cast, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def no(*_: object, **__: object) -> None:
        raise Refused("plan.some", "No.", "Ask.")

    monkeypatch.setattr("studium.environments.actions.compute.submit_run", no)
    with pytest.raises(Refused):
        make(cast, world)
    assert not Environment.objects.exclude(team=None).exists()


def test_who_sees_and_changes_them(cast: Cast, world: World) -> None:
    made = make(cast, world)

    def seen(user: User) -> bool:
        return visible_to(user).filter(pk=made.pk).exists()

    assert [seen(u) for u in (cast.owner, cast.teammate, cast.reader, cast.stranger)] == [True, True, True, False]
    name = f"{cast.team.slug}/vision"
    for user in (cast.owner, cast.teammate):
        assert environment_for(user, name, change=True) == made
    with pytest.raises(Forbidden):
        environment_for(cast.reader, name, change=True)
    with pytest.raises(NotFound):
        environment_for(cast.stranger, name)
    with pytest.raises(NotFound):
        environment_for(cast.stranger, made.pk)
    with pytest.raises(Forbidden):
        environment_for(cast.owner, "default", change=True)
    assert environment_for(cast.stranger, "default").team is None
    with pytest.raises(NotFound):
        actions.create_environment(cast.stranger, cast.team, "X", SourceKind.PACKAGES, "a", now=world.now)
    with pytest.raises(Forbidden):
        actions.create_environment(cast.reader, cast.team, "X", SourceKind.PACKAGES, "a", now=world.now)


def test_an_index_with_a_password_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for url in ("https://user:secret@index.example/simple", "ftp://index.example/", "index.example"):
        changed = options().model_copy(update={"package_index": url})
        monkeypatch.setattr("studium.environments.index.options", lambda changed=changed: changed)
        with pytest.raises(Refused) as refused:
            package_index("/usr")
        assert "secret" not in refused.value.message
    changed = options().model_copy(
        update={"package_index": "http://mirror.lan:3141/simple", "package_hosts": "files.lan, other.lan:8080"}
    )
    monkeypatch.setattr("studium.environments.index.options", lambda: changed)
    assert package_index("/usr").hosts == ("mirror.lan:3141", "files.lan:80", "other.lan:8080")
