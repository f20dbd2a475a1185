"""Reads of versions: listings, one by its number, its files, its log."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Q, QuerySet, Sum

from studium.accounts.models import Team
from studium.compute.models import Run
from studium.compute.queries import read_log
from studium.compute.states import ENDINGS, Reason
from studium.errors import BadInput, NotFound
from studium.notebooks.models import Notebook, Version
from studium.notebooks.states import VersionKind
from studium.storage import actions as storage
from studium.storage import stores
from studium.storage.chunks.queries import begun

_MOST_LOG = 64 * 1024**2
_PIECE = 1024 * 1024


def how_it_ended(run: Run) -> str:
    """What a run that has ended says of it: the cell and its error, who stopped it, or else the reason's own words."""
    return run.message.strip() or ENDINGS[Reason(run.reason)].title


@dataclass(frozen=True, kw_only=True)
class OutputFile:
    """One file that a version's run left in its workspace."""

    path: str
    size: int
    digest: str

    @property
    def known_by(self) -> str:
        """What names these bytes and no others."""
        return self.digest

    def pieces(self, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Its bytes from `start` on. Raises FileNotFoundError before the first where they are not kept."""
        return begun(self._pieces(start, length))

    def parts(self, start: int, length: int) -> list[stores.Part] | None:
        """Where these bytes lie in the store's folder; None where that is not the store, or lacks some."""
        return stores.part_of(self.digest, start, length)

    def _pieces(self, start: int, length: int | None) -> Iterator[bytes]:
        end = self.size if length is None else min(self.size, start + length)
        while start < end:
            wanted = min(_PIECE, end - start)
            piece = storage.get_part(self.digest, start, wanted)
            yield piece
            if len(piece) < wanted:
                return
            start += wanted


@dataclass(frozen=True, kw_only=True)
class OutputFiles:
    """All of them by path, and how many (with how many bytes) went beyond the limits and were not kept."""

    files: list[OutputFile]
    left_out: int = 0
    left_bytes: int = 0


def kept_volumes() -> Q:
    """Versions whose run's workspace is still there."""
    return Q(kind=VersionKind.RUN, volume_deleted_at=None)


def versions_of(notebook: Notebook) -> QuerySet[Version]:
    """Newest first, with what a listing tells of them."""
    rows = Version.objects.filter(notebook=notebook).order_by("-number")
    return rows.select_related(
        "created_by", "run__machine_type", "run__team", "run__user", "run__machine", "run__launch"
    )


def version_of(notebook: Notebook, number: int) -> Version:
    """One version. The caller fetched the notebook as the user. Raises NotFound."""
    found = versions_of(notebook).filter(number=number).first()
    if found is None:
        raise NotFound(
            "version.unknown",
            f"{notebook.title} has no version {number}.",
            f"`studium notebooks versions {notebook.team.slug}/{notebook.slug}` shows those there are.",
        )
    return found


def newest_run(notebook: Notebook) -> Version | None:
    """The newest version that was run, however that went."""
    return versions_of(notebook).filter(kind=VersionKind.RUN).first()


def number_in(text: str) -> int:
    """The number a person wrote as `3` or `v3`. Raises BadInput."""
    digits = text.strip().lower().removeprefix("v")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 9:
        raise BadInput("version.number", f"{text!r} is not a version's number.", "Write it as 3.")
    return int(digits)


def stored_bytes(team: Team) -> int:
    """What the versions of the team's live notebooks take: documents and output files, each counted for its version."""
    rows = Version.objects.filter(notebook__team=team, notebook__deleted_at=None)
    found = rows.aggregate(files=Sum("files_bytes"), documents=Sum("document_bytes"))
    return (found["files"] or 0) + (found["documents"] or 0)


def output_files(version: Version) -> OutputFiles:
    """The manifest of a version's output files; empty while it runs and for a quick one."""
    if not version.files:
        return OutputFiles(files=[])
    found = json.loads(storage.get(version.files))
    return OutputFiles(
        files=[OutputFile(**each) for each in found["files"]],
        left_out=found["left_out"],
        left_bytes=found["left_bytes"],
    )


def output_file(version: Version, path: str) -> OutputFile:
    """One output file by its path. Raises NotFound."""
    found = next((each for each in output_files(version).files if each.path == path), None)
    if found is None:
        raise NotFound(
            "version.no_file",
            f"Version {version.number} has no output file {path!r}.",
            "Its page and `studium notebooks files` list those there are.",
        )
    return found


def log_of(version: Version) -> bytes:
    """What the version's run printed; empty for a quick one."""
    return read_log(version.run, 0, _MOST_LOG)[0] if version.run else b""
