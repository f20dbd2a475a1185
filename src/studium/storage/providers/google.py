"""The token of a Google service account: its key signs a claim that Google's server exchanges for one of an hour.

Where that server is, is the operator's setting and not what the key's file names: that would be an address somebody else chose.
"""

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

from studium.config.options import options
from studium.errors import StudiumError
from studium.outbound.fence import check_url
from studium.storage.providers import reach
from studium.storage.providers.errors import Trouble, secret_unfit, trouble

_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
_SECONDS, _LIFE, _RENEWED_BEFORE = 4.0, 3600, 300
_ANSWER_BYTES = 64 * 1024
_lock = threading.Lock()
_known: dict[str, tuple[str, float]] = {}


def token(name: str, text: str) -> tuple[str, float]:
    """A bearer token for the key in the secret `name`, and until when it is used, in seconds since 1970.

    Raises a StudiumError that says what is wrong.
    """
    now, key = time.time(), _named(text)
    with _lock:
        found, until = _known.get(key, ("", 0.0))
    if found and until > now:
        return found, until
    fresh, seconds = _exchanged(_claim(name, text, int(now)))
    with _lock:
        for old in [each for each, (_, until) in _known.items() if until <= now]:
            del _known[old]
        _known[key] = (fresh, now + seconds - _RENEWED_BEFORE)
        return _known[key]


def forget(text: str) -> None:
    """The token for this key was not taken: ask for another one next time."""
    with _lock:
        _known.pop(_named(text), None)


def _named(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def token_url() -> str:
    """The server that is asked, which is what a claim is made out to as well."""
    return options().google_token_url


def _claim(name: str, text: str, now: int) -> str:
    try:
        told = json.loads(text)
        private = serialization.load_pem_private_key(str(told["private_key"]).encode(), None)
        issuer, key_id = str(told["client_email"]), str(told["private_key_id"])
    except (ValueError, KeyError, TypeError, RecursionError, UnsupportedAlgorithm):
        raise secret_unfit(name, "is no key of a service account in JSON") from None
    if not isinstance(private, rsa.RSAPrivateKey):
        raise secret_unfit(name, "has a key of another kind than RSA")
    claims = {"iss": issuer, "scope": _SCOPE, "aud": token_url(), "iat": now, "exp": now + _LIFE}
    signed = f"{_part({'alg': 'RS256', 'typ': 'JWT', 'kid': key_id})}.{_part(claims)}"
    return f"{signed}.{_base64(private.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _part(told: dict[str, Any]) -> str:
    return _base64(json.dumps(told).encode())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _exchanged(claim: str) -> tuple[str, int]:
    """The token, and the seconds that it is good for."""
    target = check_url(token_url())
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
                return str(told["access_token"]), min(int(told.get("expires_in", _LIFE)), _LIFE)
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
