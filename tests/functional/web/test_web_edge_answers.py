"""What the web process tells the edge: who may enter, until when, and what a page may follow."""

import json
from typing import Any

import pytest
from django.test import Client
from scenes import Scene, client_of

from factories.accounts import NOW
from factories.compute import load_plans
from studium.accounts import actions as accounts
from studium.accounts.models import User
from studium.compute.models import Run
from studium.config.options import options
from studium.notebooks import actions
from studium.notebooks.models import Notebook
from studium.notebooks.states import LaunchKind, Visibility
from studium.plans.actions import assign_plan


def ask(verb: str, **question: str) -> dict[str, Any] | None:
    response = Client(headers={"host": "localhost", "X-Studium-Edge-Key": options().edge_key}).post(
        f"/-/edge/{verb}", json.dumps(question), content_type="application/json"
    )
    assert response.status_code in (200, 404)
    return response.json() if response.status_code == 200 else None


def topics(user: User, query: str) -> list[str]:
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in client_of(user).cookies.items())
    answer = ask("topics", cookie=cookie, query=query)
    assert answer is not None
    return [topic for topic in answer["topics"] if topic != "machines"]


def enter(client: Client, notebook: Notebook, label: str) -> str:
    """Go in by the browser's way; returns who the edge's cookie then names."""
    address = client.get(f"/open/{label}")["Location"]
    ticket = address.partition("ticket=")[2]
    granted = ask("redeem", ticket=ticket, label=label)
    assert granted is not None, address
    return str(granted["user"])


def allowed(label: str, user: str) -> bool:
    answer = ask("allowed", label=label, user=user)
    return bool(answer and answer["allowed"])


def test_only_the_edge_is_answered(scene: Scene) -> None:
    for key in ("", "x", options().edge_key + "x"):
        response = Client(headers={"host": "localhost", "X-Studium-Edge-Key": key}).post(
            "/-/edge/resolve", "{}", content_type="application/json"
        )
        assert response.status_code == 404


def test_a_private_notebooks_run_is_followed_by_its_own_people_only(scene: Scene) -> None:
    run = actions.start(scene.cast.owner, scene.quiet, LaunchKind.EXECUTION, "cpu-small", now=NOW)
    assert topics(scene.cast.owner, f"run={run.pk}") == [f"run:{run.pk}"]
    assert topics(scene.cast.operator, f"run={run.pk}") == [f"run:{run.pk}"]
    for who in ("teammate", "reader", "stranger"):
        assert topics(getattr(scene.cast, who), f"run={run.pk}&notebook={scene.quiet.pk}") == []
    assert topics(scene.cast.reader, f"run={scene.running.pk}") == [f"run:{scene.running.pk}"]


@pytest.mark.parametrize(("plan", "terminal"), [("open", True), ("gradient-free", False), ("gradient-pro", True)])
def test_the_edge_is_told_whether_the_plan_has_terminals(scene: Scene, plan: str, terminal: bool) -> None:
    """At each look, so that a plan that is taken away is taken away from what runs."""
    load_plans("gradient")
    Run.objects.filter(pk=scene.running.pk).update(endpoint="/run/x.sock")
    assign_plan(None, scene.cast.team, plan, now=NOW)
    answer = ask("resolve", label=scene.notebook.label)
    assert answer is not None
    assert (answer["kind"], answer["terminal"]) == ("unix", terminal)


def test_the_right_to_a_session_ends_with_what_it_stood_on(scene: Scene) -> None:
    cast, label = scene.cast, scene.notebook.label
    who = enter(client_of(cast.teammate), scene.notebook, label)
    assert allowed(label, who)
    Notebook.objects.filter(pk=scene.notebook.pk).update(visibility=Visibility.PRIVATE)
    assert not allowed(label, who), "it was made private"
    Notebook.objects.filter(pk=scene.notebook.pk).update(visibility=Visibility.TEAM)
    accounts.set_active(cast.operator, cast.teammate, False, now=NOW)
    assert not allowed(label, who), "the person was deactivated"
    accounts.set_active(cast.operator, cast.teammate, True, now=NOW)
    accounts.remove_member(cast.owner, cast.team, cast.teammate, now=NOW)
    assert not allowed(label, who), "the person left the team"


def test_signing_out_ends_what_was_entered(scene: Scene) -> None:
    client, label = client_of(scene.cast.owner), scene.notebook.label
    who, reading = enter(client, scene.notebook, label), enter(client, scene.notebook, f"doc-{label}")
    elsewhere = enter(client_of(scene.cast.owner), scene.notebook, label)
    assert allowed(label, who)
    assert allowed(f"doc-{label}", reading)
    client.post("/accounts/logout/")
    assert not allowed(label, who)
    assert not allowed(f"doc-{label}", reading)
    assert allowed(label, elsewhere), "another browser of the same person stays in"


def test_nonsense_opens_nothing(scene: Scene) -> None:
    for user in ("", "0", "x", "-1", "1.x", "9" * 40, "1.9.9"):
        assert not allowed(scene.notebook.label, user)
