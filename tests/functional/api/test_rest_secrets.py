"""Secrets through REST: set, listed without values, used by notebooks, refused without an echo."""

import time

import pytest
from rest_world import World

from studium.compute.engines.base import FoundMachine
from studium.compute.engines.fake import FakeEngine
from studium.compute.models import Run
from studium.compute.reconcile import place, start
from studium.compute.states import State
from studium.lib import clock
from studium.lib.units import GIB
from studium.notebooks.states import LaunchKind, Visibility

pytestmark = pytest.mark.django_db
VALUE = "correct-horse-battery-staple"


def given(run_id: str) -> dict[str, str]:
    """What the engine gets for a run when the controller has placed and started it."""
    engine = FakeEngine(time.time, [FoundMachine(name="box", vcpu=8, memory_bytes=32 * GIB)])
    place.run_pass("test", clock.now())
    start.run_pass({"fake": engine}, clock.now())
    return engine.given[run_id]


def test_what_is_set_is_listed_without_its_value(world: World) -> None:
    team, notebook = world.cast.team.slug, world.notebook()
    made = [
        world.call(world.cast.owner, "PUT", path + "/TOKEN", {"value": VALUE})
        for path in (
            f"/teams/{team}/secrets",
            f"/teams/{team}/projects/main/secrets",
            f"/notebooks/{notebook.pk}/secrets",
        )
    ]
    listed = [
        world.call(world.cast.teammate, "GET", path)
        for path in (f"/teams/{team}/secrets", f"/notebooks/{notebook.pk}/secrets", f"/notebooks/{notebook.pk}")
    ]
    for answer in (*made, *listed):
        assert answer.status_code == 200
        assert VALUE not in answer.content.decode()
    shown = world.json(world.cast.teammate, "GET", f"/notebooks/{notebook.pk}/secrets")
    assert [(s["scope"], s["project"], s["attached"], s["hidden"]) for s in shown] == [
        ("team", "", True, True),
        ("project", "main", True, True),
        ("notebook", "", True, False),
    ]
    assert shown[2]["notebook"] == notebook.pk
    assert {(s["created_by"], s["given_at"]) for s in shown} == {(world.cast.owner.username, None)}
    assert len(world.json(world.cast.owner, "GET", f"/teams/{team}/secrets")) == 2
    assert len(world.json(world.cast.owner, "GET", f"/teams/{team}/projects/main/secrets")) == 1


def test_a_notebook_is_given_what_it_is_set_to_use_and_no_answer_shows_it(world: World) -> None:
    notebook = world.notebook()
    world.json(world.cast.owner, "PUT", f"/teams/{world.cast.team.slug}/secrets/TOKEN", {"value": VALUE})
    path = f"/notebooks/{notebook.pk}/secrets"
    assert [s["attached"] for s in world.json(world.cast.owner, "GET", path)] == [False]
    assert [s["attached"] for s in world.json(world.cast.owner, "POST", f"{path}/TOKEN/attach", {})] == [True]
    body = {"kind": "execution", "machine": "cpu-small"}
    run = world.json(world.cast.teammate, "POST", f"/notebooks/{notebook.pk}/start", body, status=201)
    assert given(run["id"]) == {"TOKEN": VALUE}
    assert world.json(world.cast.owner, "GET", path)[0]["given_at"]
    for where in (f"/runs/{run['id']}", f"/runs/{run['id']}/log", f"/notebooks/{notebook.pk}", "/runs"):
        assert VALUE not in world.call(world.cast.owner, "GET", where).content.decode()
    assert VALUE not in str(Run.objects.get().spec)
    assert [s["attached"] for s in world.json(world.cast.owner, "POST", f"{path}/TOKEN/detach", {})] == [False]


def test_a_strangers_run_of_a_copy_of_a_public_notebook_has_none(world: World) -> None:
    notebook = world.notebook(Visibility.PUBLIC)
    world.json(world.cast.owner, "PUT", f"/notebooks/{notebook.pk}/secrets/TOKEN", {"value": VALUE})
    assert world.call(world.cast.stranger, "GET", f"/notebooks/{notebook.pk}/secrets").status_code == 403
    assert (
        world.call(world.cast.stranger, "POST", f"/notebooks/{notebook.pk}/start", {"kind": "session"}).status_code
        == 403
    )
    content = world.call(world.cast.stranger, "GET", f"/notebooks/{notebook.pk}/content").content.decode()
    copy = world.json(world.cast.stranger, "POST", "/notebooks", {"title": "Copy", "content": content}, status=201)
    assert world.json(world.cast.stranger, "GET", f"/notebooks/{copy['id']}/secrets") == []
    run = world.json(world.cast.stranger, "POST", f"/notebooks/{copy['id']}/start", {"kind": "execution"}, status=201)
    assert given(run["id"]) == {}


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("token", VALUE, "secret.bad_name"),
        ("STUDIUM_RUN", VALUE, "secret.reserved_name"),
        ("TOKEN", "", "secret.bad_value"),
        ("TOKEN", VALUE + "\0", "secret.bad_value"),
        ("TOKEN", VALUE * 2000, "secret.bad_value"),
        ("TOKEN", {"a": VALUE}, "input.invalid"),
        ("TOKEN", [VALUE], "input.invalid"),
    ],
)
def test_refusals_do_not_echo_the_value(world: World, name: str, value: object, code: str) -> None:
    answer = world.call(world.cast.owner, "PUT", f"/teams/{world.cast.team.slug}/secrets/{name}", {"value": value})
    assert answer.status_code == 400
    assert f'"{code}"' in answer.content.decode()
    assert VALUE not in answer.content.decode()


def test_what_is_not_there_is_said(world: World) -> None:
    notebook = world.notebook()
    world.run(notebook, State.RUNNING, LaunchKind.SESSION)
    for method, path in (
        ("DELETE", f"/teams/{world.cast.team.slug}/secrets/TOKEN"),
        ("DELETE", f"/teams/{world.cast.team.slug}/projects/main/secrets/TOKEN"),
        ("DELETE", f"/notebooks/{notebook.pk}/secrets/TOKEN"),
        ("POST", f"/notebooks/{notebook.pk}/secrets/TOKEN/attach"),
        ("POST", f"/notebooks/{notebook.pk}/secrets/TOKEN/detach"),
    ):
        body = {} if method == "POST" else None
        assert world.json(world.cast.owner, method, path, body, status=404)["code"] == "secret.unknown"
    assert world.call(world.cast.owner, "GET", f"/teams/{world.cast.team.slug}/projects/no/secrets").status_code == 404
