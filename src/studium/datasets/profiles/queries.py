"""Reads of profiles."""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from studium.datasets.models import DatasetVersion, Profile
from studium.storage import actions as storage


def profile_of(version: DatasetVersion) -> Profile | None:
    """How far it is, None where nobody asked for one."""
    return Profile.objects.filter(version=version).select_related("run").first()


def found_in(profile: Profile | None) -> dict[str, Any]:
    """What was found by path, as `inside/profile_files.py` tells of a file; empty where nothing was."""
    if profile is None or not profile.content:
        return {}
    found: dict[str, Any] = json.loads(storage.get(profile.content))["files"]
    return found


@dataclass(frozen=True)
class Summary:
    """What is asked of a profile on every page: files that could not be read whole, and columns as path and name."""

    broken: tuple[str, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()


def summary_of(profile: Profile | None) -> Summary:
    """Read once for a content, which never changes; however much was found, this is small."""
    return _summed_up(profile.content) if profile is not None and profile.content else Summary()


@lru_cache(maxsize=64)
def _summed_up(content: str) -> Summary:
    found: dict[str, Any] = json.loads(storage.get(content))["files"]
    columns = [
        (path, str(column["name"]))
        for path, one in found.items()
        for table in one.get("tables") or []
        for column in table.get("columns") or []
    ]
    return Summary(tuple(path for path, one in found.items() if one.get("trouble")), tuple(columns[:10_000]))
