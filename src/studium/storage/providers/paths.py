"""Paths below a provider's prefix: one spelling each, and never out of it."""

from studium.storage.providers.errors import bad_path
from studium.storage.providers.states import PATH_LENGTH


def file_path(path: str) -> str:
    """The path of a file. Raises BadInput."""
    parts = path.split("/")
    if not path or len(path) > PATH_LENGTH or any(part in ("", ".", "..") for part in parts) or not path.isprintable():
        raise bad_path(path)
    return path


def folder_path(path: str) -> str:
    """The path of a folder, without a slash at its end; empty for the topmost. Raises BadInput."""
    bare = path.removesuffix("/")
    return file_path(bare) if bare else ""
