"""Versions: numbered and immutable, run in a workspace of their own, whole after every crash."""

import json
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from world import World

from factories.accounts import NOW, Cast
from factories.notebooks import make_notebook, notebook_json
from studium.community.models import Notification
from studium.compute.actions import stop_run
from studium.compute.engines.base import Cause, EngineError
from studium.compute.models import Run
from studium.compute.states import Reason, State
from studium.environments.models import Build
from studium.errors import BadInput, NotFound, NotYet, Refused
from studium.notebooks import actions as notebooks
from studium.notebooks import reconcile as documents
from studium.notebooks.access import notebook_for
from studium.notebooks.launching import volume_of, volume_of_version
from studium.notebooks.models import Launch, Notebook, Version
from studium.notebooks.queries import stored_bytes
from studium.notebooks.states import LaunchKind, VersionKind, Visibility
from studium.notebooks.versions import actions, queries, reconcile
from studium.plans import actions as plans
from studium.storage import actions as storage
from studium.storage.models import Hold

pytestmark = pytest.mark.django_db
MIB = 1024**2


def passes(world: World) -> None:
    documents.sync_running(world.engines, world.now)
    documents.settle_ended(world.engines, world.now)
    reconcile.follow_running(world.engines, world.now)
    reconcile.settle_ended(world.engines, world.now)


def run_version(world: World, cast: Cast, notebook: Notebook, **more: object) -> Version:
    version = actions.save_and_run(cast.owner, notebook, "cpu-small", now=world.now, **more)  # type: ignore[arg-type]
    world.until(running(version), State.RUNNING)
    return version


def running(version: Version) -> Run:
    assert version.run is not None
    return version.run


def put(world: World, version: Version, path: str, content: bytes) -> None:
    world.engine.write_file(volume_of_version(running(version).pk), path, content, 64 * MIB)


def end(world: World, version: Version, code: int = 0) -> Version:
    world.engine.finish(running(version).pk, code, Cause.EXIT)
    world.until(running(version), State.ENDED)
    passes(world)
    version.refresh_from_db()
    return version


def executed(*sources: str, output: str = "done\n") -> bytes:
    document = json.loads(notebook_json(*sources))
    for cell in document["cells"]:
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": output}]
    return json.dumps(document).encode()


def test_a_quick_version_stays_as_it_was(cast: Cast, notebook: Notebook) -> None:
    first = actions.save_quick(cast.owner, notebook, now=NOW, note="  before\n the change ")
    before = storage.get(notebook.document)
    notebooks.replace_document(cast.owner, notebook, notebook_json("other"), now=NOW)
    notebook.refresh_from_db()
    second = actions.save_quick(cast.teammate, notebook, now=NOW)
    assert [(v.number, v.kind, v.created_by) for v in queries.versions_of(notebook)] == [
        (2, "quick", cast.teammate), (1, "quick", cast.owner),
    ]  # fmt: skip
    first.refresh_from_db()
    assert (first.note, storage.get(first.document), first.settled_at) == ("before the change", before, NOW)
    assert second.document != first.document
    assert first.environment == "0" * 64
    with pytest.raises(NotFound):
        queries.version_of(notebook, 3)
    for text in ("x", "", "-1", "²", "9" * 12):
        with pytest.raises(BadInput):
            queries.number_in(text)
    assert queries.number_in(" v2") == 2


