"""The routes of schedules at work: made, changed, paused, refused in words, and what came of their times."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_world import World

from studium.lib import clock
from studium.notebooks.models import Notebook, Schedule, Turn
from studium.notebooks.schedules import reconcile
from studium.notebooks.states import TurnState, Visibility
from studium.notebooks.versions import actions as versions

pytestmark = pytest.mark.django_db
WEEKDAYS = {"cron": " 30  7 * * 1-5", "zone": "Europe/Berlin"}


def path_of(notebook: Notebook) -> str:
    return f"/notebooks/{notebook.pk}/schedules"


def make(world: World, notebook: Notebook, **more: Any) -> Any:
    return world.json(world.cast.owner, "POST", path_of(notebook), {**WEEKDAYS, **more}, status=201)


def turn(schedule_id: str, hours_ago: int, state: TurnState = TurnState.DONE, **more: Any) -> Turn:
    due = clock.now().replace(microsecond=0) - timedelta(hours=hours_ago)
    return Turn.objects.create(schedule_id=schedule_id, due_at=due, try_at=due, state=state, **more)


def test_a_schedule_is_made_with_what_is_usual(world: World) -> None:
    notebook = world.notebook()
    made = make(world, notebook)
    next_times = made.pop("next_times")
    assert made == {
        "id": Schedule.objects.get().pk,
        "cron": "30 7 * * 1-5",
        "words": "At 07:30 on Monday through Friday",
        "zone": "Europe/Berlin",
        "machine_type": "cpu-small",
        "missed": "once",
        "overlap": "skip",
        "retries": 0,
        "keep_last": None,
        "cell_seconds": None,
        "keep_going": False,
        "notify": "failure",
        "paused": False,
        "trouble": "",
        "created_by": world.cast.owner.username,
        "created_at": made["created_at"],
    }
    times = [datetime.fromisoformat(time) for time in next_times]
    assert len(times) == 5
    assert all(
        time.tzinfo == UTC and time.minute == 30 and time.hour in (5, 6) and time.weekday() < 5 for time in times
    )
    assert times == sorted(times)
    assert times[0] == Schedule.objects.get().next_at
    assert world.json(world.cast.reader, "GET", path_of(notebook)) == [{**made, "next_times": next_times}]
    assert world.json(world.cast.reader, "GET", f"{path_of(notebook)}/{made['id']}")["id"] == made["id"]


def test_a_schedule_is_made_with_all_that_is_asked(world: World) -> None:
    asked = {"missed": "all", "overlap": "replace", "retries": 5, "keep_last": 7, "notify": "always"}
    asked |= {"cell_seconds": 90, "keep_going": True}
    made = make(world, world.notebook(), machine="cpu-medium", **asked)
    assert {name: made[name] for name in asked} == asked
    assert made["machine_type"] == "cpu-medium"


def test_a_change_leaves_what_is_not_named_and_runs_as_who_made_it(world: World) -> None:
    notebook = world.notebook()
    made = make(
        world, notebook, machine="cpu-medium", overlap="wait", retries=2, keep_last=7, notify="never", missed="all"
    )
    path = f"{path_of(notebook)}/{made['id']}"
    assert world.json(world.cast.teammate, "PATCH", path, {}) == made, "nothing to change is no change"
    changed = world.json(world.cast.teammate, "PATCH", path, {"cron": "0 9 * * *", "retries": 0, "zone": None})
    assert changed["words"] == "At 09:00 every day"
    same = ("zone", "machine_type", "missed", "overlap", "keep_last", "notify", "paused", "created_at")
    assert {name: changed[name] for name in same} == {name: made[name] for name in same}
    assert (changed["retries"], changed["created_by"]) == (0, world.cast.teammate.username)
    assert changed["next_times"] != made["next_times"]
    assert world.json(world.cast.owner, "PATCH", path, {"keep_last": None})["keep_last"] is None
    how = {"cell_seconds": 90, "keep_going": True}
    changed = world.json(world.cast.owner, "PATCH", path, how)
    assert {name: changed[name] for name in how} == how
    changed = world.json(world.cast.owner, "PATCH", path, {"cell_seconds": None, "keep_going": None})
    assert (changed["cell_seconds"], changed["keep_going"]) == (None, True)
    asked = {"zone": "UTC", "missed": "skip", "overlap": "replace", "keep_last": 3, "notify": "always"}
    changed = world.json(world.cast.owner, "PATCH", path, {**asked, "machine": "cpu-small"})
    assert {name: changed[name] for name in asked} == asked
    assert (changed["machine_type"], changed["created_by"]) == ("cpu-small", world.cast.owner.username)


def test_a_paused_one_has_no_next_times_until_it_is_resumed(world: World) -> None:
    notebook, owner = world.notebook(), world.cast.owner
    made = make(world, notebook)
    path = f"{path_of(notebook)}/{made['id']}"
    Schedule.objects.update(trouble="somebody may no longer run this notebook.")
    assert world.json(owner, "GET", path)["trouble"] == "somebody may no longer run this notebook."
    for _ in range(2):
        paused = world.json(owner, "POST", f"{path}/pause", {})
        assert (paused["paused"], paused["next_times"]) == (True, [])
    assert world.json(owner, "PATCH", path, {"retries": 1})["paused"] is True
    assert Schedule.objects.get().next_at is None
    for _ in range(2):
        resumed = world.json(owner, "POST", f"{path}/resume", {})
        assert (resumed["paused"], resumed["trouble"]) == (False, "")
        assert resumed["next_times"] == made["next_times"]


def test_a_removed_one_is_unknown_and_its_versions_stay(world: World) -> None:
    version = world.version()
    made = make(world, version.notebook)
    turn(made["id"], 1, version=version)
    path = f"{path_of(version.notebook)}/{made['id']}"
    assert world.call(world.cast.owner, "DELETE", path).status_code == 204
    assert world.json(world.cast.owner, "GET", path_of(version.notebook)) == []
    for method, tail in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/pause"), ("GET", "/turns")):
        answer = world.json(world.cast.owner, method, path + tail, {"retries": 1}, status=404)
        assert answer["code"] == "schedule.unknown"
    assert world.json(world.cast.owner, "GET", f"/notebooks/{version.notebook_id}/versions/1")["number"] == 1


def test_a_schedule_is_its_notebooks_alone(world: World) -> None:
    made, other = make(world, world.notebook()), world.notebook(title="Other")
    assert world.call(world.cast.owner, "GET", f"{path_of(other)}/{made['id']}").status_code == 404
    assert world.call(world.cast.owner, "DELETE", f"{path_of(other)}/{made['id']}").status_code == 404
    assert Schedule.objects.get().deleted_at is None


@pytest.mark.parametrize(
    ("field", "value", "code", "says"),
    [
        ("cron", "", "schedule.cron", "it needs five fields"),
        ("cron", "61 * * * *", "schedule.cron", "is no cron text"),
        ("cron", "0 0 30 2 *", "schedule.cron", "is no cron text"),
        ("cron", "* * * * *", "schedule.too_often", "every 5 min is the most often"),
        ("cron", "0 0 * * *\x1b[2J", "input.invalid", "control characters"),
        ("zone", "Mars/Olympus", "schedule.zone", "no time zone 'Mars/Olympus'"),
        ("zone", "../../etc/passwd", "schedule.zone", "no time zone"),
        ("retries", 6, "schedule.retries", "from 0 to 5"),
        ("retries", -1, "schedule.retries", "from 0 to 5"),
        ("retries", "many", "input.invalid", "retries"),
        ("keep_last", 0, "schedule.keep_last", "from 1 to 1000"),
        ("keep_last", 1001, "schedule.keep_last", "from 1 to 1000"),
        ("missed", "some", "input.invalid", "'skip', 'once' or 'all'"),
        ("overlap", "race", "input.invalid", "'skip', 'wait' or 'replace'"),
        ("notify", "twice", "input.invalid", "'never', 'failure' or 'always'"),
        ("minute", 5, "input.invalid", "minute"),
        ("paused", True, "input.invalid", "paused"),
    ],
)
def test_what_is_out_of_bounds_is_refused_in_words(world: World, field: str, value: Any, code: str, says: str) -> None:
    notebook = world.notebook()
    refused = world.json(world.cast.owner, "POST", path_of(notebook), {**WEEKDAYS, field: value}, status=400)
    assert refused["code"] == code
    assert says in refused["message"]
    assert refused["next_step"]
    assert not Schedule.objects.exists()
    made = make(world, notebook)
    path = f"{path_of(notebook)}/{made['id']}"
    assert world.json(world.cast.owner, "PATCH", path, {field: value}, status=400)["code"] == code
    assert world.json(world.cast.owner, "GET", path) == made


def test_a_schedule_needs_times_and_a_machine_that_there_is(world: World) -> None:
    notebook = world.notebook()
    assert world.json(world.cast.owner, "POST", path_of(notebook), {}, status=400)["code"] == "input.invalid"
    unknown = world.json(world.cast.owner, "POST", path_of(notebook), {**WEEKDAYS, "machine": "abacus"}, status=400)
    assert unknown["code"] == "machine.unknown"


def test_a_notebook_has_only_so_many(world: World) -> None:
    notebook = world.notebook()
    for _ in range(10):
        make(world, notebook)
    answer = world.json(world.cast.owner, "POST", path_of(notebook), WEEKDAYS, status=400)
    assert answer["code"] == "schedule.too_many"


def test_when_a_public_notebook_runs_is_the_teams(world: World) -> None:
    notebook = world.notebook(Visibility.PUBLIC)
    made = make(world, notebook)
    path = f"{path_of(notebook)}/{made['id']}"
    for asked in (path_of(notebook), path, f"{path}/turns"):
        refused = world.json(world.cast.stranger, "GET", asked, status=403)
        assert refused["code"] == "schedule.of_team"
        assert world.call(world.cast.reader, "GET", asked).status_code == 200
    for method, tail in (("PATCH", ""), ("DELETE", ""), ("POST", "/pause"), ("POST", "/resume")):
        refused = world.json(world.cast.stranger, method, path + tail, {"retries": 1}, status=403)
        assert refused["code"] == "notebook.read_only"
    assert world.json(world.cast.owner, "GET", path) == made


def test_what_came_of_its_times_newest_first_and_a_page_at_a_time(world: World) -> None:
    version = world.version()
    made, other = make(world, version.notebook), make(world, version.notebook)
    ended = clock.now()
    turn(made["id"], 3, version=version, tries=2, ended_at=ended)
    turn(made["id"], 1, TurnState.SKIPPED, message="The run before it was still going on.", ended_at=ended)
    turn(made["id"], 2, TurnState.DUE)
    turn(other["id"], 2)
    path = f"{path_of(version.notebook)}/{made['id']}/turns"
    first = world.json(world.cast.reader, "GET", f"{path}?limit=2")
    assert [(t["state"], t["version"], t["ended_at"] is None) for t in first["items"]] == [
        ("skipped", None, False),
        ("due", None, True),
    ]
    assert first["items"][0]["message"] == "The run before it was still going on."
    second = world.json(world.cast.reader, "GET", f"{path}?limit=2&cursor={first['next_cursor']}")
    (last,) = second["items"]
    assert (last["state"], last["tries"], last["version"], second["next_cursor"]) == ("done", 2, 1, "")
    assert datetime.fromisoformat(last["due_at"]) == Turn.objects.get(tries=2).due_at
    assert world.json(world.cast.owner, "GET", f"{path}?cursor=mine", status=400)["code"] == "input.cursor"


def test_a_time_that_came_is_told_with_the_version_it_made(world: World) -> None:
    notebook = world.notebook()
    made = make(world, notebook)
    now = clock.now()
    Schedule.objects.update(next_at=now)
    reconcile.note_due(now)
    reconcile.start_due(now)
    (told,) = world.json(world.cast.reader, "GET", f"{path_of(notebook)}/{made['id']}/turns")["items"]
    assert (told["state"], told["tries"], told["version"], told["message"]) == ("running", 1, 1, "")


def test_many_turns_take_as_few_queries_as_one(world: World) -> None:
    notebook = world.notebook()
    made = make(world, notebook)
    path = f"{path_of(notebook)}/{made['id']}/turns"

    def queries() -> int:
        version = versions.save_quick(world.cast.owner, notebook, now=clock.now())
        turn(made["id"], version.number, version=version)
        with CaptureQueriesContext(
            connection,
        ) as caught:
            world.json(world.cast.owner, "GET", path)
        return len(caught)

    queries()
    assert queries() == queries()
