"""The Python client against a real server: typed answers, errors with a code, patience, names of this machine."""

from pathlib import Path

import pytest
from live import World

from factories.notebooks import make_notebook, notebook_json
from studium.client import ApiError, Client, Unreachable
from studium.lib import clock
from studium.notebooks.launching import volume_of_version

pytestmark = pytest.mark.django_db


def test_the_main_job_in_a_few_lines(world: World) -> None:
    with world.client(world.cast.owner) as studium:
        notebook = studium.notebooks.create("First", content=notebook_json("1"))
        estimate = studium.notebooks.estimate(notebook.id, "cpu-small", kind="execution")
        run = studium.notebooks.start(notebook.id, kind="execution", machine="cpu-small", max_seconds=600)
        assert (estimate.wait, run.state, run.max_seconds) == (None, "queued", 600)
        for _ in range(4):
            run = studium.runs.get(run.id)
        assert run.state == "running"
        world.engine.output(run.id, b"hello\n")
        assert studium.runs.log(run.id).text == "hello\n"
        world.engine.finish(run.id)
        ended = studium.runs.get(run.id)
        assert (ended.ended, ended.outcome, ended.document) == (True, "good", "final")
        assert studium.runs.document(run.id).startswith(b"{")
        assert studium.notebooks.find("first").id == notebook.id


def test_versions_in_a_few_lines(world: World, tmp_path: Path) -> None:
    with world.client(world.cast.owner) as studium:
        notebook = studium.notebooks.create("First", content=notebook_json("1"))
        versions = studium.notebooks.versions
        quick = versions.save(notebook.id, "before")
        assert (quick.number, quick.state, quick.run) == (1, "complete", None)
        run = versions.run(notebook.id, machine="cpu-small", max_seconds=600).run
        assert run is not None
        for _ in range(4):
            run = studium.runs.get(run.id)
        world.engine.output(run.id, b"hello\n")
        volume = volume_of_version(run.id)
        world.engine.write_file(volume, "notebook.ipynb", notebook_json("2"), 1 << 30)
        world.engine.write_file(volume, "tables/ü 1.csv", b"a,b\n", 1 << 30)
        world.engine.finish(run.id)
        studium.runs.get(run.id)
        done = versions.get(notebook.id, 2)
        assert (done.state, done.settled, done.files_count) == ("complete", True, 1)
        assert versions.log(notebook.id, 2) == "hello\n"
        assert b'"2"' in versions.content(notebook.id, 2)
        assert b'"1"' in versions.content(notebook.id, 2, source=True)
        (file,) = versions.files(notebook.id, 2).files
        versions.file(notebook.id, 2, file.path, tmp_path / "got")
        assert (tmp_path / "got").read_bytes() == b"a,b\n"
        assert versions.compare(notebook.id, 1, 2).cells[0].change == "changed"
        assert versions.update(notebook.id, 1, pinned=True).note == "before"
        assert versions.run_again(notebook.id, 2, note="again").again_of == 2
        assert [each.number for each in versions.all(notebook.id)] == [3, 2, 1]
        assert versions.restore(notebook.id, 2).id == notebook.id
        copy = studium.notebooks.fork(notebook.id, version=2).copied_from
        assert copy is not None
        assert (copy.name, copy.version) == (notebook.name, 2)


def test_a_file_is_fetched_again_when_the_connection_was_cut(world: World, tmp_path: Path) -> None:
    with world.client(world.cast.owner) as studium:
        notebook = studium.notebooks.create("First")
        studium.notebooks.versions.save(notebook.id)
        world.down = 2
        with pytest.raises(ApiError) as caught:
            studium.notebooks.versions.file(notebook.id, 1, "none.csv", tmp_path / "got")
        assert (caught.value.code, world.down) == ("version.no_file", 0)
        assert not (tmp_path / "got").exists()


def test_the_whole_listing_is_fetched_page_by_page(world: World) -> None:
    for i in range(5):
        make_notebook(world.cast.owner, title=f"N{i}", now=clock.now())
    with world.client(world.cast.owner) as studium:
        first = studium.notebooks.page(limit=2)
        assert (len(first.items), bool(first.next_cursor)) == (2, True)
        assert len(list(studium.notebooks.all())) == 5


def test_errors_carry_code_step_and_status(world: World) -> None:
    with world.client(world.cast.stranger) as studium, pytest.raises(ApiError) as caught:
        studium.teams.get(world.cast.team.slug)
    assert (caught.value.code, caught.value.status) == ("team.unknown", 404)
    assert caught.value.next_step


def test_a_name_that_would_be_a_path_is_only_a_name(world: World) -> None:
    with world.client(world.cast.owner) as studium, pytest.raises(ApiError) as caught:
        studium.runs.get("../me")
    assert caught.value.status == 404


def test_names_of_this_machine_need_no_resolver(world: World) -> None:
    url = world.url.replace("localhost", "studium-without-any-dns.localhost")
    with Client(url, world.token(world.cast.owner), patience=0) as studium, pytest.raises(ApiError) as caught:
        studium.me()
    # It got there; the server itself refuses a host that is not its own.
    assert caught.value.status == 400


def test_calls_that_can_be_repeated_are(world: World) -> None:
    with world.client(world.cast.owner) as studium:
        world.down = 3
        assert studium.me().username == world.cast.owner.username
        assert world.down == 0


def test_a_call_that_may_have_worked_is_not_repeated(world: World) -> None:
    with world.client(world.cast.owner) as studium:
        world.down = 1
        with pytest.raises(Unreachable):
            studium.teams.create("Twice")
        assert world.down == 0
        assert [team.slug for team in studium.teams.all() if not team.personal] == [world.cast.team.slug]


def test_patience_ends(world: World) -> None:
    with world.client(world.cast.owner, patience=0.3) as studium:
        world.down = 10_000
        with pytest.raises(Unreachable) as caught:
            studium.me()
    world.down = 0
    assert "studium up" in caught.value.next_step
