"""The token of a Google service account: its key signs a claim that Google's own server exchanges for one of an hour."""

import base64
import hashlib
import http.client
import json
import threading
import time
from contextlib import closing
from typing import Any
from urllib.parse import urlencode

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from studium.errors import StudiumError
from studium.outbound.fence import check_url
from studium.storage.providers import reach
from studium.storage.providers.errors import Trouble, secret_unfit, trouble

# Not what the key's file names: that would be another address that somebody chose.
TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105
_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
_SECONDS, _LIFE, _RENEWED_BEFORE = 4.0, 3600, 300
_ANSWER_BYTES = 64 * 1024
_lock = threading.Lock()
_known: dict[str, tuple[str, float]] = {}


def token(name: str, text: str) -> str:
    """A bearer token for the key in the secret `name`. Raises a StudiumError that says what is wrong."""
    now, key = time.time(), hashlib.sha256(text.encode()).hexdigest()
    with _lock:
        found, until = _known.get(key, ("", 0.0))
    if found and until > now:
        return found
    fresh = _exchanged(_claim(name, text, int(now)))
    with _lock:
        for old in [each for each, (_, until) in _known.items() if until <= now]:
            del _known[old]
        _known[key] = (fresh, now + _LIFE - _RENEWED_BEFORE)
    return fresh


def _claim(name: str, text: str, now: int) -> str:
    try:
        told = json.loads(text)
        private = serialization.load_pem_private_key(str(told["private_key"]).encode(), None)
        issuer, key_id = str(told["client_email"]), str(told["private_key_id"])
    except (ValueError, KeyError, TypeError, RecursionError, UnsupportedAlgorithm):
        raise secret_unfit(name, "is no key of a service account in JSON") from None
    if not isinstance(private, rsa.RSAPrivateKey):
        raise secret_unfit(name, "has a key of another kind than RSA")
    claims = {"iss": issuer, "scope": _SCOPE, "aud": TOKEN_URL, "iat": now, "exp": now + _LIFE}
    signed = f"{_part({'alg': 'RS256', 'typ': 'JWT', 'kid': key_id})}.{_part(claims)}"
    return f"{signed}.{_base64(private.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _part(told: dict[str, Any]) -> str:
    return _base64(json.dumps(told).encode())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _exchanged(claim: str) -> str:
    target = check_url(TOKEN_URL)
    body = urlencode({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": claim})
    headers = {"Host": target.netloc, "Content-Type": "application/x-www-form-urlencoded"}
    connection = http.client.HTTPConnection(target.host, target.port, timeout=_SECONDS)
    connection.sock = reach.connected(target, _SECONDS)
    try:
        with closing(connection):
            connection.request("POST", target.rest, body=body, headers=headers)
            answer = connection.getresponse()
            told = json.loads(answer.read(_ANSWER_BYTES))
            if answer.status == 200:
                return str(told["access_token"])
            raise _refused(answer.status, told, target.netloc)
    except TimeoutError:
        raise trouble(Trouble.TIMEOUT, target.netloc) from None
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        raise trouble(Trouble.AWAY, target.netloc, "its answer is no token") from None


def _refused(status: int, told: dict[str, Any], where: str) -> StudiumError:
    if status >= 500 or status == 429:
        return trouble(Trouble.AWAY, where, f"status {status}")
    # Google says of a clock that is off that the token must be short-lived.
    words = str(told.get("error_description", ""))
    if "short-lived" in words or "timeframe" in words:
        return trouble(Trouble.CLOCK)
    return trouble(Trouble.KEY_UNKNOWN if "account" in words else Trouble.SIGNATURE_WRONG)
