"""What uploads need kept."""

from studium.storage.models import Upload
from studium.storage.uploads.actions import split


def needed_by(owner: str) -> set[str]:
    """The digests of all chunks that the owner's uploads have so far: they stay as long as an upload can be gone on with."""
    rows = Upload.objects.filter(owner=owner).values_list("chunks", flat=True)
    return {digest for chunks in rows for digest in split(bytes(chunks))}
