"""The routes at work: notebooks, runs, queue and usage, as a person goes through them."""

import json

import pytest
from rest_world import World

from factories.compute import drive, make_accelerator
from factories.notebooks import notebook_json
from studium.compute.engines.base import Usage
from studium.compute.models import MachineType, Run
from studium.compute.reconcile import place, watch
from studium.compute.reconcile import start as start_pass
from studium.compute.states import Reason, State
from studium.lib import clock
from studium.lib.units import GIB
from studium.notebooks.models import Notebook
from studium.notebooks.reconcile import settle_ended
from studium.plans.actions import load_plan
from studium.plans.rules import PlanRules

pytestmark = pytest.mark.django_db


def test_a_notebook_from_making_to_deleting(world: World) -> None:
    owner, team = world.cast.owner, world.cast.team.slug
    made = world.json(
        owner,
        "POST",
        "/notebooks",
        {"title": "Churn", "team": team, "content": notebook_json("1").decode()},
        status=201,
    )
    assert (made["name"], made["cells"], made["may_change"], made["run"]) == (f"{team}/churn", 1, True, None)
    changed = world.json(owner, "PATCH", f"/notebooks/{made['id']}", {"title": "Loss", "visibility": "team"})
    assert (changed["title"], changed["visibility"]) == ("Loss", "team")
    replaced = world.call(owner, "PUT", f"/notebooks/{made['id']}/content", data=notebook_json("1", "2"))
    assert json.loads(replaced.content)["cells"] == 2
    got = world.call(world.cast.reader, "GET", f"/notebooks/{made['id']}/content")
    assert len(json.loads(got.content)["cells"]) == 2
    assert got["Content-Disposition"].startswith("attachment")
    assert world.call(owner, "DELETE", f"/notebooks/{made['id']}").status_code == 204
    assert world.call(owner, "GET", f"/notebooks/{made['id']}").status_code == 404


def test_a_blank_notebook_in_a_language(world: World) -> None:
    owner = world.cast.owner
    made = world.json(owner, "POST", "/notebooks", {"title": "Yields", "language": "r"}, status=201)
    assert made["language"] == "R"
    for language, content, code in (
        ("cobol", None, "notebook.language_unknown"),
        ("typescript", None, "notebook.language_missing"),  # the environment that has it is not built here
        ("r", notebook_json("1").decode(), "notebook.language_given"),
    ):
        body = {"title": "No", "language": language, "content": content}
        answer = world.call(owner, "POST", "/notebooks", body)
        assert code in answer.content.decode()
        assert 400 <= answer.status_code < 500


def test_an_upload_takes_the_files_name(world: World) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.test import Client

    file = SimpleUploadedFile("Loss curves.ipynb", notebook_json("1"))
    answer = Client().post(
        "/rest/notebooks/upload",
        {"file": file, "internet": "true"},
        headers={"Authorization": f"Bearer {world.token(world.cast.owner)}"},
    )
    assert answer.status_code == 201, answer.content
    assert (answer.json()["title"], answer.json()["internet"]) == ("Loss curves", True)


def test_notebooks_are_found_by_name_and_title(world: World) -> None:
    owner, team = world.cast.owner, world.cast.team.slug
    first = world.notebook(title="Churn")
    world.notebook(title="Loss")

    def found(query: str) -> list[str]:
        return [item["id"] for item in world.json(owner, "GET", f"/notebooks?{query}")["items"]]

    assert found(f"name={team}/churn") == [first.pk]
    assert found("name=churn") == [first.pk]
    assert found(f"name={first.pk}") == [first.pk]
    assert found("title=Churn") == [first.pk]
    assert found("q=chu") == [first.pk]
    assert found("title=Chur") == []
    assert len(found(f"team={team}&project=main")) == 2


