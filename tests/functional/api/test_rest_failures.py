"""What is wrong with a request is said with a code, a sentence and a next step; nothing half-made stays behind."""

import json
from typing import Any

import pytest
from rest_world import World

from factories.compute import load_plans
from factories.notebooks import notebook_json
from studium.compute.models import Run
from studium.lib.units import MIB
from studium.notebooks.models import Notebook
from studium.notebooks.states import Visibility
from studium.plans.actions import assign_plan

pytestmark = pytest.mark.django_db
BIG = 2**63


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": 7}, "name"),
        ({}, "name"),
        ({"name": "x" * 300}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "fine", "colour": "red"}, "colour"),
    ],
)
def test_fields_that_are_wrong_are_named(world: World, body: dict[str, Any], field: str) -> None:
    said = world.json(world.cast.owner, "POST", "/teams", body, status=400)
    assert said["code"] == "input.invalid"
    assert [f["field"] for f in said["facts"]["fields"]] == [field]
    assert said["next_step"]


@pytest.mark.parametrize("raw", ["{", "", "[" * 50_000, "\ufeff{}", '"text"'])
def test_a_body_that_is_no_object(world: World, raw: str) -> None:
    response = world.call(world.cast.owner, "POST", "/teams", data=raw)
    said = json.loads(response.content)
    assert response.status_code == 400
    assert said["code"] in ("input.not_json", "input.invalid")


@pytest.mark.parametrize("path", ["/nothing", "/notebooks/a/b/c", "/runs/%2e%2e", ""])
def test_unknown_paths_are_said_in_json(world: World, path: str) -> None:
    response = world.call(world.cast.owner, "GET", path or "/")
    assert response.status_code == 404
    assert json.loads(response.content)["code"] in ("path.unknown", "run.unknown")


def test_the_wrong_method_is_said_in_json(world: World) -> None:
    response = world.call(world.cast.owner, "DELETE", "/me")
    assert response.status_code == 405
    assert json.loads(response.content)["code"] == "method.wrong"
    assert response["Allow"] == "GET"


def test_a_fault_has_an_id_and_no_trace(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from studium.api import queue

    def broken() -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(queue.queries, "queue", broken)
    response = world.call(world.cast.owner, "GET", "/queue")
    said = json.loads(response.content)
    assert response.status_code == 500
    assert said["code"] == "server.fault"
    assert said["facts"]["id"] in said["next_step"]
    assert b"secret detail" not in response.content


def test_a_database_that_is_away_is_a_passing_thing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    from studium.api import queue

    def away() -> None:
        raise OperationalError("no")

    monkeypatch.setattr(queue.queries, "queue", away)
    response = world.call(world.cast.owner, "GET", "/queue")
    assert response.status_code == 503
    assert response["Retry-After"]


def test_nobody_is_told_how_to_sign_in(world: World) -> None:
    response = world.call(None, "GET", "/me")
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert "studium login" in json.loads(response.content)["next_step"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("this is text", "notebook."),
        ({"cells": 7}, "notebook."),
        ({"nbformat": 2, "nbformat_minor": 0, "worksheets": []}, "notebook."),
        ("[" * 100_000, "notebook."),
    ],
)
def test_what_is_no_notebook_is_refused_and_leaves_nothing(world: World, content: Any, code: str) -> None:
    said = world.json(world.cast.owner, "POST", "/notebooks", {"title": "Bad", "content": content}, status=400)
    assert said["code"].startswith(code), said
    assert said["message"].endswith(".")
    assert said["next_step"]
    assert not Notebook.objects.exists()


def test_a_notebook_that_is_too_large(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = world.notebook()
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2000
    said = world.json(world.cast.owner, "PUT", f"/notebooks/{notebook.pk}/content", data=b"x" * 3000, status=413)
    assert said["code"] == "input.too_large"
    assert "MiB" in said["message"]


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/notebooks"), ("POST", "/teams"), ("PATCH", "/notebooks/x"), ("POST", "/nowhere")]
)
def test_large_json_is_not_even_parsed(world: World, method: str, path: str) -> None:
    said = world.json(world.cast.owner, method, path, data=b"[" * (4 * MIB + 1), status=413)
    assert (said["code"], said["facts"]) == ("input.too_large", {"limit_bytes": 4 * MIB})
    assert "/upload" in said["next_step"]


def test_a_large_notebook_comes_as_a_file(world: World) -> None:
    notebook = world.notebook()
    large = notebook_json("x = 1", note="y" * 5 * MIB)
    world.json(world.cast.owner, "PUT", f"/notebooks/{notebook.pk}/content", data=large)
    assert len(world.call(world.cast.owner, "GET", f"/notebooks/{notebook.pk}/content").content) > 5 * MIB


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"machine": "H9000"}, 400, "machine.unknown"),
        ({"machine": "p4000"}, 422, "plan.machine_not_allowed"),
        ({"machine": "p100", "max_seconds": 10 * 3600}, 422, "plan.session_length"),
        ({"machine": "p100", "max_seconds": 5}, 400, "input.invalid"),
        ({"machine": "p100", "max_seconds": BIG}, 400, "input.invalid"),
        ({"kind": "party"}, 400, "input.invalid"),
    ],
)
def test_starts_that_are_refused_start_nothing(world: World, body: dict[str, Any], status: int, code: str) -> None:
    load_plans("kaggle", "gradient")
    assign_plan(None, world.cast.team, "kaggle", now=world.cast.team.created_at)
    notebook = world.notebook(Visibility.PRIVATE)
    said = world.json(world.cast.owner, "POST", f"/notebooks/{notebook.pk}/start", body, status=status)
    assert said["code"] == code, said
    assert said["next_step"]
    assert not Run.objects.exists()
    if code.startswith("plan"):
        query = "&".join(f"{name}={value}" for name, value in body.items())
        estimate = world.json(world.cast.owner, "GET", f"/notebooks/{notebook.pk}/estimate?{query}", status=status)
        assert estimate["code"] == code, "the estimate is refused exactly where starting is"


def test_one_workspace_has_one_run(world: World) -> None:
    notebook = world.notebook()
    world.run(notebook)
    said = world.json(world.cast.owner, "POST", f"/notebooks/{notebook.pk}/start", {}, status=409)
    assert said["code"] == "run.already_live"
    said = world.json(world.cast.owner, "PUT", f"/notebooks/{notebook.pk}/content", data=notebook_json(), status=409)
    assert said["code"] == "notebook.running"


@pytest.mark.parametrize("verb", ["extend", "open"])
def test_what_needs_a_running_session_says_so(world: World, verb: str) -> None:
    notebook = world.notebook()
    said = world.json(world.cast.owner, "POST", f"/notebooks/{notebook.pk}/{verb}", {}, status=409)
    assert said["code"] == "notebook.not_running"
    assert "studium notebooks start" in said["next_step"]


def test_a_cursor_of_somebody_elses_making(world: World) -> None:
    for cursor in ("x", "bnVsbA", "W10", "eyJhIjoxfQ"):
        said = world.json(world.cast.owner, "GET", f"/runs?cursor={cursor}", status=400)
        assert said["code"] == "input.cursor"
