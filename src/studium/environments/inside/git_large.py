"""Large files of a repository in the workspace: their content comes with commits, and goes before them."""

import os
import shutil
import time
from typing import Any

import git_talking as talking
import git_tree as trees
from fetch_errors import FetchError, Room, Silence
from fetch_lfs import Lfs, pointer_at
from git_clean import Git, GitError, Remote
from lfs_batch import Batch
from lfs_content import new_pointers
from send_lfs import MIB, Sending
from workspace_file import plain_file

Json = dict[str, Any]
_OLDER_SECONDS = 5
# Of what is wrong on the way to a server, by the code that fetching has for it.
_CODES = {
    "url.closed": "git.closed",
    "url.tls": "git.tls",
    "url.auth": "git.auth",
    "url.timeout": "git.unreachable",
    "url.unreachable": "git.unreachable",
    "url.refused": "git.unreachable",
}


def pointers_left(git: Git) -> list[str]:
    """The files of which the workspace has a pointer in place of the content."""
    return [name for name in trees.lfs_files(git) if pointer_at(git.tree, name)]


def bring(git: Git, remote: Remote, asked: Json, where: str = "") -> str:
    """Put what Git LFS keeps in place of its pointers. Of what does not come, which stays a pointer, a note."""
    pointers = pointers_left(git)
    if not pointers or not asked["large_files"]:
        return ""
    aside = git.folder / "studium-large"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    disk = os.statvfs(git.tree)
    room = Room(disk.f_bavail * disk.f_frsize, len(pointers))
    troubles: list[FetchError] = []
    try:
        Lfs(remote, aside, room, Silence(), **_patience(asked)).bring(git.tree, pointers, troubles)
    except FetchError as error:
        troubles.append(error)
    why = troubles[0].message if troubles else "the server keeps none"
    shutil.rmtree(aside, ignore_errors=True)
    left = [name for name in pointers if pointer_at(git.tree, name)]
    _make_known(git, [name for name in pointers if name not in left])
    return f"{len(left)} files {where}that Git LFS keeps are pointers here: {why}" if left else ""


def _make_known(git: Git, names: list[str]) -> None:
    """Let the index have these files as they are now, and older than itself.

    A file of the index's own second is looked at again, also by a git without our filter, which takes it for changed.
    """
    times = (time.time() - _OLDER_SECONDS,) * 2
    known = []
    for name in names:
        with plain_file(git.tree, name) as stream:
            if stream is None:
                continue
            if os.fstat(stream.fileno()).st_mtime > times[0]:
                os.utime(stream.fileno(), times)
            known.append(os.fsencode(name))
    done = git.run("update-index", "-q", "-z", "--stdin", given=b"\0".join(known), GIT_OPTIONAL_LOCKS="1")
    if done.code:
        raise talking.trouble(done.err)


def send(git: Git, remote: Remote, asked: Json, head: str, upstream: str, target: str) -> str:
    """Send the content of large files that commits up to `head` bring to the branch `target`; a note, where any was sent.

    `upstream` is the server's commit of the branch, empty where it is new. Raises GitError: then they are not to be pushed.
    """
    kept = new_pointers(git, head, [upstream] if upstream else talking.commits_of(git, remote))
    if not kept:
        return ""
    try:
        sent = Sending(Batch(remote, **_patience(asked)), git.tree, kept, f"refs/heads/{target}").send()
    except FetchError as error:
        words = error.message if error.code == "git.lfs" else f"Git LFS: {error.message}"
        raise GitError(_CODES.get(error.code, "git.lfs"), f"{words} Nothing was pushed.") from None
    names = {path for each in kept.values() for path in each.paths}
    _make_known(
        git, [os.fsdecode(name) for name in git.run("ls-files", "-z").out.split(b"\0") if os.fsdecode(name) in names]
    )
    size = sum(each.size for each in sent) / MIB
    return f"{len(sent)} large files were sent to the server ({size:,.1f} MiB)." if sent else ""


def _patience(asked: Json) -> dict[str, float]:
    return {"seconds": asked["seconds"], "pause": asked["pause"]}
