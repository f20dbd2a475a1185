"""The routes of versions at work: saving, running, reading, comparing, restoring, copying."""

import hashlib
import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_world import World

from factories.accounts import join, make_team
from factories.datasets import seeded
from factories.notebooks import notebook_json
from studium.accounts.states import Role
from studium.compute.models import Run
from studium.compute.states import Reason, State
from studium.environments.models import Build
from studium.lib import clock
from studium.lib.units import MIB
from studium.notebooks.models import Notebook, Version
from studium.notebooks.states import LaunchKind, Visibility
from studium.notebooks.versions.reconcile import settle_ended

pytestmark = pytest.mark.django_db


def body_of(response: Any) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else bytes(response.content)


def test_a_quick_version_from_saving_to_restoring(world: World) -> None:
    owner, notebook = world.cast.owner, world.notebook()
    path = f"/notebooks/{notebook.pk}"
    saved = world.json(owner, "POST", f"{path}/versions", {"note": "before"}, status=201)
    assert (saved["number"], saved["kind"], saved["note"], saved["state"]) == (1, "quick", "before", "complete")
    assert (saved["settled"], saved["run"], saved["created_by"]) == (True, None, owner.username)
    assert saved["url"].endswith(f"/{world.cast.team.slug}/{notebook.slug}/versions/1/")
    first = world.call(owner, "GET", f"{path}/content").content
    world.call(owner, "PUT", f"{path}/content", data=notebook_json("other"))
    assert world.call(owner, "GET", f"{path}/versions/1/content").content == first
    changed = world.json(owner, "PATCH", f"{path}/versions/1", {"pinned": True})
    assert (changed["note"], changed["pinned"]) == ("before", True)
    assert world.json(owner, "PATCH", f"{path}/versions/1", {"note": ""})["note"] == ""
    assert world.json(owner, "POST", f"{path}/versions/1/restore", {})["id"] == notebook.pk
    assert world.call(owner, "GET", f"{path}/content").content == first
    assert world.call(owner, "GET", f"{path}/versions/1/log").content == b""
    assert world.json(owner, "GET", f"{path}/versions/1/files") == {"files": [], "left_out": 0, "left_bytes": 0}


def test_a_run_version_from_the_queue_to_its_files(world: World) -> None:
    owner, notebook = world.cast.owner, world.notebook()
    path = f"/notebooks/{notebook.pk}/versions"
    asked = {"run": True, "machine": "cpu-medium", "note": "more", "max_seconds": 600}
    saved = world.json(owner, "POST", path, asked, status=201)
    assert (saved["kind"], saved["state"], saved["settled"]) == ("run", "queued", False)
    assert (saved["run"]["max_seconds"], saved["run"]["kind"], saved["machine_label"]) == (600, "version", "cpu-medium")
    world.run_version(notebook, {"out/result.csv": b"a,b\n", "model.bin": bytes(2000)})
    told = world.json(owner, "GET", f"{path}/2")
    assert (told["state"], told["settled"], told["files_count"], told["files_bytes"]) == ("complete", True, 2, 2004)
    assert told["run"]["document"] == "final"
    assert b"executed" in world.call(owner, "GET", f"{path}/2/content").content
    source = world.call(owner, "GET", f"{path}/2/content?source=true")
    assert b"executed" not in source.content
    assert source["Content-Disposition"] == f'attachment; filename="{notebook.slug}-v2.ipynb"'
    assert world.call(owner, "GET", f"{path}/2/log").content == b"printed\n"
    files = world.json(owner, "GET", f"{path}/2/files")["files"]
    assert [(f["path"], f["size"]) for f in files] == [("model.bin", 2000), ("out/result.csv", 4)]
    assert files[1]["digest"] == hashlib.sha256(b"a,b\n").hexdigest()
    assert body_of(world.call(owner, "GET", f"{path}/2/files/out/result.csv")) == b"a,b\n"


