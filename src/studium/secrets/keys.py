"""The key files, and sealing with them: AES-256-GCM, bound to the row a value belongs to.

A sealed value is one byte of format, a random nonce of 12 bytes, and the ciphertext with its tag.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from studium.config.options import options

_FORMAT, _NONCE = b"\x01", 12


class NoSuchKeyError(Exception):
    """The file of a key is not there."""


class WrongKeyError(Exception):
    """The sealed value is not of this key and row, or was changed."""


def path_of(key: str) -> Path:
    return options().home / "keys" / f"secrets-{key}"


def make(key: str) -> None:
    """Write a fresh key to its file, on the disk before this returns: rows that need it are committed after."""
    path = path_of(key)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(secrets.token_urlsafe(48))
        stream.flush()
        os.fsync(descriptor)
    fresh.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def drop(key: str) -> None:
    """Delete a key's file. Repeatable."""
    path_of(key).unlink(missing_ok=True)


def _cipher(key: str) -> AESGCM:
    try:
        text = path_of(key).read_text()
    except FileNotFoundError:
        raise NoSuchKeyError(key) from None
    return AESGCM(hmac.new(text.encode(), b"studium secrets", hashlib.sha256).digest())


def seal(key: str, value: str, bound_to: str) -> bytes:
    """The value sealed with the key, for the row that `bound_to` describes. Raises NoSuchKeyError."""
    nonce = os.urandom(_NONCE)
    return _FORMAT + nonce + _cipher(key).encrypt(nonce, value.encode(), bound_to.encode())


def unseal(key: str, sealed: bytes, bound_to: str) -> str:
    """Inverse of `seal`. Raises NoSuchKeyError or WrongKeyError."""
    nonce, content = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
    try:
        if sealed[:1] != _FORMAT:
            raise WrongKeyError(key)
        return _cipher(key).decrypt(nonce, content, bound_to.encode()).decode()
    except (InvalidTag, ValueError):
        raise WrongKeyError(key) from None
