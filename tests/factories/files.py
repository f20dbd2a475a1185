"""Output files of versions for tests, as the run's workspace would have left them."""

import json

from factories.accounts import NOW
from studium.notebooks.models import Version
from studium.storage import actions as storage


def give_files(version: Version, files: dict[str, bytes], *, left_out: int = 0, left_bytes: int = 0) -> Version:
    """Make these the output files of a version, numbered by their paths."""
    kept = []
    for path, content in sorted(files.items()):
        blob = storage.put(content, now=NOW)
        storage.hold(f"version:{version.pk}:{blob.digest}", blob.digest)
        kept.append({"path": path, "size": blob.size, "digest": blob.digest})
    manifest = storage.put(
        json.dumps({"files": kept, "left_out": left_out, "left_bytes": left_bytes}).encode(), now=NOW
    )
    storage.hold(f"version:{version.pk}:files", manifest.digest)
    Version.objects.filter(pk=version.pk).update(
        files=manifest.digest, files_count=len(kept), files_bytes=sum(len(content) for content in files.values())
    )
    version.refresh_from_db()
    return version
