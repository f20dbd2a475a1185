"""What a run used, as its runner would write it."""

from typing import Any

GIB = 1024**3


def use_of(points: int = 6, *, device: str = "", told: bool = True) -> dict[str, Any]:
    """A run of `points` steps that uses up to two cores and rising memory; with a device, half of it if it tells."""
    cores = [None if n == 2 else float(n % 3) for n in range(points)]
    lines: list[dict[str, Any]] = [
        {"what": "cpu_cores", "device": "", "values": cores, "mean": 0.8, "peak": 2.0},
        {"what": "memory_bytes", "device": "", "values": [GIB // 4 * (n + 1) for n in range(points)], "mean": GIB, "peak": 2 * GIB},
        {"what": "disk_bytes", "device": "", "values": [0] * points, "mean": 0, "peak": 0},
    ]  # fmt: skip
    if device:
        half, used = ([0.5] * points, [8 * GIB] * points) if told else ([None] * points,) * 2
        lines += [
            {"what": "utilisation", "device": device, "values": half, "mean": 0.5 if told else None, "peak": 1.0 if told else None},
            {"what": "memory_used_bytes", "device": device, "values": used, "mean": used[0], "peak": used[0]},
        ]  # fmt: skip
    return {"started": 1_790_000_000.0, "step": 2.0, "points": points, "lines": lines}
