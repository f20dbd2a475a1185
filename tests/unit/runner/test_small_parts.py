# ruff: noqa: N802
"""The runner's small parts: log, verdicts, activity, status file, files beneath a root, NVML, the inside."""

import ctypes
import json
import os
from pathlib import Path
from typing import Any

import pytest

from studium.runner import beneath, inside, nvml, statusfile
from studium.runner.activity import Activity, kernels_path
from studium.runner.ending import Seen, judge
from studium.runner.logfile import TAIL, Log


def test_a_log_within_its_limit_is_kept_as_it_came(tmp_path: Path) -> None:
    log = Log(str(tmp_path / "log"), 1_000_000)
    for piece in (b"one\n", b"two\n"):
        log.take(piece)
    log.finish()
    assert (tmp_path / "log").read_bytes() == b"one\ntwo\n"


@pytest.mark.parametrize("chunk", [1, 1000, 65_536])
def test_a_log_beyond_its_limit_keeps_head_and_end(tmp_path: Path, chunk: int) -> None:
    limit = 2 * TAIL
    data = bytes(number % 251 for number in range(limit * 2))
    log = Log(str(tmp_path / "log"), limit)
    for start in range(0, len(data), chunk):
        log.take(data[start : start + chunk])
    log.finish()
    written = (tmp_path / "log").read_bytes()
    assert written.startswith(data[: limit - TAIL])
    assert written.endswith(b"bytes left out]\n" + data[-TAIL:])
    assert f"[{len(data) - limit} bytes left out]".encode() in written


@pytest.mark.parametrize(
    ("seen", "cause", "words"),
    [
        (Seen(exit_code=0, outer_code=0), "exit", ""),
        (Seen(exit_code=3, outer_code=3), "exit", "ended with 3"),
        (Seen(exit_code=137, outer_code=137), "exit", "SIGKILL"),
        (Seen(exit_code=255, outer_code=255), "exit", "ended with 255"),
        (Seen(exit_code=1, outer_code=1, forks_refused=2), "exit", "limit of processes"),
        (Seen(exit_code=137, outer_code=137, oom_kills=1, memory_bytes=2 * 1024**3), "out_of_memory", "2.0 GiB"),
        (Seen(exit_code=0, outer_code=0, oom_kills=1), "exit", ""),
        (Seen(exit_code=None, outer_code=-9, over_memory=True), "out_of_memory", "memory"),
        (Seen(exit_code=None, outer_code=-9, over_disk=True), "disk_full", "workspace is full"),
        (Seen(exit_code=1, outer_code=1, disk_full=True), "disk_full", "workspace is full"),
        (Seen(exit_code=0, outer_code=0, disk_full=True), "exit", ""),
        (Seen(exit_code=143, outer_code=143, stopped=True), "stopped", "stopped"),
        (Seen(exit_code=None, outer_code=-9, stopped=True, oom_kills=1), "stopped", "stopped"),
        (Seen(exit_code=None, outer_code=1, words="x\nbwrap: no such thing\n"), "could_not_start", "no such thing"),
        (Seen(exit_code=None, outer_code=-9), "vanished", "signal 9"),
        (Seen(exit_code=None, outer_code=1), "could_not_start", "before the command"),
    ],
)
def test_verdicts(seen: Seen, cause: str, words: str) -> None:
    verdict = judge(seen)
    assert verdict.cause == cause
    assert words in verdict.message


def note(activity: Activity, **changes: Any) -> dict[str, Any]:
    return activity.judge(
        changes.pop("now", 100.0), **({"terminal": False, "cores": 0.0, "accelerators": []} | changes)
    )


def test_activity_tells_the_first_sign_and_when_it_last_was() -> None:
    activity = Activity()
    assert note(activity) == {"busy": False, "what": "", "last_busy_at": None}
    activity.note_kernels(b'[{"execution_state": "idle"}, {"execution_state": "busy"}]')
    assert note(activity, terminal=True, now=200.0)["what"] == "a kernel is busy"
    activity.note_kernels(b'[{"execution_state": "busy", "waits_for_input": true}]')
    assert note(activity, terminal=True)["what"] == "a terminal command is running"
    assert (
        note(activity, accelerators=[{"utilisation": None}, {"utilisation": 0.5}])["what"] == "an accelerator is in use"
    )
    assert note(activity, cores=0.5, now=300.0)["what"] == "the CPU is in use"
    assert note(activity, cores=0.05) == {"busy": False, "what": "", "last_busy_at": 300.0}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"{}", b'{"execution_state": "busy"}', b'["busy"]', b"[" * 100_000, b"\xff"]
)
def test_odd_answers_of_a_service_are_idle(body: bytes) -> None:
    activity = Activity()
    activity.note_kernels(body)
    assert not note(activity)["busy"]


@pytest.mark.parametrize(
    ("path", "expected"), [("/", "/api/kernels"), ("/api", "/api/kernels"), ("/base/api/status?x", "/base/api/kernels")]
)
def test_where_kernels_are_listed(path: str, expected: str) -> None:
    assert kernels_path(path) == expected


