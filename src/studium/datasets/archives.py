"""Versions as archives, which need not be made before they are sent."""

import hashlib
from functools import partial

from studium.datasets.models import DatasetVersion
from studium.datasets.queries import files_of
from studium.errors import NotFound
from studium.lib.zipping import Archive, Member
from studium.storage.contents import streamed


def archive_of(version: DatasetVersion, below: str = "") -> Archive:
    """The files of a version, or those in a folder under their names there. Raises NotFound where it has none."""
    inside = f"{below.strip('/')}/" if below.strip("/") else ""
    found = [entry for entry in files_of(version) if entry.path.startswith(inside)]
    if not found:
        raise NotFound(
            "dataset.folder_unknown", f"Version {version.number} has no folder {below[:200]!r}.", "Look at its files."
        )
    cut = len(inside)
    members = [Member(entry.path[cut:], entry.size, entry.crc or 0) for entry in found]
    return Archive(members, version.created_at, partial(streamed, found))


def name_of(version: DatasetVersion, below: str = "") -> str:
    """What the archive is called."""
    folder = below.strip("/").rpartition("/")[2]
    return f"{version.dataset.slug}-v{version.number}{f'-{folder}' if folder else ''}.zip"


def etag_of(version: DatasetVersion, below: str = "") -> str:
    """Changes when the bytes of the archive would."""
    return hashlib.sha256(
        f"{version.manifest} {version.created_at.isoformat()} {below.strip('/')}".encode()
    ).hexdigest()
