"""Schedules by the Python client and the `studium` command: made, changed, paused, and told in the schedule's zone."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from live import Cli, World

from factories.notebooks import make_notebook
from studium.cli.schedules import _local
from studium.client import ApiError
from studium.lib import clock
from studium.notebooks.models import Notebook, Schedule, Turn
from studium.notebooks.states import TurnState, Visibility
from studium.notebooks.versions import actions as versions

pytestmark = pytest.mark.django_db
WEEKDAYS = "30 7 * * 1-5"


@pytest.fixture
def notebook(world: World) -> Notebook:
    return make_notebook(world.cast.owner, world.cast.team, "Churn", visibility=Visibility.TEAM, now=clock.now())


def words(text: str) -> str:
    """The text without the line breaks of an 80-column terminal."""
    return " ".join(text.split())


def add(cli: Cli, *more: str) -> str:
    """The id of a schedule that was added."""
    added = cli("notebooks", "schedule", "add", "churn", "--cron", WEEKDAYS, *more, "--json")
    assert added.exit_code == 0, added.output
    return str(json.loads(added.stdout)["id"])


def turned(schedule_id: str, hours_ago: int, state: TurnState, **more: object) -> Turn:
    due = clock.now() - timedelta(hours=hours_ago)
    return Turn.objects.create(schedule_id=schedule_id, due_at=due, try_at=due, state=state, tries=1, **more)


def test_the_client_makes_changes_pauses_and_removes(world: World, notebook: Notebook) -> None:
    with world.client(world.cast.owner) as studium:
        schedules = studium.notebooks.schedules
        made = schedules.create(
            notebook.pk, WEEKDAYS, zone="Europe/Berlin", machine="cpu-medium", missed="all", overlap="wait",
            retries=2, keep_last=7, notify="always",
        )  # fmt: skip
        assert schedules.get(notebook.pk, made.id) == made
        assert schedules.all(notebook.pk) == [made]
        assert (made.zone, made.machine_type, made.missed, made.overlap) == (
            "Europe/Berlin",
            "cpu-medium",
            "all",
            "wait",
        )
        assert (made.retries, made.keep_last, made.notify) == (2, 7, "always")
        assert (len(made.next_times), made.next_times[0].tzinfo) == (5, UTC)
        plain = schedules.create(notebook.pk, WEEKDAYS)
        assert (plain.zone, plain.missed, plain.overlap, plain.retries) == ("UTC", "once", "skip", 0)
        assert (plain.keep_last, plain.notify) == (None, "failure")
        changed = schedules.update(notebook.pk, made.id, retries=0)
        assert (changed.retries, changed.keep_last, changed.cron) == (0, 7, WEEKDAYS)
        assert schedules.update(notebook.pk, made.id, keep_all=True).keep_last is None
        assert schedules.pause(notebook.pk, made.id).next_times == []
        assert schedules.resume(notebook.pk, made.id).next_times == made.next_times
        schedules.delete(notebook.pk, made.id)
        with pytest.raises(ApiError) as caught:
            schedules.get(notebook.pk, made.id)
        assert (caught.value.code, caught.value.status) == ("schedule.unknown", 404)


def test_the_client_reads_what_came_of_the_times(world: World, notebook: Notebook) -> None:
    version = versions.save_quick(world.cast.owner, notebook, now=clock.now())
    with world.client(world.cast.owner) as studium:
        schedules = studium.notebooks.schedules
        made = schedules.create(notebook.pk, WEEKDAYS)
        for hours in range(1, 4):
            turned(made.id, hours, TurnState.DONE, version=version)
        page = schedules.turns_page(notebook.pk, made.id, limit=2)
        rest = schedules.turns_page(notebook.pk, made.id, cursor=page.next_cursor)
        found = list(schedules.turns(notebook.pk, made.id))
        assert [*page.items, *rest.items] == found
        assert [(turn.state, turn.tries, turn.version) for turn in found] == [("done", 1, 1)] * 3
        assert found[0].due_at > found[1].due_at > found[2].due_at


@pytest.mark.usefixtures("notebook")
class TestCommand:
    def test_adding_prints_the_next_five_times_in_its_zone(self, world: World, cli: Cli) -> None:
        added = cli("notebooks", "schedule", "add", "churn", "--cron", WEEKDAYS, "--zone", "America/New_York")
        assert added.exit_code == 0, added.output
        made = Schedule.objects.get()
        said = words(added.stdout)
        name = f"{world.cast.team.slug}/churn"
        assert f"Scheduled {name} as {made.pk} on cpu-small: At 07:30 on Monday through Friday" in said
        times = [line.strip() for line in added.stdout.splitlines() if line.startswith("  ")]
        assert len(times) == 5
        assert all(" 07:30 E" in time for time in times), times
        assert made.next_at is not None
        assert times[0] == f"{made.next_at.astimezone(ZoneInfo('America/New_York')):%a %Y-%m-%d %H:%M %Z}"

    def test_every_option_arrives(self, cli: Cli) -> None:
        options = (
            "--zone Europe/Berlin --machine cpu-medium --missed all --overlap replace --retries 2 --keep-last 7 "
            "--notify always"
        )
        made = Schedule.objects.get(pk=add(cli, *options.split()))
        assert (made.zone, made.machine_type, made.missed, made.overlap) == (
            "Europe/Berlin",
            "cpu-medium",
            "all",
            "replace",
        )
        assert (made.retries, made.keep_last, made.notify) == (2, 7, "always")
        other = "--zone UTC -m cpu-small --missed skip --overlap wait --retries 0 --keep-last 8 --notify never"
        changed = cli("notebooks", "schedule", "change", "churn", made.pk, "--cron", "0 9 * * *", *other.split())
        assert changed.exit_code == 0, changed.output
        assert "At 09:00 every day (UTC). Next:" in words(changed.stdout)
        made.refresh_from_db()
        assert (made.cron, made.zone, made.machine_type, made.missed) == ("0 9 * * *", "UTC", "cpu-small", "skip")
        assert (made.overlap, made.retries, made.keep_last, made.notify) == ("wait", 0, 8, "never")
        told = json.loads(cli("notebooks", "schedule", "change", "churn", made.pk, "--keep-all", "--json").stdout)
        assert (told["keep_last"], told["notify"]) == (None, "never")
        change = ("notebooks", "schedule", "change", "churn", made.pk, "--json")
        told = json.loads(cli(*change, "--cell-timeout", "10min", "--keep-going").stdout)
        assert (told["cell_seconds"], told["keep_going"]) == (600, True)
        told = json.loads(cli(*change, "--cell-timeout", "none", "--stop-on-error").stdout)
        assert (told["cell_seconds"], told["keep_going"]) == (None, False)

    def test_what_there_is_is_listed_within_a_terminal(self, cli: Cli) -> None:
        empty = words(cli("notebooks", "schedule", "list", "churn").stdout)
        assert "No schedules. Make one: studium notebooks schedule add churn" in empty
        made = add(cli, "--zone", "Europe/Berlin")
        listed = cli("notebooks", "schedule", "list", "churn")
        assert max(len(line) for line in listed.stdout.splitlines()) <= 80
        assert made in listed.stdout
        assert "07:30 CE" in words(listed.stdout)
        told = json.loads(cli("notebooks", "schedule", "list", "churn", "--json").stdout)
        assert [(each["id"], each["zone"], len(each["next_times"])) for each in told] == [(made, "Europe/Berlin", 5)]
        Schedule.objects.update(paused=True, next_at=None, trouble="Ann may no longer run this notebook.")
        listed = cli("notebooks", "schedule", "list", "churn")
        assert "paused:" in listed.stdout
        assert "Ann" in listed.stdout

    def test_pausing_resuming_and_removing(self, world: World, cli: Cli) -> None:
        made = add(cli)
        name = f"{world.cast.team.slug}/churn"
        assert words(cli("notebooks", "schedule", "pause", "churn", made).stdout) == f"Paused {made} of {name}."
        changed = words(cli("notebooks", "schedule", "change", "churn", made, "--retries", "1").stdout)
        assert changed.endswith("(UTC). Paused.")
        resumed = words(cli("notebooks", "schedule", "resume", "churn", made).stdout)
        assert f"Resumed {made} of {name}: At 07:30 on Monday through Friday (UTC). Next:" in resumed
        assert json.loads(cli("notebooks", "schedule", "pause", "churn", made, "--json").stdout)["paused"] is True
        assert json.loads(cli("notebooks", "schedule", "resume", "churn", made, "--json").stdout)["paused"] is False
        assert f"Removed {made} of {name}." in words(cli("notebooks", "schedule", "remove", "churn", made).stdout)
        assert cli("notebooks", "schedule", "remove", "churn", made).exit_code == 2
        other = add(cli)
        told = cli("notebooks", "schedule", "remove", "churn", other, "--json")
        assert json.loads(told.stdout) == {"deleted": other}

    def test_what_came_of_its_times(self, world: World, cli: Cli, notebook: Notebook) -> None:
        made = add(cli, "--zone", "Asia/Tokyo")
        assert "None of its times has come yet." in cli("notebooks", "schedule", "turns", "churn", made).stdout
        version = versions.save_quick(world.cast.owner, notebook, now=clock.now())
        turned(made, 2, TurnState.DONE, version=version)
        newest = turned(made, 1, TurnState.SKIPPED, message="The run before it was still going on.")
        listed = cli("notebooks", "schedule", "turns", "churn", made).stdout
        assert max(len(line) for line in listed.splitlines()) <= 80
        assert listed.splitlines()[1].startswith(
            f"{newest.due_at.astimezone(ZoneInfo('Asia/Tokyo')):%a %Y-%m-%d %H:%M} JST"
        )
        assert "skipped" in listed.splitlines()[1]
        told = json.loads(cli("notebooks", "schedule", "turns", "churn", made, "--limit", "1", "--json").stdout)
        assert [(turn["state"], turn["version"]) for turn in told] == [("skipped", None)]

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            (("--cron", "every day"), "Write five fields"),
            (("--cron", "* * * * *"), "every 5 min is the most often"),
            (("--zone", "Mars/Olympus"), "There is no time zone 'Mars/Olympus'."),
            (("--retries", "6"), "Retries go from 0 to 5."),
            (("--keep-last", "0"), "The versions to keep go from 1 to 1000."),
            (("--missed", "some"), "missed"),
            (("--machine", "abacus"), "abacus"),
        ],
    )
    def test_refusals_in_words(self, cli: Cli, options: tuple[str, ...], says: str) -> None:
        made = add(cli)
        refused = cli("notebooks", "schedule", "change", "churn", made, *options)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert says in words(refused.stderr)
        cron = () if "--cron" in options else ("--cron", WEEKDAYS)
        refused = cli("notebooks", "schedule", "add", "churn", *cron, *options)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert says in words(refused.stderr)
        assert Schedule.objects.count() == 1

    def test_a_change_says_what_is_to_change(self, world: World, cli: Cli) -> None:
        made = add(cli)
        nothing = cli("notebooks", "schedule", "change", "churn", made)
        assert (nothing.exit_code, "There is nothing to change." in nothing.stderr) == (2, True)
        both = cli("notebooks", "schedule", "change", "churn", made, "--keep-all", "--keep-last", "3")
        assert (both.exit_code, "contradict" in both.stderr) == (2, True)
        reader = cli("notebooks", "schedule", "pause", "churn", made, user=world.cast.reader)
        assert (reader.exit_code, "not change or run it" in words(reader.stderr)) == (2, True)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "/etc/passwd", "../x", "Europe", ""])
def test_times_are_in_utc_where_a_zone_is_not_known(zone: str) -> None:
    assert _local(datetime(2026, 11, 30, 7, 30, tzinfo=UTC), zone) == "Mon 2026-11-30 07:30 UTC"


def test_a_webhook_by_the_command(cli: Cli, notebook: Notebook) -> None:
    schedule, url = add(cli), "https://hooks.example.org/path"
    hook = ("notebooks", "schedule", "webhook", "churn", schedule)
    assert "has no webhook" in cli(*hook).output
    made = cli(*hook, url, "--notify", "always")
    assert "shown only now" in made.stdout
    assert words(cli(*hook).stdout) == f"{url} is called after every run."
    own = cli(*hook, url, "--secret", input="a key of my own for it\n")
    assert (own.exit_code, "a key of my" in own.output) == (0, False)
    assert "No messages yet" in cli("notebooks", "schedule", "deliveries", "churn", schedule).stdout
    assert "on its way" in cli("notebooks", "schedule", "test-webhook", "churn", schedule).stdout
    (row,) = json.loads(cli("notebooks", "schedule", "deliveries", "churn", schedule, "--json").stdout)
    assert (row["event"], row["state"]) == ("webhook.test", "due")
    assert cli(*hook, url, "--remove").exit_code == 2
    assert cli(*hook, "--secret").exit_code == 2
    assert cli(*hook, "http://10.0.0.1/").exit_code == 2
    assert "no webhook any more" in cli(*hook, "--remove").stdout
    added = cli("notebooks", "schedule", "add", "churn", "--cron", WEEKDAYS, "--webhook", url)
    assert "The key of the webhook" in added.stdout