def test_the_newest_whole_status_counts(tmp_path: Path) -> None:
    folder = str(tmp_path)
    assert statusfile.read(folder) is None
    statusfile.lay_down(folder)
    assert statusfile.read(folder) is None
    statusfile.write(folder, {"seq": 1})
    assert statusfile.read(folder) == {"seq": 1}
    (tmp_path / statusfile.SPARE).write_bytes(json.dumps({"seq": 2}).encode().ljust(1000))
    assert statusfile.read(folder) == {"seq": 2}
    (tmp_path / statusfile.NAME).write_bytes(b'{"seq": 3')
    assert statusfile.read(folder) == {"seq": 2}
    statusfile.write(folder, {"seq": 4})
    assert statusfile.read(folder) == {"seq": 4}


def test_a_status_that_cannot_be_moved_into_place_goes_to_the_spare(tmp_path: Path) -> None:
    statusfile.lay_down(str(tmp_path))
    (tmp_path / statusfile.NAME).mkdir()
    statusfile.write(str(tmp_path), {"seq": 5})
    assert statusfile.read(str(tmp_path)) == {"seq": 5}


def test_beneath_follows_no_link(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret").write_text("secret")
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "folder").symlink_to(tmp_path)
    os.mkfifo(root / "pipe")
    for path in ("link", "folder/secret", "pipe", "folder", "nothing"):
        assert beneath.read(str(root), path, 100) is None
    with pytest.raises(NotADirectoryError):
        beneath.write(str(root), "folder/secret", b"x", None)
    beneath.write(str(root), "a/b/link", b"new", None)
    beneath.write(str(root), "link", b"new", None)
    assert (tmp_path / "secret").read_text() == "secret"
    assert (root / "a" / "b" / "link").read_bytes() == b"new"
    assert sorted(path.name for path in root.iterdir()) == ["a", "folder", "link", "pipe"]
    with pytest.raises(beneath.TooLargeError):
        beneath.read(str(root), "link", 2)


class Library:
    """The functions of NVML that are used, for one device at 40 per cent."""

    def nvmlDeviceGetHandleByUUID(self, name: bytes, handle: Any) -> int:
        return 0 if name == b"GPU-12ab" else 6

    def nvmlDeviceGetHandleByIndex_v2(self, number: int, handle: Any) -> int:
        return 0 if number == 1 else 2

    def nvmlDeviceGetUtilizationRates(self, handle: Any, rates: Any) -> int:
        ctypes.cast(rates, ctypes.POINTER(ctypes.c_uint * 2)).contents[0] = 40
        return 0

    def nvmlDeviceGetMemoryInfo_v2(self, handle: Any, memory: Any) -> int:
        found = ctypes.cast(memory, ctypes.POINTER(ctypes.c_ulonglong * 5)).contents
        assert found[0] & 0xFFFFFFFF == 40 | 2 << 24
        found[1], found[2], found[3], found[4] = 1000, 100, 300, 600
        return 0


def device(name: str, path: str = "", *, simulated: bool = False) -> dict[str, Any]:
    return {"id": name, "paths": [path] if path else [], "simulated": simulated, "kind": "X", "variables": {}}


def test_devices_are_read_by_name_else_by_number() -> None:
    devices = [
        device("GPU-12ab", "/dev/nvidia0"), device("other", "/dev/nvidia1"), device("GPU-99", "/dev/nvidia5"),
        device("sim", simulated=True), device("amd", "/dev/dri/renderD128"),
    ]  # fmt: skip
    read = nvml.Meter(devices, Library()).read()
    assert [found["utilisation"] for found in read] == [0.4, 0.4, None, None, None]
    assert read[0]["memory_used_bytes"] == 600
    assert read[0]["memory_total_bytes"] == 1000
    assert nvml.load("libnothing-of-that-name.so") is None
    assert nvml.Meter([device("GPU-12ab", "/dev/nvidia0")]).read()[0]["id"] == "GPU-12ab"


def test_without_an_nvidia_device_none_is_visible() -> None:
    assert inside.accelerator_variables([])["CUDA_VISIBLE_DEVICES"] == ""
    assert inside.accelerator_variables([])["NVIDIA_VISIBLE_DEVICES"] == "void"
    assert "STUDIUM_ACCELERATORS_SIMULATED" not in inside.accelerator_variables([])
    assert inside.accelerator_variables([device("s", simulated=True)])["STUDIUM_ACCELERATORS_SIMULATED"] == "1"


def test_the_interpreter_of_an_environment_is_found(tmp_path: Path) -> None:
    base, link, environment = tmp_path / "python-3.11.7", tmp_path / "python-3.11", tmp_path / "env"
    for folder in (base / "bin", environment / "bin"):
        folder.mkdir(parents=True)
    link.symlink_to(base)
    (environment / "pyvenv.cfg").write_text(f"home = {link}/bin\nversion = 3.11\n")
    (environment / "bin" / "python").symlink_to(link / "bin" / "python3.11")
    assert inside.interpreter_prefixes(str(environment)) == {str(link): str(base), str(base): str(base)}
    (environment / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (environment / "bin" / "python").unlink()
    assert inside.interpreter_prefixes(str(environment)) == {}
    assert inside.interpreter_prefixes(str(tmp_path)) == {}


@pytest.mark.parametrize("depth", [51, 900, 960, 990])
def test_progress_that_nests_deep_is_not_taken(tmp_path: Path, depth: int) -> None:
    """What is taken is written to the status and read again, both on a deeper stack than here."""
    path = tmp_path / "progress.json"
    path.write_text('{"a":' + "[" * depth + "]" * depth + "}")
    assert statusfile.read_progress(str(path)) is None
