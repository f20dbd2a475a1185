"""What pages tell of a run over its life: curves of what it used, and lines of its log found by their text."""

import json

import pytest
from scenes import Scene, address, client_of
from test_web_notebooks import text_of

from factories.accounts import NOW
from factories.use import use_of
from studium.compute import logsearch
from studium.compute.engines.base import EngineError
from studium.compute.models import MachineType, Run
from studium.storage import actions as storage
from studium.web.shown import charts
from studium.web.shown.charts import use_charts

pytestmark = pytest.mark.django_db


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> bytearray:
    printed = bytearray()
    monkeypatch.setattr(logsearch, "log_pieces", lambda run: iter([bytes(printed)]))
    return printed


def keep(run: Run, **how: object) -> Run:
    """What the run used, kept as `reclaim` keeps it."""
    digest = storage.put(json.dumps(use_of(**how)).encode(), now=NOW).digest  # type: ignore[arg-type]
    Run.objects.filter(pk=run.pk).update(series_digest=digest)
    run.refresh_from_db()
    return run


def page(scene: Scene, path: str, who: str = "owner") -> str:
    return text_of(client_of(getattr(scene.cast, who)).get(path))


def test_curves_with_mean_and_peak_stand_on_the_run_the_version_and_the_panel(scene: Scene) -> None:
    version = scene.version_run
    assert version.run is not None
    run = keep(version.run)
    told = 'aria-label="CPU over 12 s: mean 0.8, peak 2 of 1"'
    panel = f"/runs/{run.pk}/watch/"
    for path in (f"/runs/{run.pk}/", f"/runs/{run.pk}/state/", panel, address(scene.notebook, "versions/1/")):
        shown = page(scene, path)
        assert told in shown, path
        assert "style=" not in shown.partition('<svg viewBox="0 0 360 40"')[2].partition("</figure>")[0]
    assert page(scene, panel).count("<svg") == 3
    assert f'hx-get="/runs/{scene.running.pk}/watch/"' in page(scene, address(scene.notebook, "edit/"))


def test_a_curve_has_a_gap_where_nothing_was_told(scene: Scene) -> None:
    found = use_charts(keep(scene.ended))
    assert found is not None
    assert (found.charts[0].line.count("M"), found.charts[0].area.count("Z")) == (2, 2)
    assert found.charts[1].line.count("M") == 1
    assert all(len(chart.line) < 200 for chart in found.charts)
    long = use_charts(keep(scene.ended, points=720))
    assert long is not None
    assert all(len(chart.line) < 180 * 16 for chart in long.charts)


def test_devices_that_tell_figures_and_simulated_ones_that_do_not(scene: Scene) -> None:
    MachineType.objects.filter(pk=scene.ended.machine_type_id).update(
        accelerator_kind="H200", accelerator_count=1, accelerator_memory_bytes=1 << 37
    )
    shown = page(scene, f"/runs/{keep(scene.ended, device='h200-0').pk}/")
    assert "h200-0 busy over 12 s: mean 50 %, peak 100 %" in shown
    assert "h200-0 memory over 12 s: mean 8 GiB, peak 8 GiB of 128 GiB" in shown
    assert "the device tells no figures" in page(scene, f"/runs/{keep(scene.ended, device='h200-0', told=False).pk}/")
    MachineType.objects.filter(pk=scene.ended.machine_type_id).update(accelerator_kind="P100")
    shown = page(scene, f"/runs/{scene.ended.pk}/")
    assert "simulated, computes on the CPU" in shown
    assert shown.count("<figcaption><b>h200-0") == 1


def test_without_curves_it_is_said_why(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "It ran too short a time for curves." in page(scene, f"/runs/{keep(scene.ended, points=2).pk}/")
    assert "Curves appear here within seconds." in page(scene, f"/runs/{scene.running.pk}/")
    assert "Use over time" not in page(scene, f"/runs/{scene.queued.pk}/", "teammate")
    assert "It has not begun to run." in page(scene, f"/runs/{scene.queued.pk}/watch/", "teammate")

    def away(run: Run) -> None:
        raise EngineError("no answer")

    monkeypatch.setattr(charts, "use_series", away)
    assert "cannot be read at this moment" in page(scene, f"/runs/{scene.running.pk}/")


def test_a_log_is_searched_on_the_page_and_in_parts(scene: Scene, log: bytearray) -> None:
    log += b"".join(b"epoch %d <b>loss</b>\n" % n for n in range(1, 121))
    whole = page(scene, f"/runs/{scene.ended.pk}/?q=EPOCH+77+")
    assert "<mark>epoch 77 &lt;b&gt;loss&lt;/b&gt;</mark>" in whole
    assert 'value="EPOCH 77"' in whole
    assert "epoch 78" in whole
    part = page(scene, f"/runs/{scene.ended.pk}/log/search/?q=loss")
    assert "50 and more lines" in part
    assert f'href="/runs/{scene.ended.pk}/?q=loss&amp;after=50"' in part
    assert "epoch 101 " in page(scene, f"/runs/{scene.ended.pk}/log/search/?q=loss&after=100")
    assert "has “nowhere”" in page(scene, f"/runs/{scene.ended.pk}/log/search/?q=nowhere")
    assert "more than 200 characters" in page(scene, f"/runs/{scene.ended.pk}/log/search/?q={'x' * 201}")
    assert "<mark>" not in page(scene, f"/runs/{scene.ended.pk}/log/search/?q=&after=x")
    assert "<mark>" in page(scene, f"/runs/{scene.ended.pk}/log/search/?q=loss&after=x")


def test_a_log_that_cannot_be_read_is_said(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(run: Run) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(logsearch, "log_pieces", gone)
    assert "The log cannot be read at this moment" in page(scene, f"/runs/{scene.ended.pk}/log/search/?q=x")


@pytest.mark.parametrize("path", ["log/search/?q=x", "watch/", "?q=x"])
def test_it_is_for_those_who_may_see_the_run(scene: Scene, log: bytearray, path: str) -> None:
    url = f"/runs/{scene.running.pk}/{path}"
    codes = [
        client_of(getattr(scene.cast, who)).get(url).status_code for who in ("owner", "teammate", "reader", "stranger")
    ]
    assert codes == [200, 200, 200, 404]


def test_strangers_see_no_curves_of_a_public_version(scene: Scene) -> None:
    from studium.notebooks.models import Notebook

    version = scene.version_run
    assert version.run is not None
    keep(version.run)
    Notebook.objects.filter(pk=version.notebook_id).update(visibility="public")
    assert "Use over time" in page(scene, address(scene.notebook, "versions/1/"), "reader")
    assert "Use over time" not in page(scene, address(scene.notebook, "versions/1/"), "stranger")