def test_options_of_a_run_are_told_and_repeated(world: World) -> None:
    owner, notebook = world.cast.owner, world.notebook()
    path, how = f"/notebooks/{notebook.pk}", {"cell_seconds": 90, "keep_going": True}
    saved = world.json(owner, "POST", f"{path}/versions", {"run": True, "machine": "cpu-small", **how}, status=201)
    assert {name: saved["run"][name] for name in how} == how
    again = world.json(owner, "POST", f"{path}/versions/1/run", {}, status=201)
    assert {name: again["run"][name] for name in how} == how
    world.json(owner, "POST", f"{path}/versions/1/run", how, status=400)
    quick = world.json(owner, "POST", f"{path}/versions", {"keep_going": True}, status=400)
    assert quick["code"] == "version.quick_runs_nothing"
    started = world.json(owner, "POST", f"{path}/start", {"kind": "execution", **how}, status=201)
    assert {name: started[name] for name in how} == how
    session = {"kind": "session", "machine": "cpu-small", **how}
    refused = world.json(owner, "POST", f"/notebooks/{world.notebook().pk}/start", session, status=400)
    assert refused["code"] == "run.options_of_a_session"


def test_what_was_done_to_an_old_file_is_told(world: World) -> None:
    owner, old = world.cast.owner, {"nbformat": 4, "nbformat_minor": 2, "metadata": {}, "cells": []}
    made = world.json(owner, "POST", "/notebooks", {"title": "Old", "content": old}, status=201)
    assert made["upgrade"] == "It came as nbformat 4.2 and was upgraded to 4.5."
    replaced = world.call(owner, "PUT", f"/notebooks/{made['id']}/content", data=notebook_json("new"))
    assert json.loads(replaced.content)["upgrade"] == ""


@pytest.mark.parametrize(
    ("reason", "state"),
    [(Reason.FINISHED, "complete"), (Reason.FAILED, "failed"), (Reason.CANCELLED, "failed"), (None, "running")],
)
def test_the_state_is_the_runs_until_it_has_ended(world: World, reason: Reason | None, state: str) -> None:
    version = world.run_version(reason=reason)
    assert world.json(world.cast.owner, "GET", f"/notebooks/{version.notebook_id}/versions/1")["state"] == state


def test_the_document_of_a_version_that_runs_is_its_own(world: World) -> None:
    version = world.run_version(reason=None)
    owner = world.cast.owner
    world.call(owner, "PUT", f"/notebooks/{version.notebook_id}/content", data=notebook_json("living"))
    got = world.call(owner, "GET", f"/runs/{version.run_id}/document")
    assert got.status_code == 200
    assert b"living" not in got.content


NAMES = {
    "plain.csv": 'attachment; filename="plain.csv"',
    'q"uote.csv': 'attachment; filename="q\\"uote.csv"',
    "sub/日本 語.csv": "attachment; filename*=utf-8''%E6%97%A5%E6%9C%AC%20%E8%AA%9E.csv",
    "a%2Fb#c?.txt": 'attachment; filename="a%2Fb#c?.txt"',
}


@pytest.mark.parametrize("name", NAMES)
def test_an_output_file_keeps_its_name_and_is_never_a_page(world: World, name: str) -> None:
    from urllib.parse import quote

    version = world.run_version(files={name: b"<script>1</script>"})
    path = f"/notebooks/{version.notebook_id}/versions/1/files/{quote(name)}"
    got = world.call(world.cast.owner, "GET", path)
    assert (got.status_code, got["Content-Disposition"]) == (200, NAMES[name])
    assert (got["Content-Type"], got["X-Content-Type-Options"]) == ("application/octet-stream", "nosniff")
    assert (got["Content-Security-Policy"], got["Content-Length"]) == ("sandbox; default-src 'none'", "18")
    assert body_of(got) == b"<script>1</script>"
    digest = hashlib.sha256(b"<script>1</script>").hexdigest()
    assert (got["ETag"], got["Cache-Control"]) == (f'"{digest}"', "private, no-cache")
    again = world.call(world.cast.owner, "GET", path, headers={"If-None-Match": f'W/"x", "{digest}"'})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", f'"{digest}"')
    other = world.call(world.cast.owner, "GET", path, headers={"If-None-Match": '"other"'})
    assert other.status_code == 200
    stranger = world.call(world.cast.stranger, "GET", path, headers={"If-None-Match": f'"{digest}"'})
    assert stranger.status_code == 404, "knowing a digest opens nothing"


