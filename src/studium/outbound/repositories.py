"""What people may name of git repositories: addresses, refs, who they are there. Pure but for the fence of addresses."""

import re

from studium.errors import BadInput, Refused
from studium.outbound.fence import check_url, named_by_operator
from studium.outbound.spelling import Target

LONGEST_URL, LONGEST_REF = 1000, 200
_REF = re.compile(r"[^\x00-\x20\x7f~^:?*\[\\\"]+")
_USER = re.compile(r"[A-Za-z0-9._@+-]{0,100}")
_REMOTE_HELPER = re.compile(r"[A-Za-z0-9+.-]+::")
_SCP = re.compile(r"(?:[\w.-]+@)?[\w.-]+:(?!//)")


def check_repository(url: str) -> Target:
    """Where a repository is. `http://` only for what the operator allows by name or network."""
    text = url.strip()
    https = "Write it as https://host/path.git."
    if text.startswith("-"):
        raise BadInput("git.url", "An address does not begin with a dash.", https)
    if _REMOTE_HELPER.match(text):
        raise BadInput("git.scheme", "Addresses with :: are programs to run, and are refused.", https)
    if _SCP.match(text) or text.lower().startswith("ssh://"):
        raise BadInput("git.scheme", "Repositories are reached by https, not by ssh.", https)
    if len(text) > LONGEST_URL:
        raise BadInput("git.url", "The address is too long.", https)
    target = check_url(text, ("https", "http"))
    if target.scheme == "http" and not named_by_operator(target):
        raise Refused("git.scheme", "Repositories are reached by https, not without encryption.", https)
    if "?" in target.rest or target.rest == "/":
        raise BadInput("git.url", "The address names no repository.", https)
    return target


def check_ref(ref: str) -> str:
    """A branch, a tag or a whole commit, by git's own rules; empty for the default branch. Raises BadInput."""
    name = ref.strip()
    for beginning in ("refs/heads/", "refs/tags/"):
        name = name.removeprefix(beginning)
    if not name:
        return ""
    parts = name.split("/")
    bad = name.startswith("-") or name.endswith(".") or ".." in name or "@{" in name or name in ("@", "HEAD")
    bad = bad or any(part == "" or part.startswith(".") or part.endswith(".lock") for part in parts)
    if bad or len(name.encode()) > LONGEST_REF or not _REF.fullmatch(name) or not name.isprintable():
        raise BadInput(
            "git.ref", "This can be no branch, tag or commit.", "Write it as main, v1.2 or a commit's 40 digits."
        )
    return name


def check_credentials(target: Target, secret: str, username: str) -> None:
    """Who somebody is at the server. Raises BadInput, or Refused where the secret would travel for all to read."""
    if not _USER.fullmatch(username):
        raise BadInput("git.username", "This is no user name.", "Leave it out unless the server wants one.")
    if target.scheme == "http" and secret and not named_by_operator(target):
        raise Refused("git.scheme", "A secret is not sent without encryption.", "Use https://.")
