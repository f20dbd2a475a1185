"""What people may name: repositories, refs, paths, people. Pure but for the fence of addresses."""

import re
from dataclasses import dataclass

from studium.errors import BadInput, Refused
from studium.outbound.fence import check_url, named_by_operator
from studium.outbound.spelling import Target

LONGEST_URL, LONGEST_REF, LONGEST_PATH, DEEPEST = 1000, 200, 400, 100_000
_REF = re.compile(r"[^\x00-\x20\x7f~^:?*\[\\\"]+")
_USER = re.compile(r"[A-Za-z0-9._@+-]{0,100}")
_REMOTE_HELPER = re.compile(r"[A-Za-z0-9+.-]+::")
_SCP = re.compile(r"(?:[\w.-]+@)?[\w.-]+:(?!//)")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A repository and what is to be had of it. `depth` 0 is the whole history, an empty ref the default branch."""

    url: str
    ref: str = ""
    path: str = ""
    secret: str = ""
    username: str = ""
    submodules: bool = False
    depth: int = 0


def check(wanted: Wanted) -> tuple[Wanted, Target]:
    """The same in its plain form. Raises BadInput or Refused with a stable code."""
    target = check_repository(wanted.url)
    if wanted.depth < 0 or wanted.depth > DEEPEST:
        raise BadInput("git.depth", "The history goes from 1 commit up; 0 is all of it.", "Leave it out for all.")
    if not _USER.fullmatch(wanted.username):
        raise BadInput("git.username", "This is no user name.", "Leave it out unless the server wants one.")
    if target.scheme == "http" and wanted.secret and not named_by_operator(target):
        raise Refused("git.scheme", "A secret is not sent without encryption.", "Use https://.")
    plain = Wanted(
        url=target.url,
        ref=check_ref(wanted.ref),
        path=check_path(wanted.path) if wanted.path.strip() else "",
        secret=wanted.secret.strip(),
        username=wanted.username,
        submodules=wanted.submodules,
        depth=wanted.depth,
    )
    return plain, target


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


def check_path(path: str) -> str:
    """The path of a notebook below the repository. Raises BadInput."""
    name = path.strip().removeprefix("./")
    parts = name.split("/")
    bad = any(part in ("", ".", "..") or part.lower() == ".git" for part in parts) or not name.isprintable()
    if bad or len(name.encode()) > LONGEST_PATH or not name.endswith(".ipynb") or "\\" in name:
        raise BadInput("git.path", "This is no notebook's path in a repository.", "Write it as folder/name.ipynb.")
    return name


def check_message(message: str) -> str:
    """The message of a commit. Raises BadInput."""
    text = message.replace("\r\n", "\n").strip()
    if not text or len(text) > 5000 or any(ord(c) < 32 and c not in "\n\t" for c in text):
        raise BadInput("git.message", "A commit needs a message of at most 5000 characters.", "Say what was changed.")
    return text


def title_of(target: Target) -> str:
    """What to call a notebook of this repository."""
    last = target.rest.rstrip("/").rpartition("/")[2].removesuffix(".git")
    return last.replace("-", " ").replace("_", " ").strip()[:100] or "From git"
