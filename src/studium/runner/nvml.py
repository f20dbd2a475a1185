"""How busy NVIDIA devices are, by the driver's own library, loaded only for a run that has such a device."""

import ctypes
import re
from typing import Any


class _Memory(ctypes.Structure):
    """nvmlMemory_v2_t: in its first version the driver's own reserve counts as used, half a gigabyte of an idle H100."""

    _fields_ = [
        ("version", ctypes.c_uint),
        ("total", ctypes.c_ulonglong),
        ("reserved", ctypes.c_ulonglong),
        ("free", ctypes.c_ulonglong),
        ("used", ctypes.c_ulonglong),
    ]


_MEMORY_VERSION = ctypes.sizeof(_Memory) | 2 << 24
_Rates = ctypes.c_uint * 2  # device, memory; per cent


def load(name: str = "libnvidia-ml.so.1") -> Any:
    """The library, initialised, or None."""
    try:
        library = ctypes.CDLL(name)
        return library if library.nvmlInit_v2() == 0 else None
    except (OSError, AttributeError):
        return None


class Meter:
    """Reads the devices of one run. Devices that do not tell, simulated ones among them, give None."""

    def __init__(self, devices: list[dict[str, Any]], library: Any = None) -> None:
        self._devices = devices
        real = [device for device in devices if not device["simulated"] and _number(device) is not None]
        self._library: Any = (library or load()) if real else None
        self._handles = {device["id"]: self._handle(device) for device in real} if self._library else {}

    def _handle(self, device: dict[str, Any]) -> Any:
        handle = ctypes.c_void_p()
        library = self._library
        by_name = re.fullmatch(r"GPU-[0-9a-f-]+", device["id"])
        if by_name and library.nvmlDeviceGetHandleByUUID(device["id"].encode(), ctypes.byref(handle)) == 0:
            return handle
        if library.nvmlDeviceGetHandleByIndex_v2(_number(device), ctypes.byref(handle)) == 0:
            return handle
        return None

    def read(self) -> list[dict[str, Any]]:
        return [self._reading(device["id"]) for device in self._devices]

    def _reading(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = {
            "id": name,
            "utilisation": None,
            "memory_used_bytes": None,
            "memory_total_bytes": None,
        }
        handle = self._handles.get(name)
        if handle is None:
            return found
        rates, memory = _Rates(), _Memory(version=_MEMORY_VERSION)
        if self._library.nvmlDeviceGetUtilizationRates(handle, ctypes.byref(rates)) == 0:
            found["utilisation"] = min(1.0, rates[0] / 100)
        in_memory = getattr(self._library, "nvmlDeviceGetMemoryInfo_v2", None)  # not in drivers before 510
        if in_memory and in_memory(handle, ctypes.byref(memory)) == 0:
            found["memory_total_bytes"], found["memory_used_bytes"] = memory.total, memory.used
        return found


def _number(device: dict[str, Any]) -> int | None:
    """N of the device node /dev/nvidiaN, or None for a device of another make."""
    for path in device["paths"]:
        if found := re.fullmatch(r"/dev/nvidia(\d+)", path):
            return int(found[1])
    return None