def test_pages_of_a_listing_join_without_gap_or_repeat(world: World) -> None:
    made = {world.notebook(title=f"N{i}").pk for i in range(7)}
    seen: list[str] = []
    cursor = ""
    for _ in range(10):
        page = world.json(world.cast.owner, "GET", f"/notebooks?limit=3&cursor={cursor}")
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert len(seen) == 7
    assert set(seen) == made


def test_a_run_from_the_queue_to_its_document(world: World) -> None:
    owner, notebook = world.cast.owner, world.notebook()
    estimate = world.json(owner, "GET", f"/notebooks/{notebook.pk}/estimate?machine=cpu-small&kind=execution")
    assert estimate["wait"] is None
    assert "starts at once" in estimate["words"]
    body = {"kind": "execution", "machine": "cpu-small", "max_seconds": 600}
    run = world.json(owner, "POST", f"/notebooks/{notebook.pk}/start", body, status=201)
    assert (run["state"], run["max_seconds"], run["document"], run["notebook"]) == ("queued", 600, "none", notebook.pk)
    assert world.json(owner, "GET", f"/runs/{run['id']}/document", status=409)["code"] == "run.no_document_yet"

    world.engine.set_machines([])
    row = drive(Run.objects.get(pk=run["id"]), State.RUNNING, now=clock.now())
    Run.objects.filter(pk=row.pk).update(progress={"cell": 2, "of": 5, "code_cell": 2, "code_cells": 4, "elapsed": 1.5})
    running = world.json(owner, "GET", f"/runs/{run['id']}")
    assert (running["progress"]["cell"], running["progress"]["cells"]) == (2, 5)
    assert running["time_ends_at"] is not None
    assert world.json(owner, "GET", f"/notebooks/{notebook.pk}")["run"]["id"] == run["id"]

    stopped = world.json(owner, "POST", f"/runs/{run['id']}/stop", {"reason": "wrong data"})
    assert stopped["state"] == "stopping"
    assert "wrong data" in stopped["words"]
    assert world.json(owner, "POST", f"/runs/{run['id']}/stop", {})["state"] == "stopping", "stopping twice is no error"


def test_the_passes_show_in_what_is_told(world: World) -> None:
    """Placed, started, watched and ended by the controller's own passes."""
    owner, notebook = world.cast.owner, world.notebook()
    from factories.compute import Machine

    Machine.objects.all().delete()
    from studium.compute.reconcile import machines

    engines = {"fake": world.engine}
    machines.run_pass(engines, clock.now())
    run = world.json(owner, "POST", f"/notebooks/{notebook.pk}/start", {"kind": "execution"}, status=201)
    place.run_pass("test", clock.now())
    start_pass.run_pass(engines, clock.now())
    world.engine.output(run["id"], "héllo\n".encode())
    world.engine.observe(run["id"], usage=Usage(memory_bytes=GIB, memory_peak_bytes=GIB))
    watch.run_pass(engines, clock.now())
    assert world.json(owner, "GET", f"/runs/{run['id']}")["state"] == "running"
    failed = {"cell": 1, "of": 1, "code_cell": 1, "code_cells": 1, "elapsed": 2}
    failed_with = {**failed, "error": {"cell": 1, "name": "ValueError", "message": "no such column"}}
    world.engine.observe(run["id"], progress=failed_with)
    world.engine.finish(run["id"], exit_code=1)
    Run.objects.filter(pk=run["id"]).update(due_at=clock.now())
    watch.run_pass(engines, clock.now())
    told = world.json(owner, "GET", f"/runs/{run['id']}")
    assert (told["state"], told["reason"], told["outcome"], told["document"]) == ("ended", "failed", "bad", "partial")
    assert told["progress"]["error"] == {"cell": 1, "name": "ValueError", "message": "no such column"}
    assert "no such column" in told["words"]
    assert told["advice"]
    settle_ended(engines, clock.now())
    assert world.json(owner, "GET", f"/runs/{run['id']}")["document"] == "final"
    assert world.call(owner, "GET", f"/runs/{run['id']}/document").status_code == 200


