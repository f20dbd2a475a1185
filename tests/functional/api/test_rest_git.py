"""The routes of notebooks from git: made, shown, chosen, pulled, pushed, refused in words."""

from typing import Any

import pytest
from rest_world import World

from studium.compute.models import Run
from studium.compute.states import Reason
from studium.compute.transitions import end
from studium.lib import clock
from studium.notebooks.git.models import GitWork, Repository
from studium.notebooks.git.states import Cloned, WorkState
from studium.notebooks.models import Launch, Notebook
from studium.secrets.models import Secret

pytestmark = pytest.mark.django_db
URL = "https://git.example.org/lab/churn.git"


def make(world: World, **more: Any) -> Any:
    body = {"url": URL, "team": world.cast.team.slug, "visibility": "team", **more}
    return world.json(world.cast.owner, "POST", "/notebooks/from-git", body, status=201)


def settle(notebook_id: str, state: Cloned = Cloned.READY, **more: Any) -> None:
    """As the passes leave it when the clone has ended."""
    for run in Run.objects.exclude(state="ended"):
        end(run, Reason.CANCELLED, now=clock.now(), message="")
    GitWork.objects.filter(state=WorkState.LIVE).update(state=WorkState.DONE, ended_at=clock.now())
    Launch.objects.update(settled_at=clock.now())
    Repository.objects.filter(notebook=notebook_id).update(state=state, **more)


def test_a_notebook_is_made_from_a_repository(world: World) -> None:
    made = make(world, ref="v1", depth=3, submodules=True)
    assert (made["title"], made["run"]["state"], made["run"]["kind"]) == ("churn", "queued", "git")
    shown = world.json(world.cast.reader, "GET", f"/notebooks/{made['id']}/git")
    assert {name: shown[name] for name in ("url", "ref", "depth", "submodules", "state", "code", "candidates")} == {
        "url": URL, "ref": "v1", "depth": 3, "submodules": True, "state": "cloning", "code": "", "candidates": [],
    }  # fmt: skip
    (work,) = world.json(world.cast.reader, "GET", f"/notebooks/{made['id']}/git/work")["items"]
    assert (work["verb"], work["state"], work["run"]) == ("clone", "live", made["run"]["id"])
    assert world.json(world.cast.owner, "GET", f"/notebooks/{made['id']}/git/work/{work['id']}") == work
    assert (
        world.json(world.cast.owner, "POST", f"/notebooks/{made['id']}/start", {}, status=409)["code"] == "git.cloning"
    )
    plain = world.notebook()
    assert world.json(world.cast.owner, "GET", f"/notebooks/{plain.pk}/git", status=404)["code"] == "git.unknown"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"url": "file:///etc/passwd"}, 400, "outbound.scheme"),
        ({"url": "ext::sh -c id"}, 400, "git.scheme"),
        ({"url": "--upload-pack=id"}, 400, "git.url"),
        ({"url": "https://169.254.169.254/x"}, 422, "outbound.closed"),
        ({"ref": "--upload-pack=id"}, 400, "git.ref"),
        ({"ref": "a..b"}, 400, "git.ref"),
        ({"path": "../x.ipynb"}, 400, "git.path"),
        ({"secret": "NOWHERE"}, 404, "secret.unknown"),
        ({"username": "a b"}, 400, "git.username"),
        ({"depth": -1}, 400, "input.invalid"),
        ({"url": "https://h.example/x\u0000"}, 400, "input.invalid"),
    ],
)
def test_what_is_refused_is_said_and_nothing_is_made(
    world: World, body: dict[str, Any], status: int, code: str
) -> None:
    asked = {"url": URL, "team": world.cast.team.slug, **body}
    assert world.json(world.cast.owner, "POST", "/notebooks/from-git", asked, status=status)["code"] == code
    assert not Notebook.objects.exists()


def test_choose_pull_push_and_credentials(world: World) -> None:
    name = make(world)["id"]
    path = f"/notebooks/{name}/git"
    settle(name, Cloned.CHOOSING, candidates=["a.ipynb", "b.ipynb"])
    assert world.json(world.cast.owner, "POST", f"{path}/choose", {"path": "c.ipynb"}, status=400)["code"] == "git.path"
    assert world.json(world.cast.teammate, "POST", f"{path}/choose", {"path": "b.ipynb"})["state"] == "taking"
    settle(name, Cloned.NONE)
    assert world.json(world.cast.owner, "POST", f"{path}/choose", {})["state"] == "ready"
    work = world.json(world.cast.owner, "POST", f"{path}/pull", {"keep": True}, status=201)
    assert (work["verb"], GitWork.objects.get(pk=work["id"]).asked) == ("pull", {"keep": True})
    assert world.json(world.cast.owner, "POST", f"{path}/check", {}, status=409)["code"] == "run.already_live"
    settle(name)
    assert world.json(world.cast.owner, "POST", f"{path}/push", {"message": " "}, status=400)["code"] == "git.message"
    work = world.json(world.cast.owner, "POST", f"{path}/push", {"message": "why", "branch": "mine"}, status=201)
    GitWork.objects.filter(pk=work["id"]).update(state="failed", code="git.behind", message="It is behind.")
    work = world.json(world.cast.owner, "GET", f"{path}/work/{work['id']}")
    assert (work["code"], work["next_step"]) == ("git.behind", "Pull, then push again.")
    settle(name, Cloned.FAILED)
    work = world.json(world.cast.owner, "POST", f"{path}/clone", {"url": URL, "ref": "dev"}, status=201)
    assert (work["verb"], world.json(world.cast.owner, "GET", path)["ref"]) == ("clone", "dev")
    settle(name)
    world.json(world.cast.owner, "PUT", f"/teams/{world.cast.team.slug}/secrets/GIT_TOKEN", {"value": "a token"})
    shown = world.json(world.cast.owner, "PATCH", path, {"secret": "GIT_TOKEN", "username": "ada"})
    assert (shown["secret"], shown["username"]) == ("GIT_TOKEN", "ada")
    assert Secret.objects.count() == 1
