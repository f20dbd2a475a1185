"""The starter gallery as pages show it."""

from studium.errors import NotFound
from studium.notebooks.gallery import GalleryEntry, gallery


def entry(slug: str) -> GalleryEntry:
    """The gallery's notebook of this name. Raises NotFound."""
    found = next((e for e in gallery() if e.slug == slug), None)
    if found is None:
        raise NotFound(
            "gallery.unknown", f"There is no notebook {slug!r} in the gallery.", "See the gallery for what there is."
        )
    return found