def test_a_log_is_cut_between_characters(world: World) -> None:
    run = world.run()
    world.engine._state["runs"][run.pk] = {"log": ""}
    Run.objects.filter(pk=run.pk).update(machine="box")
    text = "aé€😀z" * 3
    world.engine.output(run.pk, text.encode())
    for limit in (4, 5, 7):
        got, offset = "", 0
        for _ in range(60):
            part = world.json(world.cast.owner, "GET", f"/runs/{run.pk}/log?offset={offset}&limit={limit}")
            got += part["text"]
            if part["next_offset"] == offset:
                break
            offset = part["next_offset"]
        assert got == text, limit
        assert part["ended"] is False


def test_bytes_that_are_no_text_do_not_stop_a_log(world: World) -> None:
    run = world.run()
    world.engine._state["runs"][run.pk] = {"log": ""}
    world.engine.output(run.pk, b"ok \xff\xfe\x80\x80\x80\x80\x80 end")
    part = world.json(world.cast.owner, "GET", f"/runs/{run.pk}/log")
    assert part["text"].startswith("ok ")
    assert part["text"].endswith(" end")
    assert part["next_offset"] == 14


def test_the_queue_tells_others_only_what_they_may_know(world: World) -> None:
    run = world.run(to=None)
    own = world.json(world.cast.reader, "GET", "/queue")[0]
    assert (own["run"], own["title"], own["team"]) == (run.pk, "A notebook", world.cast.team.slug)
    others = world.json(world.cast.stranger, "GET", "/queue")[0]
    assert (others["run"], others["title"], others["team"], others["user"]) == ("", "", "", "")
    assert others["machine_type"] == "cpu-small"


def test_a_wait_is_told_with_place_and_expected_start(world: World) -> None:
    make_accelerator_types()
    from studium.compute.models import Machine

    make_accelerator(Machine.objects.get(pk="box"), "P100")
    from studium.notebooks import actions
    from studium.notebooks.states import LaunchKind

    first = actions.start(world.cast.owner, world.notebook(), LaunchKind.SESSION, "p100", now=clock.now())
    place.run_pass("test", clock.now())
    second = actions.start(world.cast.owner, world.notebook(), LaunchKind.SESSION, "p100", now=clock.now())
    place.run_pass("test", clock.now())
    told = world.json(world.cast.owner, "GET", f"/runs/{second.pk}")
    assert Run.objects.get(pk=first.pk).state == State.ASSIGNED
    assert told["simulated"] is True
    estimate = world.json(world.cast.owner, "GET", f"/notebooks/{world.notebook().pk}/estimate?machine=p100")
    assert estimate["simulated"] is True
    assert "P100 (simulated): " in estimate["words"]
    assert told["wait"]["place"] == 1
    assert told["wait"]["expected_at"]
    assert "Place 1 for P100: about" in told["wait"]["words"]
    estimate = world.json(world.cast.owner, "GET", f"/notebooks/{world.notebook().pk}/estimate?machine=P100")
    assert estimate["wait"]["place"] == 2, "behind the one that waits already"
    kinds = {kind["slug"]: kind for kind in world.json(world.cast.owner, "GET", "/machines/types")}
    assert (kinds["p100"]["free"], kinds["p100"]["waiting"], kinds["p100"]["simulated"]) == (0, 1, True)


def make_accelerator_types() -> None:
    from studium.compute.actions import load_machine_types
    from studium.plans.machine_types import MachineTypeSpec

    spec = MachineTypeSpec(
        slug="p100",
        label="P100",
        vcpu=2,
        memory_bytes=4 * GIB,
        accelerator_kind="P100",
        accelerator_count=1,
        machine_class="gpu",
    )
    load_machine_types([spec])


