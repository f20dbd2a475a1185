"""Runs in pages: what of them others may see, their log, and that hostile content stays text."""

import pytest
from scenes import Scene, address, client_of
from test_web_notebooks import text_of

from factories.accounts import NOW
from factories.compute import drive
from studium.compute import queries
from studium.compute.models import Run
from studium.compute.states import State
from studium.notebooks import actions
from studium.notebooks.models import Notebook
from studium.notebooks.states import LaunchKind
from studium.plans.actions import begin_charging, charge, take_claim


@pytest.fixture
def private_run(scene: Scene) -> Run:
    """A run of a notebook that is private to the owner, in a team of several."""
    return actions.start(scene.cast.owner, scene.quiet, LaunchKind.SESSION, "cpu-small", now=NOW)


def test_run_of_a_private_notebook_is_nobody_elses(scene: Scene, private_run: Run) -> None:
    teammate, owner = client_of(scene.cast.teammate), client_of(scene.cast.owner)
    assert owner.get(f"/runs/{private_run.pk}/").status_code == 200
    for path in ("", "state/", "log/?offset=0", "log/download/"):
        assert teammate.get(f"/runs/{private_run.pk}/{path}").status_code == 404
    assert teammate.post(f"/runs/{private_run.pk}/stop/").status_code == 404
    assert private_run.pk in text_of(owner.get("/runs/"))
    assert private_run.pk not in text_of(teammate.get("/runs/"))
    assert "Quiet work" in text_of(owner.get("/queue/"))
    assert "Quiet work" not in text_of(teammate.get("/queue/"))


def test_bill_counts_a_private_run_without_its_title(scene: Scene, private_run: Run) -> None:
    drive(private_run, State.RUNNING, machine=scene.machine)
    take_claim(
        private_run.pk, scene.cast.team, user_id=scene.cast.owner.pk, machine_type="cpu-small", resource="cpu", kind="cpu",
        devices=1, price_micros_hour=0, hold_seconds=0, now=NOW,
    )  # fmt: skip
    begin_charging(private_run.pk, since=NOW)
    charge(private_run.pk, until=NOW)
    said = text_of(client_of(scene.cast.teammate).get(f"/usage/{scene.cast.team.slug}/"))
    assert "a private notebook" in said
    assert "Quiet work" not in said
    assert "Quiet work" in text_of(client_of(scene.cast.owner).get(f"/usage/{scene.cast.team.slug}/"))


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> bytearray:
    """What a run has printed, in place of an engine."""
    printed = bytearray()

    def read(run: Run, offset: int, limit: int) -> tuple[bytes, int]:
        piece = bytes(printed[offset : offset + limit])
        return piece, offset + len(piece)

    monkeypatch.setattr("studium.web.shown.logs.read_log", read)
    monkeypatch.setattr(queries, "read_log", read)
    return printed


def test_log_grows_at_its_end(scene: Scene, log: bytearray) -> None:
    client, url = client_of(scene.cast.owner), f"/runs/{scene.running.pk}/"
    log += b"first line\n"
    assert f'hx-get="{url}log/?offset=11"' in text_of(client.get(url))
    log += "grün".encode()[:3]  # the last character is only half there
    piece = client.get(f"{url}log/?offset=11").content.decode()
    assert piece.startswith("gr<span")
    assert "offset=13" in piece
    log += "grün\n".encode()[3:]
    assert client.get(f"{url}log/?offset=13").content.decode().startswith("ün\n")
    assert client.get(f"{url}log/?offset=x").status_code == 400


def test_log_of_an_ended_run_asks_for_no_more(scene: Scene, log: bytearray) -> None:
    log += b"all of it\n"
    client, url = client_of(scene.cast.owner), f"/runs/{scene.ended.pk}/"
    assert "log/?offset=" not in text_of(client.get(url))
    assert "hx-get" not in client.get(f"{url}log/?offset=10").content.decode()


def test_long_log_shows_its_end_and_the_download_all(scene: Scene, log: bytearray) -> None:
    log += b"".join(b"line %06d\n" % number for number in range(200_000))
    client, url = client_of(scene.cast.owner), f"/runs/{scene.ended.pk}/"
    said = client.get(url).content.decode()
    assert "line 199999" in said
    assert "line 000000" not in said
    assert "the download has all of it" in said
    assert b"".join(client.get(f"{url}log/download/").streaming_content) == bytes(log)


def test_hostile_titles_logs_and_progress_stay_text(scene: Scene, log: bytearray) -> None:
    evil = "<script>alert(1)</script>"
    Notebook.objects.filter(pk=scene.notebook.pk).update(title=evil)
    Run.objects.filter(pk=scene.running.pk).update(
        title=evil, active_what=evil, message=evil, progress={"cell": evil, "of": 2}
    )
    log += evil.encode()
    client = client_of(scene.cast.owner)
    for path in (
        "/",
        "/notebooks/",
        "/runs/",
        f"/runs/{scene.running.pk}/",
        address(scene.notebook),
        address(scene.notebook, "edit/"),
    ):
        assert evil not in client.get(path).content.decode(), path


def test_lost_log_is_said(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> tuple[bytes, int]:
        raise FileNotFoundError

    monkeypatch.setattr("studium.web.shown.logs.log_pieces", gone)
    assert "The log cannot be read at this moment" in text_of(
        client_of(scene.cast.owner).get(f"/runs/{scene.ended.pk}/")
    )
