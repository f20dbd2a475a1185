"""What people may name as a source, in its plain form. Pure but for the fence of addresses."""

import unicodedata
from typing import Any

from studium.errors import BadInput, StudiumError
from studium.outbound.fence import check_url
from studium.outbound.repositories import check_credentials, check_ref, check_repository
from studium.outbound.spelling import understood

MOST_URLS = 100
_LONGEST_FOLDER = 400


def check_urls(urls: list[str], *, unpack: bool = False) -> dict[str, Any]:
    """Addresses of files. Raises BadInput, or Refused for what may not be called."""
    found = list(dict.fromkeys(url.strip() for url in urls if url.strip()))
    if not found:
        raise BadInput("import.no_address", "There is no address.", "Give one or several, as https://host/file.csv.")
    if len(found) > MOST_URLS:
        raise BadInput("import.too_many", f"At most {MOST_URLS} addresses at once, not {len(found)}.", "Give fewer.")
    return {"urls": [_checked(url, alone=len(found) == 1) for url in found], "unpack": unpack}


def _checked(url: str, *, alone: bool) -> str:
    """Its plain form. What is raised names it where there are others, without a password or a key in it."""
    try:
        return check_url(url).url
    except StudiumError as error:
        if alone:
            raise
        shown = url.partition("?")[0].rpartition("@")[2][:200]
        raise type(error)(error.code, f"{shown}: {error.message}", error.next_step, error.facts) from None


def check_git(url: str, *, ref: str = "", folder: str = "", secret: str = "", username: str = "") -> dict[str, Any]:
    """A repository, and what of it. Raises BadInput, or Refused for what may not be called."""
    target = check_repository(url)
    check_credentials(target, secret.strip(), username)
    return {
        "url": target.url,
        "ref": check_ref(ref),
        "folder": _folder(folder),
        "secret": secret.strip(),
        "username": username,
    }


def _folder(folder: str) -> str:
    parts = [part for part in folder.strip().strip("/").split("/") if part not in ("", ".")]
    control = any(unicodedata.category(character)[0] == "C" for character in folder)
    if control or "\\" in folder or any(part == ".." or part.lower() == ".git" for part in parts):
        raise BadInput("import.folder", "This is no folder of a repository.", "Write it as data/raw.")
    if len(found := "/".join(parts)) > _LONGEST_FOLDER:
        raise BadInput("import.folder", "The folder's name is too long.", "Write it as data/raw.")
    return found


def shown_url(url: str) -> str:
    """An address as everybody may read it: what stands behind a question mark can be a key."""
    target = understood(url)
    return target.origin + target.rest.partition("?")[0]


def hosts_of(urls: list[str]) -> tuple[str, ...]:
    """Each host and port that the addresses name, as a run's spec has them."""
    found = []
    for target in map(understood, urls):
        host = f"[{target.host}]" if ":" in target.host else target.host
        found.append(f"{host}:{target.port}")
    return tuple(dict.fromkeys(found))
