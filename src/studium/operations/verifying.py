"""`studium storage verify`: read everything that is stored, and say which datasets, notebooks and snapshots damage hurts."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from studium.compute.volumes.models import Snapshot
from studium.compute.volumes.states import SnapshotState
from studium.compute.volumes.streaming import chunks_of
from studium.datasets.models import DatasetVersion
from studium.lib import clock
from studium.notebooks.snapshots.models import WorkspaceSnapshot
from studium.storage import manifests, mending, stores
from studium.storage.chunks import verify
from studium.storage.models import Blob, Hold


@dataclass(frozen=True, kw_only=True)
class Hurt:
    """Something stored that is damaged: `what` it is, `why` it is, and `who` it hurts, each in words; whether it was `mended`."""

    what: str
    why: str
    who: list[str]
    mended: bool = False


def verified(*, mend: bool = False) -> Iterator[Hurt]:
    """Read all of it, while everything runs, and yield what is damaged, mended first where that is asked and can be.

    Raises `StoreFailed` where the store does not answer.
    """
    yield from _blobs(mend=mend)
    damages = list(verify.damaged())
    if not damages:
        return
    mended = mending.mend_chunks([damage.digest for damage in damages], now=clock.now()) if mend else frozenset()
    files = _files_with({damage.digest for damage in damages})
    for damage in damages:
        what = f"chunk {damage.digest[:12]} of {damage.size:,} bytes in block {damage.block}"
        yield Hurt(what=what, why=damage.why, who=files.get(damage.digest, []), mended=damage.digest in mended)


def _blobs(*, mend: bool) -> Iterator[Hurt]:
    for digest in Blob.objects.filter(deleting=False).order_by("pk").values_list("digest", flat=True).iterator():
        whole = hashlib.sha256()
        try:
            for piece in stores.pieces(digest):
                whole.update(piece)
        except FileNotFoundError:
            why = "It is gone."
        else:
            if whole.hexdigest() == digest:
                continue
            why = "Its bytes are not what they were."
        if Blob.objects.filter(digest=digest, deleting=False).exists():  # else it was collected meanwhile
            holders = Hold.objects.filter(blob_id=digest).order_by("holder").values_list("holder", flat=True)
            mended = mend and mending.mend_blob(digest)
            yield Hurt(what=f"blob {digest[:12]}", why=why, who=list(holders[:50]), mended=mended)


def _files_with(digests: set[str]) -> dict[str, list[str]]:
    """The files of datasets and the snapshots that each of these chunks is part of."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, manifest in _snapshots():
        try:
            needed = chunks_of([manifest])
        except (OSError, ValueError):  # said already, as a blob
            continue
        for digest in digests & needed:
            found[digest].append(name)
    rows = DatasetVersion.objects.filter(deleted_at=None).select_related("dataset__team").order_by("pk")
    for version in rows.iterator():
        try:
            entries = manifests.read(version.manifest)
        except (OSError, ValueError):  # said already, as a blob
            continue
        name = f"{version.dataset.team.slug}/{version.dataset.slug}, version {version.number}"
        for entry in entries:
            for digest in digests.intersection(entry.chunks or ()):
                found[digest].append(f"{entry.path} of {name}")
    return found


def _snapshots() -> Iterator[tuple[str, str]]:
    """What each snapshot is called, and its manifest."""
    for row in Snapshot.objects.filter(state=SnapshotState.READY).select_related("team").order_by("pk").iterator():
        yield f"snapshot {row.pk} of the volume of {row.team.slug}", row.manifest
    workspaces = WorkspaceSnapshot.objects.filter(state=SnapshotState.READY).select_related("notebook__team")
    for each in workspaces.order_by("pk").iterator():
        yield f"snapshot {each.pk} of {each.notebook.team.slug}/{each.notebook.slug}", each.manifest