def test_usage_explains_every_charge(world: World) -> None:
    from datetime import timedelta

    from studium.plans.actions import assign_plan, begin_charging, charge, take_claim

    now = clock.now()
    rules = PlanRules.model_validate({"windows": [{"resource": "cpu", "seconds": "10h", "kind": "weekly"}]})
    load_plan("tight", "Tight", "", rules, now=now)
    assign_plan(None, world.cast.team, "tight", now=now)
    MachineType.objects.filter(pk="cpu-small").update(price_micros_hour=1_000_000)
    run = world.run()
    take_claim(
        run.pk, world.cast.team, user_id=world.cast.owner.pk, machine_type="cpu-small", resource="cpu", kind="cpu", devices=1,
        price_micros_hour=1_000_000, hold_seconds=3600, now=now,
    )  # fmt: skip
    begin_charging(run.pk, since=now - timedelta(minutes=30))
    charge(run.pk, until=now)
    told = world.json(world.cast.teammate, "GET", f"/usage?team={world.cast.team.slug}")
    assert (told["plan"], told["cost_micros"], told["seconds_by_resource"]) == ("tight", 500_000, {"cpu": 1800})
    line = told["lines"][0]
    assert (line["run"], line["title"], line["seconds"], line["cost"]) == (run.pk, "A notebook", 1800, "$0.50")
    assert "on cpu-small at" in line["words"]
    assert line["words"] == "30 min on cpu-small at $1.00/h: $0.50"
    allowance = told["allowances"][0]
    assert allowance["limit_seconds"] == 36000
    assert allowance["used_seconds"] + allowance["held_seconds"] + allowance["left_seconds"] == 36000
    assert world.json(world.cast.teammate, "GET", f"/runs/{run.pk}")["cost"] == "$0.50"


def test_extending_and_opening_a_session(world: World) -> None:
    from studium.notebooks.states import LaunchKind

    notebook = world.notebook()
    run = world.run(notebook, kind=LaunchKind.SESSION)
    Run.objects.filter(pk=run.pk).update(max_seconds=3600)
    extended = world.json(world.cast.owner, "POST", f"/notebooks/{notebook.pk}/extend", {"seconds": 1800})
    assert extended["max_seconds"] == 5400
    opened = world.json(world.cast.owner, "POST", f"/notebooks/{notebook.pk}/open", {})
    assert opened["url"].startswith(f"http://{notebook.label}.localhost")
    assert "/-/enter?ticket=" in opened["url"]


def test_an_ended_run_is_told_whole(world: World) -> None:
    from studium.compute.transitions import end

    run = world.run()
    end(
        run, Reason.OUT_OF_MEMORY, now=clock.now(), message="Out of memory: it needed more than the 4 GiB of cpu-small."
    )
    told = world.json(world.cast.owner, "GET", f"/runs/{run.pk}")
    assert told["words"] == "Out of memory: it needed more than the 4 GiB of cpu-small."
    assert told["advice"].startswith("Choose a machine with more memory")
    assert (told["wait"], told["time_ends_at"]) == (None, None)
    assert Notebook.objects.count() == 1


def test_a_kernel_that_does_not_exist_is_no_cells_fault(world: World) -> None:
    run = world.run()
    world.engine._state["runs"][run.pk] = {
        "started": 0.0, "ready": 0.0, "stop_at": None, "ended": None, "exit_code": None, "cause": None, "message": "", "log": "",
        "service": None, "volume": None, "spec": {},
    }  # fmt: skip
    error = {"cell": None, "name": "NoSuchKernel", "message": "This environment has no kernel named 'nokernel'."}
    world.engine.observe(
        run.pk, progress={"cell": 0, "of": 1, "code_cell": 0, "code_cells": 1, "elapsed": 0.1, "error": error}
    )
    world.engine.finish(run.pk, exit_code=3)
    Run.objects.filter(pk=run.pk).update(due_at=clock.now(), machine="box")
    watch.run_pass({"fake": world.engine}, clock.now())
    told = world.json(world.cast.owner, "GET", f"/runs/{run.pk}")
    assert told["words"] == "Failed: NoSuchKernel: This environment has no kernel named 'nokernel'."
    assert told["progress"]["error"]["cell"] is None
