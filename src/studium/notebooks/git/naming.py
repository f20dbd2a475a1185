"""What people may name: repositories, refs, paths, people. Pure but for the fence of addresses."""

from dataclasses import dataclass

from studium.errors import BadInput
from studium.outbound.repositories import check_credentials, check_ref, check_repository
from studium.outbound.spelling import Target

LONGEST_PATH, DEEPEST = 400, 100_000


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
    check_credentials(target, wanted.secret, wanted.username)
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
