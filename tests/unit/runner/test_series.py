"""What a run used over its life stays small, keeps its peaks, and is a whole file at any moment."""

import json
from pathlib import Path

import pytest

from studium.runner import series
from studium.runner.series import MOST_POINTS, Line, Series

START = 1_000_000.0


def made(folder: Path, devices: list[str] | None = None) -> Series:
    return Series(str(folder), began=50.0, started=START, devices=devices or [])


def use(cores: float = 1.0, memory: int = 100, **more: object) -> dict[str, object]:
    return {"cpu_cores": cores, "memory_bytes": memory, "disk_bytes": 7, "accelerators": [], **more}


def line(folder: Path, what: str) -> dict[str, object]:
    found = series.read(str(folder))
    assert found is not None
    return dict(next(each for each in found["lines"] if each["what"] == what))


def test_samples_of_one_step_are_one_point(tmp_path: Path) -> None:
    watched = made(tmp_path)
    for seconds, cores, memory in ((0, 9.0, 10), (0.5, 1.0, 30), (1.5, 3.0, 20), (4.1, 0.5, 5)):
        watched.add(50 + seconds, use(cores, memory))
    watched.finish(memory_peak=44)
    cpu, memory_line = line(tmp_path, "cpu_cores"), line(tmp_path, "memory_bytes")
    assert (cpu["values"], cpu["mean"], cpu["peak"]) == ([2.0, None, 0.5], 1.5, 3.0), "the first tells of no time"
    assert (memory_line["values"], memory_line["mean"], memory_line["peak"]) == ([30, None, 5], 16, 44)
    assert series.read(str(tmp_path)) == {**watched.as_dict(), "started": START, "step": 2.0, "points": 3}


@pytest.mark.parametrize("hours", [0.5, 24 * 14])
def test_it_stays_small_however_long_a_run_goes_on(
    tmp_path: Path, hours: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A file for each sample of two weeks would be all this test does.
    monkeypatch.setattr(series, "WRITE_EVERY", hours * 360)
    watched = made(tmp_path, [f"gpu{n}" for n in range(8)])
    step = hours * 3600 / 1500
    devices = [{"id": f"gpu{n}", "utilisation": 0.123456, "memory_used_bytes": 80 * 1024**3} for n in range(8)]
    for n in range(1501):
        cores = 4.0 if n == 750 else 1.0
        watched.add(50 + n * step, use(cores, 10**10 if n == 750 else 10**9, accelerators=devices))
    watched.finish(0)
    found = series.read(str(tmp_path))
    assert found is not None
    assert MOST_POINTS / 2 <= found["points"] <= MOST_POINTS
    assert found["points"] * found["step"] >= hours * 3600 * 0.999
    assert all(len(each["values"]) == found["points"] for each in found["lines"])
    assert (tmp_path / series.NAME).stat().st_size < 256 * 1024
    assert line(tmp_path, "cpu_cores")["peak"] == 4.0
    assert line(tmp_path, "memory_bytes")["peak"] == 10**10
    assert max(v for v in line(tmp_path, "memory_bytes")["values"] if v) == 10**10  # type: ignore[attr-defined]
    assert line(tmp_path, "utilisation")["mean"] == 0.123


def test_means_are_of_time_not_of_points() -> None:
    watched = Line("cpu_cores")
    for place, value in ((0, 1.0), (1, 4.0), (1, 4.0), (1, 4.0)):
        watched.add(place, value)
    watched.halve()
    assert watched.told(1)["values"] == [3.25]


def test_a_device_that_tells_nothing_has_no_figures(tmp_path: Path) -> None:
    watched = made(tmp_path, ["sim"])
    for seconds in (0, 2, 4):
        watched.add(50 + seconds, use(accelerators=[{"id": "sim", "utilisation": None, "memory_used_bytes": None}]))
    watched.finish(0)
    told = line(tmp_path, "utilisation")
    assert (told["device"], told["values"], told["peak"], told["mean"]) == ("sim", [None] * 3, None, None)


def test_a_clock_that_stood_still_or_a_long_gap_is_no_trouble(tmp_path: Path) -> None:
    watched = made(tmp_path)
    for now in (50.0, 50.0, 49.0, 10**7, 10**7 + 1):
        watched.add(now, use())
    found = watched.as_dict()
    assert found["points"] <= MOST_POINTS
    assert found["points"] * found["step"] >= 10**7 - 50


def test_a_disk_that_is_full_costs_points_and_never_the_run(tmp_path: Path) -> None:
    watched = made(tmp_path)
    watched.add(50, use())
    (tmp_path / f"{series.NAME}.part").mkdir()
    watched.finish(9)
    assert json.loads((tmp_path / series.NAME).read_text())["points"] == 1


@pytest.mark.parametrize("text", ["", "[1]", '{"step": 2'])
def test_a_file_that_is_none_reads_as_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / series.NAME).write_text(text)
    assert series.read(str(tmp_path)) is None
