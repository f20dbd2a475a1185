"""Credentials of the bucket that the platform itself keeps what is stored in: a file in the home that only it can read.

A store that is moved to while everything runs is asked by processes whose variables say nothing of it.
"""

import json
import os
from collections.abc import Mapping

from studium.config.options import options

FILE = "storage"
_NAMES = {
    "access_key_id": "AWS_ACCESS_KEY_ID",
    "secret_access_key": "AWS_SECRET_ACCESS_KEY",
    "session_token": "AWS_SESSION_TOKEN",
    "region": "AWS_REGION",
}


def of(url: str) -> dict[str, str]:
    """What was kept for this `storage_url`, as the library names it; empty where nothing was."""
    kept = _kept().get(url, {})
    return {name: str(value) for name, value in kept.items() if name in _NAMES}


def keep(url: str, variables: Mapping[str, str]) -> bool:
    """Keep what the `AWS_*` variables say for this store; whether they said a key."""
    found = {name: variables[variable] for name, variable in _NAMES.items() if variables.get(variable)}
    if "region" not in found and variables.get("AWS_DEFAULT_REGION"):
        found["region"] = variables["AWS_DEFAULT_REGION"]
    if "secret_access_key" not in found:
        return False
    folder = options().home / "keys"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = folder / f".{FILE}.{os.getpid()}"
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps({**_kept(), url: found}))
    fresh.replace(folder / FILE)
    return True


def _kept() -> dict[str, dict[str, str]]:
    try:
        told = json.loads((options().home / "keys" / FILE).read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
