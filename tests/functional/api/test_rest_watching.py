"""What REST tells of a run over its life: lines of its log by their text, and what it used, live and kept."""

import pytest
from rest_world import World

from factories.use import use_of
from studium.compute.models import Run
from studium.compute.reconcile import reclaim
from studium.compute.states import Reason
from studium.compute.transitions import end
from studium.lib import clock

pytestmark = pytest.mark.django_db


def begun(world: World) -> Run:
    """A run that the engine knows and that has printed and used something."""
    run = world.run()
    lines = "".join(f"epoch {n} loss {1 / n:.3f}\n" for n in range(1, 101))
    world.engine._state["runs"][run.pk] = {
        "log": lines, "series": use_of(), "started": 0.0, "ready": 0.0, "stop_at": None, "ended": 1.0, "exit_code": 0,
        "cause": "exit", "message": "", "service": None, "volume": None, "spec": {},
    }  # fmt: skip
    return run


def ended_and_reclaimed(world: World, run: Run) -> None:
    now = clock.now()
    end(run, Reason.FINISHED, now=now)
    Run.objects.filter(pk=run.pk).update(due_at=now)
    assert reclaim.run_pass({"fake": world.engine}, now) == 1
    run.refresh_from_db()


def test_a_log_is_searched_while_the_run_goes_on_and_after_it(world: World) -> None:
    owner, run = world.cast.owner, begun(world)
    path = f"/runs/{run.pk}/log/search?text=EPOCH+42&context=1"
    live = world.json(owner, "GET", path)
    assert live == {
        "hits": [{
            "line": 42, "offset": live["hits"][0]["offset"], "text": "epoch 42 loss 0.024",
            "before": ["epoch 41 loss 0.024"], "after": ["epoch 43 loss 0.023"],
        }],
        "more": False,
    }  # fmt: skip
    part = world.json(owner, "GET", f"/runs/{run.pk}/log?offset={live['hits'][0]['offset']}")
    assert part["text"].startswith("epoch 42 ")
    first = world.json(owner, "GET", f"/runs/{run.pk}/log/search?text=loss&limit=60&context=0")
    assert (len(first["hits"]), first["more"]) == (60, True)
    rest = world.json(owner, "GET", f"/runs/{run.pk}/log/search?text=loss&after={first['hits'][-1]['line']}")
    assert (len(rest["hits"]), rest["more"]) == (40, False)
    assert world.json(owner, "GET", f"/runs/{run.pk}/log/search?text=%20", status=400)["code"] == "log.search_text"
    assert world.call(owner, "GET", f"/runs/{run.pk}/log/search").status_code == 400


def test_what_was_used_is_told_and_kept(world: World) -> None:
    owner, run = world.cast.owner, begun(world)
    told = world.json(owner, "GET", f"/runs/{run.pk}/use")
    assert [(line["what"], line["mean"], line["peak"]) for line in told["lines"][:1]] == [("cpu_cores", 0.8, 2.0)]
    assert (told["step_seconds"], told["simulated"], told["lines"][0]["values"][:4]) == (2.0, False, [0, 1, None, 0])
    log = world.json(owner, "GET", f"/runs/{run.pk}/log/search?text=42")
    ended_and_reclaimed(world, run)
    assert world.engine.read_series(run.pk) is None
    assert world.json(owner, "GET", f"/runs/{run.pk}/use") == told
    assert world.json(owner, "GET", f"/runs/{run.pk}/log/search?text=42") == log


def test_a_run_that_waits_has_used_nothing(world: World) -> None:
    run = world.run(to=None)
    told = world.json(world.cast.owner, "GET", f"/runs/{run.pk}/use")
    assert (told["lines"], told["started_at"]) == ([], None)
    assert world.json(world.cast.owner, "GET", f"/runs/{run.pk}/log/search?text=x") == {"hits": [], "more": False}
