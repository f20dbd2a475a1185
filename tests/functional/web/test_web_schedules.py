"""The pages of schedules: adding one in words or cron text, what is refused, its times and what came of them."""

from datetime import timedelta

import pytest
from scenes import Scene, address, client_of

from factories.accounts import NOW
from studium.notebooks.models import Schedule, Turn
from studium.notebooks.states import TurnState
from studium.notebooks.webhooks.models import Delivery, Webhook

pytestmark = pytest.mark.django_db
FORM = {
    "every": "workday", "at": "07:30", "cron": "", "zone": "Europe/Berlin", "machine": "cpu-small", "missed": "once",
    "overlap": "skip", "retries": "2", "keep_last": "", "notify": "failure",
}  # fmt: skip


def page(scene: Scene, rest: str = "schedules/") -> str:
    return client_of(scene.cast.owner).get(address(scene.quiet, rest)).content.decode()


@pytest.mark.parametrize(
    ("every", "cron"),
    [("hour", "30 * * * *"), ("day", "30 7 * * *"), ("workday", "30 7 * * 1-5"), ("week", "30 7 * * 1"),
     ("month", "30 7 1 * *"), ("cron", "*/20 8-18 * * *")],
)  # fmt: skip
def test_a_schedule_is_made_from_words_or_cron_text(scene: Scene, every: str, cron: str) -> None:
    assert "Nothing is scheduled" in page(scene)
    text = "*/20  8-18 * * *" if every == "cron" else "nonsense that does not count"
    answer = client_of(scene.cast.owner).post(
        address(scene.quiet, "schedules/"), {**FORM, "every": every, "cron": text}
    )
    assert answer.status_code == 302
    made = Schedule.objects.get(notebook=scene.quiet)
    assert (made.cron, made.zone, made.retries, made.created_by) == (cron, "Europe/Berlin", 2, scene.cast.owner)
    shown = page(scene)
    assert "Europe/Berlin" in shown
    assert "1 schedule; next" in page(scene, "")


def test_the_next_times_stand_in_the_zone_of_the_schedule(scene: Scene) -> None:
    client_of(scene.cast.owner).post(address(scene.quiet, "schedules/"), {**FORM, "every": "day"})
    shown = page(scene)
    assert "Thu 5 Mar 2026, 07:30 CET" in shown
    assert "Mon 9 Mar 2026, 07:30 CET" in shown


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"every": "cron", "cron": "* * *"}, "five fields"),
        ({"every": "cron", "cron": "* * * * *"}, "every 5 min is the most often"),
        ({"zone": "Nowhere"}, "There is no time zone"),
        ({"at": ""}, "No time of day"),
        ({"machine": "p9000"}, "not one of the available choices"),
        ({"cell_timeout": "soon"}, "is not a length of time"),
        ({"retries": "50"}, "less than or equal to 5"),
    ],
)
def test_what_is_refused_is_said_on_the_form(scene: Scene, change: dict[str, str], words: str) -> None:
    answer = client_of(scene.cast.owner).post(address(scene.quiet, "schedules/"), {**FORM, **change})
    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert not Schedule.objects.filter(notebook=scene.quiet).exists()


def test_changing_pausing_and_removing(scene: Scene) -> None:
    client, here = client_of(scene.cast.teammate), address(scene.notebook, f"schedules/{scene.schedule.pk}/")
    assert "0 7 * * *" in client.get(here).content.decode()
    assert client.post(here, {**FORM, "every": "hour"}).status_code == 302
    scene.schedule.refresh_from_db()
    assert (scene.schedule.cron, scene.schedule.created_by) == ("30 * * * *", scene.cast.teammate)
    client.post(here + "do/", {"do": "pause"})
    assert "Paused" in client.get(address(scene.notebook, "schedules/")).content.decode()
    client.post(here + "do/", {"do": "resume"})
    assert client.post(here + "do/", {"do": "dance"}).status_code == 400
    client.post(here + "do/", {"do": "remove"})
    assert client.get(here).status_code == 404


