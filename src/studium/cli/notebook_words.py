"""What the commands say of one notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studium.cli import output
from studium.lib.units import duration_words, size_words

if TYPE_CHECKING:
    from studium.client.shapes import Notebook, Run


def run_line(run: Run) -> str:
    """`Running on cpu-small (run abc): 12 min so far, $0.02.`"""
    spent = (
        f" {duration_words(run.running_seconds)} so far, {run.cost}." if run.running_seconds and not run.ended else ""
    )
    simulated = ", simulated" if run.simulated else ""
    return f"Run {run.id} on {run.machine_label}{simulated}: {run.words}{spent}"


def facts(found: Notebook) -> list[tuple[str, object]]:
    """All that `show` tells."""
    return [
        ("name", found.name),
        ("title", found.title),
        ("id", found.id),
        ("project", found.project),
        ("seen by", found.visibility),
        ("shared with you as", found.shared_as),
        ("tags", ", ".join(found.tags)),
        ("environment", _environment(found)),
        ("internet", "yes" if found.internet else "no"),
        ("cells", f"{found.cells} ({found.language}, {size_words(found.document_bytes)})"),
        ("upgraded", found.upgrade),
        ("made by", f"{found.created_by}, {output.ago(found.created_at)}"),
        ("copied from", _origin(found)),
        ("changed", output.ago(found.changed_at)),
        ("page", found.url),
        ("people", f"{found.votes} votes, {found.comments} comments"),
        ("copies", found.copies or ""),
        ("taken down", found.taken_down_reason),
        ("now", run_line(found.run) if found.run else "not running"),
    ]


def _environment(found: Notebook) -> str:
    return (
        found.environment
        if found.environment_build is None
        else f"{found.environment}, build {found.environment_build}"
    )


def _origin(found: Notebook) -> str:
    if found.copied_from is None:
        return ""
    version = found.copied_from.version
    return found.copied_from.name if version is None else f"{found.copied_from.name}, version {version}"


def nothing_runs(found: Notebook, others: list[Run]) -> str:
    """After a stop: the workspace is free, but runs of versions have workspaces of their own and are stopped one by one."""
    if not others:
        return f"Nothing runs for {found.name} any more."
    commands = ", ".join(f"studium runs stop {run.id}" for run in others)
    many = len(others) > 1
    return f"No session of {found.name} runs, but {'runs of versions go' if many else 'the run of a version goes'} on: {commands}"
