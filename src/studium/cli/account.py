"""Which server and whose token a command uses: `STUDIUM_URL` and `STUDIUM_TOKEN` win over the file that `login` writes.

The file is `studium/login.json` below `XDG_CONFIG_HOME`, readable by its owner only.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from studium.client import StudiumClientError

# Of a platform that runs here; who set another port for it has the variable set.
DEFAULT_URL = f"http://localhost:{os.environ.get('STUDIUM_PORT') or 8000}"


@dataclass(frozen=True, kw_only=True)
class Account:
    """A server and a token; `token` is empty when nobody signed in."""

    url: str
    token: str


def login_file() -> Path:
    """Where `login` keeps the account."""
    base = os.environ.get("XDG_CONFIG_HOME")
    folder = Path(base) if base and Path(base).is_absolute() else Path.home() / ".config"
    return folder / "studium" / "login.json"


def current(url: str = "") -> Account:
    """The account of this command. A token of the file is only ever sent to the server it was made for."""
    kept = _read()
    wanted = url or os.environ.get("STUDIUM_URL", "") or kept.url or DEFAULT_URL
    token = os.environ.get("STUDIUM_TOKEN", "")
    if not token and _same(wanted, kept.url):
        token = kept.token
    return Account(url=wanted, token=token)


def _same(one: str, other: str) -> bool:
    from studium.client.transport import clean_url

    return bool(other) and clean_url(one) == clean_url(other)


def _read() -> Account:
    path = login_file()
    try:
        data = json.loads(path.read_text())
        return Account(url=str(data["url"]), token=str(data["token"]))
    except FileNotFoundError:
        return Account(url="", token="")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StudiumClientError(
            f"{path} cannot be read: {error}.", "Remove it and run `studium login` again."
        ) from error


def keep(account: Account) -> Path:
    """Write the account, whole or not at all, for its owner's eyes only."""
    path = login_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            json.dump({"url": account.url, "token": account.token}, stream)
        fresh.replace(path)
    except OSError as error:
        raise StudiumClientError(
            f"{path} cannot be written: {error.strerror}.", "Set STUDIUM_URL and STUDIUM_TOKEN instead."
        ) from error
    return path


def forget() -> bool:
    """Remove the file; False if there was none."""
    try:
        login_file().unlink()
    except FileNotFoundError:
        return False
    return True
