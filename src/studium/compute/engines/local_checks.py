"""What this machine isolates and limits, found out by trying: the lines of `studium doctor` about runs."""

from pathlib import Path

from studium.compute.engines.base import Check, FoundMachine
from studium.runner import cgroups


def all_checks(home: Path, backend: cgroups.Backend, machine: FoundMachine) -> list[Check]:
    return []
