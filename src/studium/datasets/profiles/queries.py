"""Reads of profiles."""

import json
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
