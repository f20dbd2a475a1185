# ruff: noqa: N802
"""Accelerators: found through a driver's library or device files, declared, simulated."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from studium.compute.accelerators import found
from studium.compute.accelerators.declared import parse_declared
from studium.compute.accelerators.simulated import parse_simulated

GIB = 1024**3


class Driver:
    """pynvml's functions for two devices."""

    class NVMLError(Exception):
        pass

    def __init__(self, *, there: bool = True) -> None:
        self.there, self.shut = there, False

    def nvmlInit(self) -> None:
        if not self.there:
            raise self.NVMLError

    def nvmlShutdown(self) -> None:
        self.shut = True

    def nvmlDeviceGetCount(self) -> int:
        return 2

    def nvmlDeviceGetHandleByIndex(self, number: int) -> int:
        return number

    def nvmlDeviceGetUUID(self, handle: int) -> Any:
        return f"GPU-{handle}" if handle else b"GPU-0"

    def nvmlDeviceGetMinorNumber(self, handle: int) -> int:
        return 3 - handle

    def nvmlDeviceGetName(self, handle: int) -> str:
        return "NVIDIA H200"

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:
        return SimpleNamespace(total=141 * GIB)


def test_the_driver_is_asked_first(tmp_path: Path) -> None:
    driver = Driver()
    devices = found.from_driver(driver, tmp_path)
    assert [(one.id, one.kind, one.index) for one in devices] == [("GPU-0", "H200", 0), ("GPU-1", "H200", 1)]
    assert devices[0].paths == (str(tmp_path / "nvidia3"),)
    assert devices[1].variables == {"CUDA_VISIBLE_DEVICES": "GPU-1", "NVIDIA_VISIBLE_DEVICES": "GPU-1"}
    assert devices[0].memory_bytes == 141 * GIB
    assert driver.shut


def test_without_a_driver_there_is_nothing_to_ask(tmp_path: Path) -> None:
    assert found.from_driver(Driver(there=False), tmp_path) == []


def test_device_files_are_found(tmp_path: Path) -> None:
    (tmp_path / "dri").mkdir()
    for name in (
        "nvidia1",
        "nvidia0",
        "nvidiactl",
        "nvidia-uvm",
        "kfd",
        "dri/renderD129",
        "dri/card0",
        "accel2",
        "accelerated",
    ):
        (tmp_path / name).touch()
    assert [one.paths for one in found.nvidia_files(tmp_path)] == [
        (str(tmp_path / "nvidia0"),),
        (str(tmp_path / "nvidia1"),),
    ]
    assert [one.paths for one in found.amd_files(tmp_path)] == [
        (str(tmp_path / "kfd"), str(tmp_path / "dri/renderD129"))
    ]
    assert [one.id for one in found.accel_files(tmp_path)] == ["accel2"]
    (tmp_path / "kfd").unlink()
    assert found.amd_files(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("NVIDIA H200", "H200"), ("Tesla P100-PCIE-16GB", "P100"), ("Quadro M4000", "M4000"), ("NVIDIA A100-SXM4-80GB", "A100"),
        ("NVIDIA A100 80GB PCIe", "A100"), ("NVIDIA GeForce RTX 4090", "RTX-4090"), ("Tesla T4", "T4"), ("", "NVIDIA"),
        ("NVIDIA H100 PCIe", "H100"), ("NVIDIA RTX A6000", "RTX-A6000"),
    ],
)  # fmt: skip
def test_names_are_short(name: str, kind: str) -> None:
    assert found.short_kind(name) == kind


def test_simulated_devices_say_so() -> None:
    devices = parse_simulated("P100:1, M4000:2,tpu-v3-8:1,Strange:1")
    assert [one.id for one in devices] == [
        "sim-P100-0",
        "sim-M4000-0",
        "sim-M4000-1",
        "sim-tpu-v3-8-0",
        "sim-Strange-0",
    ]
    assert all(one.simulated and not one.paths for one in devices)
    assert devices[0].memory_bytes == 16 * GIB
    assert parse_simulated("") == []


@pytest.mark.parametrize(
    "text", ["P100", "P100:x", "P100:0", "P100:-1", ":3", "P100:1,P100:2", "P100:999999", "a b:1", "P100:1;M4000:2"]
)
def test_bad_simulations_are_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w+ .*\."):
        parse_simulated(text)


def test_declared_devices_are_taken() -> None:
    text = '[{"kind": "H200", "paths": ["/dev/nvidia0"], "memory_bytes": 5}, {"kind": "TPU", "index": 7, "id": "t"}]'
    first, second = parse_declared(text)
    assert (first.id, first.index, first.memory_bytes, first.paths) == ("H200-0", 0, 5, ("/dev/nvidia0",))
    assert first.variables["CUDA_VISIBLE_DEVICES"] == "0"
    assert (second.id, second.index, second.simulated) == ("t", 7, False)
    assert parse_declared("  ") == []


@pytest.mark.parametrize(
    "text",
    ["{", "{}", "[1]", '[{"index": 1}]', '[{"kind": ""}]', '[{"kind": "A", "index": -1}]', '[{"kind": "A", "index": true}]',
     '[{"kind": "A", "paths": "/dev/x"}]', '[{"kind": "A", "paths": ["/etc/passwd"]}]', '[{"kind": "A", "colour": 1}]',
     '[{"kind": "A", "variables": {"X": 1}}]', '[{"kind": "A", "index": 1}, {"kind": "A", "index": 1}]'],
)  # fmt: skip
def test_bad_declarations_are_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w+ .*\."):
        parse_declared(text)
