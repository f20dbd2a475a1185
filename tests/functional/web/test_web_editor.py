"""The editor: what the panel says in each state, the frame that stays, and the buttons."""

from datetime import timedelta

import pytest
import time_machine
from scenes import Scene, address, client_of
from test_web_notebooks import text_of

from factories.accounts import NOW
from factories.compute import drive
from studium.accounts.models import EntryTicket
from studium.compute.models import Run
from studium.compute.reconcile.ending import finish
from studium.compute.states import Reason, State
from studium.compute.transitions import move
from studium.notebooks.models import Notebook

HX = {"HX-Request": "true"}


def panel(scene: Scene, notebook: Notebook, key: str = "") -> str:
    response = client_of(scene.cast.owner).get(
        address(notebook, f"edit/panel/{'?scene=' + key if key else ''}"), headers=HX
    )
    return text_of(response) if response.status_code == 200 else str(response.headers.get("HX-Refresh"))


def waiting(scene: Scene) -> Notebook:
    return Notebook.objects.get(title="Waiting work")


def test_running_frames_the_session_of_this_user(scene: Scene) -> None:
    EntryTicket.objects.all().delete()
    response = client_of(scene.cast.owner).get(address(scene.notebook, "edit/"))
    origin = f"http://{scene.notebook.label}.localhost:8000"
    assert f'src="{origin}/-/enter?ticket=' in text_of(response)
    assert f"frame-src {origin};" in response.headers["Content-Security-Policy"]
    ticket = EntryTicket.objects.get()
    assert (ticket.user, ticket.path) == (scene.cast.owner, "/lab/tree/notebook.ipynb")
    assert f'href="/open/{scene.notebook.label}"' in text_of(response)


def test_panel_never_carries_the_frame(scene: Scene) -> None:
    assert "<iframe" not in panel(scene, scene.notebook)


def test_panel_tells_time_idle_and_use(scene: Scene, frozen: time_machine.Traveller) -> None:
    frozen.shift(timedelta(hours=2, minutes=58))
    usage = {
        "cpu_cores": 0.5,
        "memory_bytes": 1024**3,
        "disk_bytes": 0,
        "disk_total_bytes": 20 * 1024**3,
        "accelerators": [],
    }
    Run.objects.filter(pk=scene.running.pk).update(
        usage=usage, idle_seconds=3600, active_at=NOW + timedelta(hours=2, minutes=30)
    )
    said = panel(scene, scene.notebook)
    assert "9 h 02 min of 12 h" in said
    assert "stops in 32 min if nothing runs" in said
    assert "0.5 of 1" in said
    assert "1 GiB of 2 GiB" in said


def test_busy_is_never_idle(scene: Scene, frozen: time_machine.Traveller) -> None:
    frozen.shift(timedelta(hours=1))
    Run.objects.filter(pk=scene.running.pk).update(
        idle_seconds=1200, active_at=NOW + timedelta(hours=1), active_what="A kernel is busy"
    )
    assert "not idle: a kernel is busy" in panel(scene, scene.notebook)


def test_warnings_at_five_minutes_and_at_one(scene: Scene, frozen: time_machine.Traveller) -> None:
    assert 'role="alert"' not in panel(scene, scene.notebook)
    Run.objects.filter(pk=scene.running.pk).update(max_seconds=3600, idle_seconds=None)
    frozen.move_to(NOW + timedelta(minutes=56))
    said = panel(scene, scene.notebook)
    assert "reaches its longest time in 4 min" in said
    assert 'class="note warn"' in said
    frozen.move_to(NOW + timedelta(minutes=59, seconds=10))
    assert 'class="note bad"' in panel(scene, scene.notebook)


def test_queue_place_and_expected_start(scene: Scene) -> None:
    wait = {
        "reason": "capacity", "waits_for": "P100", "place": 2,
        "expected_at": (NOW + timedelta(minutes=12)).isoformat(), "at_most_at": (NOW + timedelta(hours=2)).isoformat(),
    }  # fmt: skip
    Run.objects.filter(pk=scene.queued.pk).update(wait=wait)
    said = panel(scene, waiting(scene))
    assert "In queue, place 2" in said
    assert "Waits for a free P100 · expected to start in about 12 min, at most 2 h" in said
    assert "Leave the queue" in said
    assert 'hx-swap-oob="true"' in said


def test_page_loads_anew_only_when_the_frame_comes_or_goes(scene: Scene) -> None:
    notebook = waiting(scene)
    key = f"{scene.queued.pk}.still"
    assert "In queue" in panel(scene, notebook, key)
    drive(scene.queued, State.STARTING, machine=scene.machine)
    assert "Starting on cpu-small" in panel(scene, notebook, key)
    scene.queued.refresh_from_db()
    move(scene.queued, State.RUNNING, now=NOW)
    assert panel(scene, notebook, key) == "true"
    assert "Time left" in panel(scene, notebook, f"{scene.queued.pk}.running")


