"""Keys and shared access signatures of Azure: which of them a secret holds, and a signature made with a key."""

import base64
import hmac
from datetime import datetime
from urllib.parse import urlencode

from studium.storage.providers.errors import secret_unfit

# Of the documentation's "service SAS"; from it on, what is signed has these sixteen lines.
_VERSION = "2020-12-06"


def is_signature(key: str) -> bool:
    """Whether it is a shared access signature, with or without its question mark, and no key. A key may end with `sig==`."""
    return "&sig=" in f"&{key.removeprefix('?')}"


def key_bytes(name: str, key: str) -> bytes:
    """The account's key that the secret `name` holds. Raises Refused."""
    try:
        return base64.b64decode(key, validate=True)
    except ValueError:
        raise secret_unfit(name, "is neither a key nor a shared access signature of Azure") from None


def reading(account: str, container: str, key: bytes, until: datetime) -> str:
    """A signature with which the container can be listed and its files read until then, and nothing else."""
    rights, end = "rl", until.strftime("%Y-%m-%dT%H:%M:%SZ")
    lines = [rights, "", end, f"/blob/{account}/{container}", "", "", "", _VERSION, "c", *[""] * 7]
    signed = base64.b64encode(hmac.digest(key, "\n".join(lines).encode(), "sha256")).decode()
    return urlencode({"sv": _VERSION, "se": end, "sr": "c", "sp": rights, "sig": signed})
