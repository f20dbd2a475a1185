"""Accelerators declared by the operator, where they cannot be found: JSON of kind, index, paths, memory_bytes."""

import json
from typing import Any

from studium.compute.engines.base import FoundAccelerator

_KEYS = {"id", "kind", "index", "paths", "memory_bytes", "variables"}


def parse_declared(text: str) -> list[FoundAccelerator]:
    """The devices of a setting such as `[{"kind": "H200", "index": 0, "paths": ["/dev/nvidia0"]}]`; none for "".

    Raises ValueError with a sentence for people.
    """
    if not text.strip():
        return []
    try:
        entries = json.loads(text)
    except ValueError as error:
        raise ValueError(f"The declared accelerators are not JSON: {error}.") from error
    if not isinstance(entries, list):
        raise ValueError("The declared accelerators are not a JSON list.")
    found = [_one(entry, position) for position, entry in enumerate(entries)]
    names = [device.id for device in found]
    if len(set(names)) != len(names):
        raise ValueError("Two declared accelerators have the same kind and index (or id).")
    return found


def _one(entry: Any, position: int) -> FoundAccelerator:
    where = f"Declared accelerator {position + 1}"
    if not isinstance(entry, dict) or not isinstance(entry.get("kind"), str) or not entry["kind"]:
        raise ValueError(f"{where} has no kind.")
    if unknown := set(entry) - _KEYS:
        raise ValueError(f"{where} has {', '.join(sorted(unknown))}, which means nothing here.")
    index, memory = entry.get("index", position), entry.get("memory_bytes", 0)
    paths, variables = entry.get("paths", []), entry.get("variables", {})
    if type(index) is not int or index < 0 or type(memory) is not int or memory < 0:
        raise ValueError(f"{where}: index and memory_bytes are whole numbers from 0.")
    if not isinstance(paths, list) or not all(isinstance(path, str) and path.startswith("/dev/") for path in paths):
        raise ValueError(f"{where}: paths is a list of device nodes below /dev/.")
    if not isinstance(variables, dict) or not all(isinstance(value, str) for value in variables.values()):
        raise ValueError(f"{where}: variables is an object of texts.")
    if not variables and any(path.startswith("/dev/nvidia") for path in paths):
        variables = {"CUDA_VISIBLE_DEVICES": str(index), "NVIDIA_VISIBLE_DEVICES": str(index)}
    return FoundAccelerator(
        id=entry.get("id") or f"{entry['kind']}-{index}",
        kind=entry["kind"],
        index=index,
        memory_bytes=memory,
        paths=tuple(paths),
        variables=variables,
    )