def test_ended_says_why_and_offers_to_start_again(scene: Scene) -> None:
    finish(scene.running, Reason.IDLE, now=NOW, message="Nothing ran for 60 minutes.")
    said = text_of(client_of(scene.cast.owner).get(address(scene.notebook, "edit/")))
    assert "Stopped because nothing was running" in said
    assert "Nothing ran for 60 minutes." in said
    assert "Everything in the workspace was kept" in said
    assert "Start again" in said
    assert "<iframe" not in said


def test_extend_and_stop_work_with_and_without_script(scene: Scene, frozen: time_machine.Traveller) -> None:
    client = client_of(scene.cast.owner)
    frozen.shift(timedelta(hours=2))
    part = client.post(address(scene.notebook, f"edit/extend/?scene={scene.running.pk}.running"), headers=HX)
    assert "11 h of 13 h" in text_of(part)
    whole = client.post(address(scene.notebook, "edit/extend/"))
    assert whole.headers["Location"] == address(scene.notebook, "edit/")
    client.post(address(scene.notebook, "edit/stop/"))
    scene.running.refresh_from_db()
    assert scene.running.state == "stopping"
    assert "Saving and stopping" in panel(scene, scene.notebook)


def test_error_inside_a_live_page_is_a_notice(scene: Scene) -> None:
    finish(scene.running, Reason.CANCELLED, now=NOW)
    response = client_of(scene.cast.owner).post(address(scene.notebook, "edit/extend/"), headers=HX)
    assert response.status_code == 409
    assert response.headers["HX-Retarget"] == "#notices"
    assert "<html" not in text_of(response)
    assert "Start it first" in text_of(response)


def test_change_machine(scene: Scene) -> None:
    client = client_of(scene.cast.owner)
    client.post(address(scene.notebook, "edit/machine/"), {"machine": "cpu-medium"})
    scene.notebook.refresh_from_db()
    assert scene.notebook.next_machine == "cpu-medium"
    assert "starts again on cpu-medium" in panel(scene, scene.notebook)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/v/3/", "/v/3/"), ("/compare/1/3/", "/compare/1/3/"), ("/v/3/files/0/", "/v/3/files/0/"),
        ("", "/"), ("/v/3", "/"), ("/v/3/../4/", "/"),
        ("//elsewhere.example/v/3/", "/"), ("/v/3/parts/x", "/"), ("/v/3/\n", "/"),
    ],
)  # fmt: skip
def test_a_version_opens_in_a_tab_of_its_own(scene: Scene, path: str, place: str) -> None:
    opened = client_of(scene.cast.owner).get(f"/open/doc-{scene.notebook.label}", {"path": path})
    assert f"http://doc-{scene.notebook.label}.localhost:8000/" in opened.headers["Location"]
    assert EntryTicket.objects.get().path == place


def test_open_by_label(scene: Scene) -> None:
    owner, reader = client_of(scene.cast.owner), client_of(scene.cast.reader)
    label = scene.notebook.label
    assert f"http://{label}.localhost:8000/-/enter?ticket=" in owner.get(f"/open/{label}").headers["Location"]
    assert reader.get(f"/open/{label}").status_code == 403
    assert f"http://doc-{label}.localhost:8000/" in reader.get(f"/open/doc-{label}").headers["Location"]
    assert client_of(scene.cast.stranger).get(f"/open/{label}").status_code == 404
    assert client_of(scene.cast.stranger).get(f"/open/doc-{label}").status_code == 404
    assert owner.get("/open/nothing").status_code == 404
    assert owner.get(f"/open/{scene.quiet.label}").headers["Location"] == address(scene.quiet, "edit/")


def test_signed_out_in_a_live_page_goes_to_the_sign_in(scene: Scene) -> None:
    here = "http://localhost/notebooks/x/y/edit/"
    response = client_of(None).get(address(scene.notebook, "edit/panel/"), headers={**HX, "HX-Current-URL": here})
    assert response.status_code == 204
    assert response.headers["HX-Redirect"].startswith("/accounts/login/?next=%2Fnotebooks%2Fx%2Fy%2Fedit%2F")


@pytest.mark.parametrize(
    ("headers", "path"),
    [
        ({}, "/lab/tree/"),
        ({"sec-ch-ua-mobile": "?1"}, "/doc/workspaces/phone/tree/"),
        ({"sec-ch-ua-mobile": "?0", "user-agent": "Mobi"}, "/lab/tree/"),
        ({"user-agent": "Mozilla/5.0 (iPhone) Mobile/15E148"}, "/doc/workspaces/phone/tree/"),
    ],
)
def test_a_phone_gets_the_notebook_alone(scene: Scene, headers: dict[str, str], path: str) -> None:
    client_of(scene.cast.owner).get(f"/notebooks/{scene.cast.team.slug}/{scene.notebook.slug}/edit/", headers=headers)
    assert EntryTicket.objects.latest("pk").path.startswith(path)
