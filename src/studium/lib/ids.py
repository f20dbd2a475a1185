"""Random identifiers: short enough to read aloud, long enough not to be guessed, safe in a host name and a file name."""

import hashlib
import secrets

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # no i, l, o, 0, 1: they are misread


def new_id(length: int = 12) -> str:
    """A random identifier of `length` characters (about 4.95 bits each), starting with a letter."""
    head = secrets.choice(_ALPHABET[:23])
    return head + "".join(secrets.choice(_ALPHABET) for _ in range(length - 1))


def new_secret() -> str:
    """A URL-safe secret of 256 random bits."""
    return secrets.token_urlsafe(32)


def secret_digest(secret: str) -> str:
    """Hex SHA-256 of a secret of full entropy; what is stored instead of it."""
    return hashlib.sha256(secret.encode()).hexdigest()
