"""The signed cookie that says who entered a content host, and the secrets the edge shares with the web process.

The cookie holds label, user and expiry under an HMAC. It belongs to one host, no script can read it, and a content host
that makes up its own cookie of the same name gains nothing: the signature is missing.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from studium.edge.port import Grant

COOKIE = "__Host-studium-grant"
_TRIED = 4


@dataclass(frozen=True)
class Entered:
    """A valid cookie: this user may ask for this label until `expires_at`."""

    label: str
    user: str
    expires_at: float


@dataclass(frozen=True)
class Keys:
    """`signing` signs grant cookies, `edge` is the word the edge and the web process know each other by."""

    signing: tuple[bytes, ...]
    edge: str


def load_keys(path: Path) -> Keys:
    """Read a key file: one secret a line, the newest first, each of at least 32 characters."""
    secrets = [line.strip().encode() for line in path.read_text().splitlines() if line.strip()]
    if not secrets or any(len(secret) < 32 for secret in secrets):
        raise ValueError(f"{path}: needs at least one line, and each line at least 32 characters")
    return Keys(
        signing=tuple(_derive(secret, b"studium grant cookie") for secret in secrets),
        edge=_derive(secrets[0], b"studium edge and web").hex(),
    )


def _derive(secret: bytes, purpose: bytes) -> bytes:
    return hmac.new(secret, purpose, hashlib.sha256).digest()


def cookie_value(grant: Grant, key: bytes) -> str:
    facts = json.dumps([grant.label, grant.user, grant.expires_at], separators=(",", ":")).encode()
    return f"{_encode(facts)}.{_encode(_signature(facts, key))}"


def set_cookie(grant: Grant, key: bytes, now: float) -> str:
    """The `Set-Cookie` line. It must travel in our editor's frame, which is on another site: hence its attributes."""
    age = max(0, int(grant.expires_at - now))
    value = cookie_value(grant, key)
    return f"{COOKIE}={value}; Max-Age={age}; Path=/; Secure; HttpOnly; SameSite=None; Partitioned"


def read_cookies(cookies: Iterable[tuple[str, str]], label: str, keys: tuple[bytes, ...], now: float) -> Entered | None:
    """The first valid grant for this label. Content can add cookies of the same name, so several are tried."""
    values = [value for name, value in cookies if name == COOKIE][:_TRIED]
    for value in values:
        entered = _read(value, keys)
        if entered is not None and entered.label == label and entered.expires_at > now:
            return entered
    return None


@lru_cache(maxsize=8192)  # each page of an editor asks dozens of times with the same cookie
def _read(value: str, keys: tuple[bytes, ...]) -> Entered | None:
    facts_part, _, signature_part = value.partition(".")
    try:
        facts, signature = _decode(facts_part), _decode(signature_part)
    except (binascii.Error, ValueError):
        return None
    if not any(hmac.compare_digest(signature, _signature(facts, key)) for key in keys):
        return None
    label, user, expires_at = json.loads(facts)
    return Entered(label, user, float(expires_at))


def _signature(facts: bytes, key: bytes) -> bytes:
    return hmac.new(key, facts, hashlib.sha256).digest()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