def test_a_version_runs_beside_a_session_in_a_workspace_of_its_own(
    cast: Cast, notebook: Notebook, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = notebooks.start(cast.owner, notebook, LaunchKind.SESSION, "cpu-small", now=world.now)
    world.until(session, State.RUNNING)
    world.engine.write_file(volume_of(notebook), notebook.filename, notebook_json("edited"), 64 * MIB)

    def looked(_seconds: float) -> None:
        passes(world)

    monkeypatch.setattr(actions.time, "sleep", looked)
    version = run_version(world, cast, notebook)
    assert json.loads(storage.get(version.source))["cells"][0]["source"] == "edited", (
        "what the session saved just before"
    )
    assert notebooks.live_run(notebook) == session
    seeded = next(seed for seed in running(version).spec["seeds"])
    assert seeded == {"source": f"blob:{version.source}", "target": notebook.filename}
    assert running(version).spec["volume"]["name"] == volume_of_version(running(version).pk)
    put(world, version, notebook.filename, executed("edited", output="half"))
    world.tick(4)
    passes(world)
    version.refresh_from_db()
    assert b"half" in storage.get(version.document), "what cells have said is there while the run goes on"
    assert version.settled_at is None
    with pytest.raises(NotYet):
        actions.restore(cast.owner, version, now=world.now)
    put(world, version, notebook.filename, executed("edited"))
    end(world, version)
    assert b"done" in storage.get(version.document)
    notebook.refresh_from_db()
    assert b"done" not in storage.get(notebook.document), "the living document is not touched"
    assert session.state == State.RUNNING


def test_a_session_that_nobody_looks_at_is_not_saved_as_it_was_before(
    cast: Cast, notebook: Notebook, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = notebooks.start(cast.owner, notebook, LaunchKind.SESSION, "cpu-small", now=world.now)
    world.until(session, State.RUNNING)
    passes(world)
    world.now += timedelta(seconds=1)
    monkeypatch.setattr(actions.time, "sleep", lambda _: None)
    with pytest.raises(NotYet) as caught:
        actions.save_quick(cast.owner, notebook, now=world.now)
    assert caught.value.code == "version.not_looked"
    assert not Version.objects.exists()


def test_output_files_are_kept_and_the_workspace_goes(cast: Cast, notebook: Notebook, world: World) -> None:
    version = run_version(world, cast, notebook)
    put(world, version, notebook.filename, executed("x"))
    large = bytes(range(256)) * 40_000
    for path, content in (("result.csv", b"a,b\n1,2\n"), ("deep/er/größe.bin", large), (".local/lib/x.py", b"no")):
        put(world, version, path, content)
    end(world, version)
    found = queries.output_files(version)
    assert [(f.path, f.size) for f in found.files] == [("deep/er/größe.bin", len(large)), ("result.csv", 8)]
    assert b"".join(storage.pieces(queries.output_file(version, "deep/er/größe.bin").digest)) == large
    assert (version.files_count, version.files_bytes, found.left_out, version.fault) == (2, len(large) + 8, 0, "")
    assert queries.stored_bytes(cast.team) == version.files_bytes + version.document_bytes
    assert reconcile.clean_volumes(world.engines, world.now) == 1
    assert world.engine.read_file(volume_of_version(running(version).pk), "result.csv", 100) is None
    assert reconcile.clean_volumes(world.engines, world.now) == 0
    with pytest.raises(NotFound):
        queries.output_file(version, "../result.csv")


def test_files_beyond_the_teams_storage_are_left_out_and_counted(cast: Cast, world: World) -> None:
    notebook = make_notebook(cast.owner, cast.team)
    version = run_version(world, cast, notebook)
    put(world, version, "kept", b"k" * 100)
    put(world, version, "large", b"l" * 5000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reconcile, "room_of", lambda *_: 1000)
        end(world, version)
    found = queries.output_files(version)
    assert ([f.path for f in found.files], found.left_out, found.left_bytes) == (["kept"], 1, 5000)


def test_a_failed_and_a_stopped_run_keep_what_they_had(cast: Cast, notebook: Notebook, world: World) -> None:
    failed = run_version(world, cast, notebook)
    put(world, failed, notebook.filename, executed("x", output="until the error"))
    end(world, failed, code=1)
    stopped = run_version(world, cast, notebook)
    put(world, stopped, notebook.filename, executed("x", output="until the stop"))
    stop_run(cast.owner, running(stopped), now=world.now)
    world.until(running(stopped), State.ENDED)
    passes(world)
    stopped.refresh_from_db()
    assert b"until the error" in storage.get(failed.document)
    assert b"until the stop" in storage.get(stopped.document)
    assert (running(failed).reason, running(stopped).reason) == (Reason.FAILED, Reason.CANCELLED)


def test_who_had_it_run_is_told_of_a_failure_once(cast: Cast, notebook: Notebook, world: World) -> None:
    end(world, run_version(world, cast, notebook))
    assert not Notification.objects.exists(), "it went well"
    failed = end(world, run_version(world, cast, notebook), code=1)
    passes(world)
    [told] = Notification.objects.all()
    assert (told.kind, told.user, told.title) == ("run_failed", cast.owner, notebook.title)
    assert told.words == running(failed).message == "The command ended with exit code 1."
    assert told.path.endswith(f"/versions/{failed.number}/")
    stopped = run_version(world, cast, notebook)
    stop_run(cast.owner, running(stopped), now=world.now, message="Enough")
    end(world, stopped)
    assert Notification.objects.count() == 1, "who stopped it knows"


def test_a_version_that_never_ran_is_whole_with_its_source(cast: Cast, notebook: Notebook, world: World) -> None:
    version = actions.save_and_run(cast.owner, notebook, "cpu-small", now=world.now)
    stop_run(cast.owner, running(version), now=world.now)
    passes(world)
    version.refresh_from_db()
    assert (version.document, version.settled_at, version.files) == (version.source, world.now, "")


def test_what_is_no_notebook_any_more_leaves_the_last_good_one(cast: Cast, notebook: Notebook, world: World) -> None:
    version = run_version(world, cast, notebook)
    put(world, version, notebook.filename, executed("x"))
    world.tick(4)
    passes(world)
    put(world, version, notebook.filename, b"{ half")
    end(world, version)
    assert b"done" in storage.get(version.document)


def test_a_crash_at_any_step_of_settling_is_made_good(
    cast: Cast, notebook: Notebook, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = run_version(world, cast, notebook)
    put(world, version, notebook.filename, executed("x"))
    put(world, version, "result", b"r")
    world.engine.finish(running(version).pk, 0, Cause.EXIT)
    world.until(running(version), State.ENDED)

    class Killed(BaseException):
        """As `kill -9` between two lines."""

    def dies(*_: object, **__: object) -> None:
        raise Killed

    def settle() -> None:
        reconcile.settle_ended(world.engines, world.now)

    for step in ("_take_document", "_take_files", "_settle", "hint"):
        with monkeypatch.context() as patch:
            patch.setattr(reconcile, step, dies)
            with pytest.raises(Killed):
                settle()
        version.refresh_from_db()
        assert version.settled_at is None, f"{step}: what was begun in a transaction is rolled back as a whole"
    assert reconcile.settle_ended(world.engines, world.now) == 1
    assert reconcile.settle_ended(world.engines, world.now) == 0
    version.refresh_from_db()
    assert [f.path for f in queries.output_files(version).files] == ["result"]


def test_two_controllers_settle_once_and_what_is_settled_never_changes(
    cast: Cast, notebook: Notebook, world: World
) -> None:
    version = run_version(world, cast, notebook)
    put(world, version, notebook.filename, executed("x"))
    stale = Version.objects.select_related("run__machine", "notebook__team").get(pk=version.pk)
    end(world, version)
    put(world, version, notebook.filename, executed("x", output="too late"))
    assert not reconcile._take_document(world.engines, stale, world.now)
    assert not reconcile._settle(stale, None, "a second time", world.now)
    version.refresh_from_db()
    assert (b"too late" in storage.get(version.document), version.fault) == (False, "")


def test_an_engine_that_fails_leaves_a_whole_version_with_a_word(
    cast: Cast, notebook: Notebook, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = run_version(world, cast, notebook)

    def fails(*_: object, **__: object) -> None:
        raise EngineError("the disk is gone")

    monkeypatch.setattr(world.engine, "collect", fails)
    end(world, version)
    assert (version.settled_at is not None, "the disk is gone" in version.fault) == (True, True)
    assert Launch.objects.get(run=version.run_id).settled_at == version.settled_at


def test_running_again_takes_the_same_source_and_environment(
    cast: Cast, notebook: Notebook, world: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    builds = tmp_path_factory.mktemp("environments")
    (builds / "old").mkdir()
    old = Build.objects.get()
    Build.objects.update(path=str(builds / "old"), lock_digest="1" * 16)
    first = end(world, run_version(world, cast, notebook))
    notebooks.replace_document(cast.owner, notebook, notebook_json("newer"), now=world.now)
    notebook.refresh_from_db()
    Build.objects.create(
        environment=old.environment,
        number=2,
        state="ready",
        path="/usr",
        lock_digest="2" * 16,
        created_at=world.now,
        built_at=world.now + timedelta(days=1),
    )
    (builds / "old").rmdir()
    with pytest.raises(Refused) as refused:
        actions.save_and_run(cast.owner, notebook, "", now=world.now, again=first)
    assert refused.value.code == "version.environment_gone"
    (builds / "old").mkdir()
    Build.objects.filter(pk=old.pk).update(state="ready", path=str(builds / "old"))
    first.refresh_from_db()
    again = actions.save_and_run(cast.owner, notebook, "", now=world.now, again=first)
    assert (again.number, again.source, again.again_of, again.environment) == (2, first.source, first, "1" * 16)
    assert running(again).spec["environment_path"] == str(builds / "old")


def test_restoring_and_pinning(cast: Cast, notebook: Notebook) -> None:
    first = actions.save_quick(cast.owner, notebook, now=NOW)
    notebooks.replace_document(cast.owner, notebook, notebook_json("other"), now=NOW)
    notebook.refresh_from_db()
    assert actions.restore(cast.owner, first, now=NOW).document == first.document
    pinned = actions.update_version(cast.owner, first, now=NOW, pinned=True, note="the good one")
    assert (pinned.pinned, pinned.note, pinned.document) == (True, "the good one", first.document)


def test_the_plan_is_asked_before_a_version_is_run(cast: Cast, world: World) -> None:
    plans.assign_plan(None, cast.team, "gradient-free", now=NOW)
    notebook = make_notebook(cast.owner, cast.team)
    with pytest.raises(Refused):
        actions.save_and_run(cast.owner, notebook, "A100-80G", now=NOW)
    assert not Version.objects.exists()
    with pytest.raises(BadInput):
        actions.save_and_run(cast.owner, notebook, "no-such", now=NOW)


def test_a_copy_remembers_where_it_came_from(cast: Cast) -> None:
    public = make_notebook(cast.owner, cast.team, visibility=Visibility.PUBLIC)
    version = actions.save_quick(cast.owner, public, now=NOW)
    seen = notebook_for(cast.stranger, public.pk)
    own = cast.stranger.personal_team.projects.get(slug="main")
    copy = actions.copy(cast.stranger, seen, own, now=NOW, version=version)
    assert (copy.team, copy.copied_from, copy.copied_version) == (cast.stranger.personal_team, public, 1)
    assert list(public.copies.all()) == [copy]
    assert copy.document == version.document
    assert not copy.versions.exists()


def test_a_deleted_notebook_ends_its_versions_and_lets_their_bytes_go(
    cast: Cast, notebook: Notebook, world: World
) -> None:
    kept = end(world, run_version(world, cast, notebook))
    live = run_version(world, cast, notebook)
    notebook.refresh_from_db()
    notebooks.delete_notebook(cast.owner, notebook, now=world.now)
    assert stored_bytes(cast.team) == 0
    for _ in range(12):
        documents.clean_deleted(world.engines, world.now)
        reconcile.clean_volumes(world.engines, world.now)
        world.tick(5)
        passes(world)
    assert State(Run.objects.get(pk=live.run_id).state) == State.ENDED
    notebook.refresh_from_db()
    assert notebook.volume_deleted_at is not None
    for version in (kept, live):
        assert not Hold.objects.filter(holder__startswith=f"version:{version.pk}:").exists()


def test_settled_versions_are_rendered_once_for_the_same_content(cast: Cast, notebook: Notebook) -> None:
    documents.render_changed(NOW)
    first = actions.save_quick(cast.owner, notebook, now=NOW)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reconcile, "render_html", lambda _: pytest.fail("it is there already"))
        assert reconcile.render_settled(NOW) == 1
    first.refresh_from_db()
    notebook.refresh_from_db()
    assert (first.rendered, first.rendered_of) == (notebook.rendered, first.document)
    assert reconcile.render_settled(NOW + timedelta(hours=1)) == 0


def test_kinds_and_runs_belong_together(cast: Cast, notebook: Notebook) -> None:
    version = actions.save_quick(cast.owner, notebook, now=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        Version.objects.filter(pk=version.pk).update(kind=VersionKind.RUN)
