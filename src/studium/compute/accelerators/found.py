"""Finding the accelerators of this machine: NVIDIA by the driver's library, the rest by device files."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from studium.compute.engines.base import FoundAccelerator

_WORDS_OF_NO_USE = re.compile(r"^(nvidia|tesla|quadro|geforce)\s+", re.IGNORECASE)
_FORM = re.compile(r"-(?:PCIE|SXM|NVL|\d+GB)|\s+(?:PCIe|SXM\d?|NVL|\d+\s?GB)", re.IGNORECASE)


def devices(dev: Path = Path("/dev")) -> list[FoundAccelerator]:
    """Every accelerator there is, by the best source for each make."""
    return [*(from_driver(dev=dev) or nvidia_files(dev)), *amd_files(dev), *accel_files(dev)]


def short_kind(name: str) -> str:
    """The name people pick, from the driver's: `NVIDIA H200` -> `H200`, `Tesla P100-PCIE-16GB` -> `P100`,
    `NVIDIA GeForce RTX 4090` -> `RTX-4090`."""
    rest = name.strip()
    while (shorter := _WORDS_OF_NO_USE.sub("", rest)) != rest:
        rest = shorter
    first = _FORM.split(rest, maxsplit=1)[0]
    return re.sub(r"\s+", "-", first.strip()) or "NVIDIA"


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def from_driver(library: Any = None, dev: Path = Path("/dev")) -> list[FoundAccelerator]:
    """NVIDIA devices as NVML tells them; empty without a driver. `library` has pynvml's functions."""
    if library is None:
        try:
            import pynvml
        except ImportError:
            return []
        library = pynvml
    try:
        library.nvmlInit()
    except library.NVMLError:
        return []
    found = []
    try:
        for number in range(library.nvmlDeviceGetCount()):
            handle = library.nvmlDeviceGetHandleByIndex(number)
            name = _text(library.nvmlDeviceGetUUID(handle))
            minor = library.nvmlDeviceGetMinorNumber(handle)
            found.append(
                FoundAccelerator(
                    id=name,
                    kind=short_kind(_text(library.nvmlDeviceGetName(handle))),
                    index=number,
                    memory_bytes=int(library.nvmlDeviceGetMemoryInfo(handle).total),
                    paths=(str(dev / f"nvidia{minor}"),),
                    variables={"CUDA_VISIBLE_DEVICES": name, "NVIDIA_VISIBLE_DEVICES": name},
                )
            )
    except library.NVMLError:
        return found
    finally:
        library.nvmlShutdown()
    return found


def _numbered(paths: Iterable[Path], pattern: str) -> list[tuple[int, Path]]:
    pairs = ((re.fullmatch(pattern, path.name), path) for path in paths)
    return sorted((int(match[1]), path) for match, path in pairs if match)


def nvidia_files(dev: Path) -> list[FoundAccelerator]:
    """NVIDIA devices by /dev/nvidiaN, where the library does not answer: the model is not known then."""
    return [
        FoundAccelerator(
            id=f"nvidia{number}",
            kind="NVIDIA",
            index=number,
            paths=(str(path),),
            # Only this device's node is there inside, so it is the first for the driver.
            variables={"NVIDIA_VISIBLE_DEVICES": str(number), "CUDA_VISIBLE_DEVICES": str(number)},
        )
        for number, path in _numbered(dev.glob("nvidia*"), r"nvidia(\d+)")
    ]


def amd_files(dev: Path) -> list[FoundAccelerator]:
    """AMD devices: the shared /dev/kfd and one render node each."""
    if not (dev / "kfd").exists():
        return []
    nodes = _numbered(dev.glob("dri/renderD*"), r"renderD(\d+)")
    return [
        FoundAccelerator(id=f"amd{index}", kind="AMD", index=index, paths=(str(dev / "kfd"), str(path)))
        for index, (_, path) in enumerate(nodes)
    ]


def accel_files(dev: Path) -> list[FoundAccelerator]:
    """TPUs and other devices of the kernel's accel class: /dev/accelN or /dev/accel/accelN."""
    nodes = _numbered([*dev.glob("accel*"), *dev.glob("accel/accel*")], r"accel(\d+)")
    return [
        FoundAccelerator(id=f"accel{number}", kind="accelerator", index=number, paths=(str(path),))
        for number, path in nodes
    ]