def test_options_of_its_runs(scene: Scene) -> None:
    client = client_of(scene.cast.owner)
    client.post(address(scene.quiet, "schedules/"), {**FORM, "cell_timeout": "2h", "keep_going": "on"})
    shown = client.get(address(scene.quiet, "schedules/")).content.decode()
    assert "at most 2 h 00 min a cell, goes on after errors" in shown
    made = Schedule.objects.get(notebook=scene.quiet)
    assert 'value="7200s"' in client.get(address(scene.quiet, f"schedules/{made.pk}/")).content.decode()


def test_what_came_of_it(scene: Scene) -> None:
    common = {"schedule": scene.schedule, "try_at": NOW}
    Turn.objects.create(due_at=NOW, state=TurnState.FAILED, message="<b>why</b>", tries=2, **common)
    Turn.objects.create(due_at=NOW - timedelta(days=1), state=TurnState.DONE, version=scene.version_run, **common)
    Schedule.objects.filter(pk=scene.schedule.pk).update(trouble="somebody may no longer run this notebook.")
    shown = client_of(scene.cast.reader).get(address(scene.notebook, "schedules/")).content.decode()
    assert "&lt;b&gt;why" in shown
    assert "try 2" in shown
    assert f'versions/{scene.version_run.number}/">' in shown
    assert "may no longer run" in shown
    assert "Schedule it" not in shown


def test_a_webhook_is_set_tested_and_removed_and_its_key_shown_once(scene: Scene) -> None:
    client, here = client_of(scene.cast.owner), address(scene.notebook, f"schedules/{scene.schedule.pk}/webhook/")
    assert "Give an address" in client.get(here).content.decode()
    form = {"url": "https://hooks.example.org/path?key=k1", "notify": "failure", "secret": ""}
    shown = client.post(here, form).content.decode()
    assert "shown only now" in shown
    key = shown.split('id="secret" value="')[1].split('"')[0]
    assert key not in client.get(here).content.decode()
    assert client.post(here, {**form, "secret": "my own key of the hook"}).status_code == 302
    assert "my own key" not in client.get(here).content.decode()
    client.post(here + "do/", {"do": "test"})
    Delivery.objects.update(state="failed", status=500, message="The answer was 500. <b>", tries=1)
    page_of_it = client.get(here).content.decode()
    assert "The answer was 500. &lt;b&gt;" in page_of_it
    for_reader = client_of(scene.cast.reader).get(here).content.decode()
    assert "https://hooks.example.org/..." in for_reader
    assert "key=k1" not in for_reader
    assert "Send a test" not in for_reader
    Webhook.objects.update(disabled_at=NOW, trouble="Switched off: why.")
    assert "Switched off: why." in client.get(here).content.decode()
    assert "switched off" in client.get(address(scene.notebook, "schedules/")).content.decode()
    assert client.post(here + "do/", {"do": "dance"}).status_code == 400
    client.post(here + "do/", {"do": "remove"})
    assert not Webhook.objects.exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"url": "http://localhost:8000/"}, "private network"),
        ({"url": "ftp://h.example"}, "not called"),
        ({"url": ""}, "required"),
        ({"secret": "short"}, "16 to 200"),
        ({"notify": "never"}, "not one of the available choices"),
    ],
)
def test_a_webhook_that_is_refused_is_said_on_the_form(scene: Scene, change: dict[str, str], words: str) -> None:
    here = address(scene.notebook, f"schedules/{scene.schedule.pk}/webhook/")
    form = {"url": "https://hooks.example.org/", "notify": "failure", "secret": "", **change}
    answer = client_of(scene.cast.owner).post(here, form)
    assert answer.status_code in (400, 422)
    assert words in answer.content.decode()
    assert 'value="short"' not in answer.content.decode()
    assert not Webhook.objects.exists()