def test_an_output_file_is_gone_on_with_and_sent_by_the_edge_where_it_can(world: World) -> None:
    content = seeded(2 * MIB, 7)
    version = world.run_version(files={"out/model.bin": content})
    path = f"/notebooks/{version.notebook_id}/versions/1/files/out/model.bin"

    def got(**headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return world.call(world.cast.reader, "GET", path, headers=named)

    part = got(Range="bytes=2000000-")
    assert (part.status_code, body_of(part)) == (206, content[2_000_000:])
    assert part["Content-Range"] == f"bytes 2000000-{2 * MIB - 1}/{2 * MIB}"
    digest = hashlib.sha256(content).hexdigest()
    named = got(X_Studium_Sends="1", Range="bytes=5-2000000")
    assert body_of(named).decode() == f"sha256/{digest[:2]}/{digest} 5 1999996\n"
    assert (named.status_code, named["X-Studium-Files"]) == (206, "1999996")


def test_documents_and_logs_are_never_pages_either(world: World) -> None:
    version = world.run_version()
    for what in ("content", "log"):
        got = world.call(world.cast.owner, "GET", f"/notebooks/{version.notebook_id}/versions/1/{what}")
        assert (got["X-Content-Type-Options"], got["Content-Security-Policy"]) == ("nosniff", "sandbox")


@pytest.mark.parametrize("path", ["nothing.csv", "../a.csv", "/etc/passwd", "sub", "%2e%2e/%2e%2e/etc/passwd"])
def test_files_that_are_not_in_the_list(world: World, path: str) -> None:
    version = world.run_version(files={"sub/a.csv": b"1"})
    said = world.json(world.cast.owner, "GET", f"/notebooks/{version.notebook_id}/versions/1/files/{path}", status=404)
    assert said["code"] in ("version.no_file", "path.unknown")


@pytest.mark.parametrize("number", ["0", "-1", "two", "v1", "1.5", str(2**63), "9" * 400, "%C2%B2"])
def test_numbers_that_are_none(world: World, number: str) -> None:
    notebook = world.version().notebook
    for method, rest in (("GET", ""), ("GET", "/content"), ("GET", "/files/a"), ("POST", "/restore")):
        body = {} if method == "POST" else None
        path = f"/notebooks/{notebook.pk}/versions/{number}{rest}"
        assert world.json(world.cast.owner, method, path, body, status=400)["code"] == "input.invalid"


def test_a_number_that_no_version_has(world: World) -> None:
    path = f"/notebooks/{world.version().notebook_id}"
    calls: list[tuple[str, str, Any]] = [
        ("GET", "versions/7", None),
        ("GET", "versions/7/content", None),
        ("GET", "versions/7/log", None),
        ("GET", "versions/7/files", None),
        ("GET", "versions/7/files/a", None),
        ("PATCH", "versions/7", {"pinned": True}),
        ("POST", "versions/7/restore", {}),
        ("POST", "versions/7/run", {}),
        ("GET", "compare?left=1&right=7", None),
        ("POST", "fork", {"version": 7}),
    ]
    for method, rest, body in calls:
        said = world.json(world.cast.owner, method, f"{path}/{rest}", body, status=404)
        assert said["code"] == "version.unknown", rest
        assert said["next_step"]
    assert Notebook.objects.count() == 1
    assert Version.objects.count() == 1


@pytest.mark.parametrize(
    ("method", "rest", "body", "status"),
    [
        ("POST", "versions", {"machine": "cpu-small"}, 400),
        ("POST", "versions", {"max_seconds": 600}, 400),
        ("POST", "versions", {"run": True, "machine": "h9000"}, 400),
        ("POST", "versions", {"run": True, "max_seconds": 1}, 400),
        ("POST", "versions", {"run": True, "max_seconds": 300 * 86400}, 422),
        ("POST", "versions", {"note": "x" * 501}, 400),
        ("POST", "versions", {"note": "a\x1bb"}, 400),
        ("POST", "versions", {"kind": "quick"}, 400),
        ("PATCH", "versions/1", {"number": 2}, 400),
        ("PATCH", "versions/1", {"pinned": "perhaps"}, 400),
        ("POST", "versions/1/run", {"version": 1}, 400),
        ("GET", "compare", None, 400),
        ("GET", "compare?left=1&right=two", None, 400),
        ("GET", "versions?cursor=!!", None, 400),
        ("POST", "fork", {"team": "nobodys"}, 404),
        ("POST", "fork", {"project": "none"}, 404),
        ("POST", "fork", {"version": 0}, 400),
    ],
)
def test_what_cannot_be_asked_leaves_nothing_behind(
    world: World, method: str, rest: str, body: Any, status: int
) -> None:
    notebook = world.version().notebook
    said = world.json(world.cast.owner, method, f"/notebooks/{notebook.pk}/{rest}", body, status=status)
    assert said["next_step"]
    assert (Version.objects.count(), Notebook.objects.count(), Run.objects.count()) == (1, 1, 0)


def test_nothing_is_restored_over_a_running_workspace_or_from_a_running_version(world: World) -> None:
    owner = world.cast.owner
    version = world.run_version(reason=None)
    path = f"/notebooks/{version.notebook_id}/versions/1/restore"
    assert world.json(owner, "POST", path, {}, status=409)["code"] == "version.running"
    quick = world.version()
    world.run(quick.notebook, kind=LaunchKind.SESSION)
    path = f"/notebooks/{quick.notebook_id}/versions/1/restore"
    assert world.json(owner, "POST", path, {}, status=409)["code"] == "notebook.running"


def test_a_version_is_run_again_as_it_was(world: World) -> None:
    owner, notebook = world.cast.owner, world.notebook()
    world.run_version(notebook, reason=Reason.FAILED)
    path = f"/notebooks/{notebook.pk}/versions/1"
    world.call(owner, "PUT", f"/notebooks/{notebook.pk}/content", data=notebook_json("changed"))
    Notebook.objects.filter(pk=notebook.pk).update(machine_type="cpu-medium")
    again = world.json(owner, "POST", f"{path}/run", {"note": "again"}, status=201)
    assert (again["number"], again["again_of"], again["note"]) == (2, 1, "again")
    assert again["machine_label"] == "cpu-small", "what the version was run on, not what the notebook uses now"
    sources = [world.call(owner, "GET", f"/notebooks/{notebook.pk}/versions/{n}/content?source=true") for n in (1, 2)]
    assert sources[0].content == sources[1].content
    listed = world.json(owner, "GET", f"/notebooks/{notebook.pk}/versions")["items"]
    assert [(v["number"], v["again_of"]) for v in listed] == [(2, 1), (1, None)]


def test_an_environment_that_is_gone_is_not_replaced_by_another(world: World) -> None:
    version = world.version()
    Build.objects.update(path="/gone")
    said = world.json(world.cast.owner, "POST", f"/notebooks/{version.notebook_id}/versions/1/run", {}, status=422)
    assert said["code"] == "version.environment_gone"
    assert Version.objects.count() == 1


def test_versions_are_listed_page_by_page_newest_first(world: World) -> None:
    notebook = world.notebook()
    for i in range(5):
        world.version(notebook, note=str(i))
    world.version()
    seen: list[int] = []
    cursor = ""
    for _ in range(9):
        page = world.json(world.cast.reader, "GET", f"/notebooks/{notebook.pk}/versions?limit=2&cursor={cursor}")
        seen += [v["number"] for v in page["items"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert seen == [5, 4, 3, 2, 1]


def test_a_listing_asks_no_more_of_the_database_the_longer_it_is(world: World) -> None:
    notebook = world.notebook()
    counts = []
    for _ in range(3):
        world.run_version(notebook)
        version = Version.objects.latest("number")
        version.again_of = Version.objects.earliest("number")
        version.save()
        with CaptureQueriesContext(connection) as asked:
            world.json(world.cast.owner, "GET", f"/notebooks/{notebook.pk}/versions")
        counts.append(len(asked))
    assert counts[1] == counts[2], counts


def test_two_versions_are_compared(world: World) -> None:
    notebook = world.notebook(content=notebook_json("a = 1", "b = 2"))
    world.version(notebook)
    path = f"/notebooks/{notebook.pk}"
    world.call(world.cast.owner, "PUT", f"{path}/content", data=notebook_json("a = 1", "b = 3"))
    notebook.refresh_from_db()
    world.version(notebook)
    found = world.json(world.cast.reader, "GET", f"{path}/compare?left=1&right=2")
    assert (found["counts"]["same"], found["counts"]["changed"]) == (1, 1)
    assert found["cells"][1]["source"] == [["-", "b = 2"], ["+", "b = 3"]]
    assert [(c["left"], c["right"]) for c in found["cells"]] == [(0, 0), (1, 1)]


def test_what_cannot_be_compared_says_why(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from studium.api import versions
    from studium.notebooks.versions.comparing import CompareError

    def too_large(left: bytes, right: bytes) -> Any:
        raise CompareError("These versions could not be compared: it needs too much memory.")

    monkeypatch.setattr(versions, "compare", too_large)
    version = world.version()
    path = f"/notebooks/{version.notebook_id}/compare?left=1&right=1"
    said = world.json(world.cast.owner, "GET", path, status=422)
    assert (said["code"], "too much memory" in said["message"]) == ("version.not_comparable", True)


def test_a_copy_says_where_it_came_from_to_those_who_may_know(world: World) -> None:
    cast, notebook = world.cast, world.notebook(Visibility.PUBLIC, title="Churn")
    world.version(notebook)
    path = f"/notebooks/{notebook.pk}/fork"
    copy = world.json(cast.stranger, "POST", path, {"version": 1}, status=201)
    name = f"{cast.team.slug}/churn"
    assert copy["copied_from"] == {"name": name, "id": notebook.pk, "version": 1}
    assert (copy["team"], copy["visibility"]) == (cast.stranger.personal_team.slug, "private")
    living = world.json(cast.owner, "POST", path, {"team": cast.team.slug}, status=201)
    assert living["copied_from"]["version"] is None
    assert world.json(cast.owner, "GET", f"/notebooks/{notebook.pk}")["copies"] == 2
    assert world.json(cast.stranger, "GET", f"/notebooks/{notebook.pk}")["copied_from"] is None
    for who, ids in ((cast.owner, [living["id"]]), (cast.teammate, []), (cast.stranger, [copy["id"]])):
        listed = world.json(who, "GET", f"/notebooks?copies_of={notebook.pk}")["items"]
        assert [row["id"] for row in listed] == ids, who
    world.json(cast.owner, "PATCH", f"/notebooks/{notebook.pk}", {"visibility": "private"})
    world.json(cast.stranger, "GET", f"/notebooks?copies_of={notebook.pk}", status=404)
    listed = world.json(cast.stranger, "GET", "/notebooks")["items"]
    assert [row["copied_from"] for row in listed] == [None]
    world.call(cast.stranger, "DELETE", f"/notebooks/{copy['id']}")
    assert world.json(cast.owner, "GET", f"/notebooks/{notebook.pk}")["copies"] == 1
    world.call(cast.owner, "DELETE", f"/notebooks/{notebook.pk}")
    assert world.json(cast.owner, "GET", f"/notebooks/{living['id']}")["copied_from"] is None


def test_nobody_copies_into_a_team_where_they_only_read(world: World) -> None:
    notebook = world.notebook(Visibility.PUBLIC)
    other = make_team(world.cast.teammate)
    join(other, world.cast.stranger, Role.READER)
    said = world.json(world.cast.stranger, "POST", f"/notebooks/{notebook.pk}/fork", {"team": other.slug}, status=403)
    assert said["next_step"]
    assert Notebook.objects.count() == 1


def test_what_runs_of_a_public_notebook_tell_stays_the_teams(world: World) -> None:
    cast, notebook = world.cast, world.notebook(Visibility.PUBLIC)
    version = world.run_version(notebook, {"a.csv": b"1"}, Reason.FAILED)
    Version.objects.filter(pk=version.pk).update(fault="internal words", commit="c0ffee" * 6)
    world.version(notebook)
    path = f"/notebooks/{notebook.pk}/versions"
    assert version.run_id
    for rest in ("", "/1", "/1/files"):
        told = world.call(cast.stranger, "GET", f"{path}{rest}")
        assert told.status_code == 200
        for secret in (version.run_id, "internal words", "c0ffee"):
            assert secret not in told.content.decode()
    run, quick = (world.json(cast.stranger, "GET", f"{path}/{n}") for n in (1, 2))
    assert (run["state"], run["run"], run["created_by"]) == ("failed", None, None)
    assert (run["running_seconds"], run["cost_micros"], run["cost"], run["fault"]) == (None, None, "", "")
    assert quick["created_by"] == cast.owner.username
    assert b"executed" in world.call(cast.stranger, "GET", f"{path}/1/content").content
    assert body_of(world.call(cast.stranger, "GET", f"{path}/1/files/a.csv")) == b"1"
    refused = world.json(cast.stranger, "GET", f"{path}/1/log", status=403)
    assert refused["code"] == "version.log_of_team"
    theirs = world.json(cast.reader, "GET", f"{path}/1")
    assert (theirs["run"]["id"], theirs["created_by"]) == (version.run_id, cast.owner.username)
    assert (theirs["fault"], theirs["commit"]) == ("internal words", "c0ffee" * 6)


def test_teammates_see_nothing_of_a_private_notebooks_versions(world: World) -> None:
    version = world.run_version(world.notebook(Visibility.PRIVATE), {"a.csv": b"1"})
    path = f"/notebooks/{version.notebook_id}"
    for rest in ("/versions", "/versions/1", "/versions/1/content", "/versions/1/log", "/versions/1/files/a.csv"):
        assert world.call(world.cast.teammate, "GET", path + rest).status_code == 404, rest
        assert world.call(world.cast.owner, "GET", path + rest).status_code == 200, rest
    assert world.call(world.cast.teammate, "POST", f"{path}/fork", {}).status_code == 404


def test_files_of_another_notebooks_version_are_not_reached(world: World) -> None:
    hidden = world.run_version(world.notebook(Visibility.PRIVATE), {"secret.csv": b"1"})
    own = world.version(world.notebook(Visibility.PUBLIC))
    for path in ("secret.csv", f"../../../{hidden.notebook_id}/versions/1/files/secret.csv", hidden.files):
        got = world.call(world.cast.stranger, "GET", f"/notebooks/{own.notebook_id}/versions/1/files/{path}")
        assert got.status_code == 404


def test_a_version_stopped_in_the_queue_has_no_files_and_its_source(world: World) -> None:
    owner, notebook = world.cast.owner, world.notebook()
    path = f"/notebooks/{notebook.pk}/versions"
    run = world.json(owner, "POST", path, {"run": True}, status=201)["run"]["id"]
    assert world.json(owner, "POST", f"/runs/{run}/stop", {})["state"] == "ended"
    settle_ended({"fake": world.engine}, clock.now())
    told = world.json(owner, "GET", f"{path}/1")
    assert (told["state"], told["settled"], told["files_count"]) == ("failed", True, 0)
    assert json.loads(world.call(owner, "GET", f"{path}/1/content").content)["nbformat"] == 4
    assert Run.objects.get(pk=run).state == State.ENDED
