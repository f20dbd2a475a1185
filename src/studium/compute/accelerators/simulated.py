"""Simulated accelerators: devices that are offered, queued for and charged like real ones and compute nothing."""

import re

from studium.compute.engines.base import FoundAccelerator

GIB = 1024**3
# Memory of the kinds that plans and machine types name.
MEMORY = {
    "P100": 16 * GIB, "T4": 16 * GIB, "M4000": 8 * GIB, "P4000": 8 * GIB, "RTX4000": 8 * GIB, "P5000": 16 * GIB,
    "RTX5000": 16 * GIB, "P6000": 24 * GIB, "V100": 16 * GIB, "V100-32G": 32 * GIB, "A4000": 16 * GIB,
    "A5000": 24 * GIB, "A6000": 48 * GIB, "L4": 24 * GIB, "A100": 40 * GIB, "A100-80G": 80 * GIB, "H100": 80 * GIB,
    "H200": 141 * GIB, "tpu-v3-8": 128 * GIB, "tpu-v5e-8": 128 * GIB, "tpu-v6e-8": 256 * GIB,
}  # fmt: skip
_MOST = 100_000
_UNKNOWN_MEMORY = 16 * GIB
_PART = re.compile(r"([A-Za-z][A-Za-z0-9._-]{0,40}):(\d{1,6})")


def parse_simulated(text: str) -> list[FoundAccelerator]:
    """The devices in `P100:1,M4000:2,tpu-v3-8:1`. Raises ValueError with a sentence for people."""
    found: list[FoundAccelerator] = []
    seen: set[str] = set()
    for part in (word.strip() for word in text.split(",") if word.strip()):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"{part!r} is not a kind and a count: write them as P100:1, several with commas between.")
        kind, count = match[1], int(match[2])
        if kind in seen:
            raise ValueError(f"{kind} is named twice: add up its count.")
        if not 1 <= count <= _MOST:
            raise ValueError(f"{count} devices of {kind} cannot be simulated: give 1 to {_MOST}.")
        seen.add(kind)
        memory = MEMORY.get(kind, _UNKNOWN_MEMORY)
        found += [
            FoundAccelerator(id=f"sim-{kind}-{i}", kind=kind, index=i, memory_bytes=memory, simulated=True)
            for i in range(count)
        ]
    return found
