"""Brings the files of a commit: a clone without its history, of which the plain files of one folder stay.

What Git LFS keeps of them is brought too.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import git_talking
import git_tree
import git_verbs
import spelling
from fetch_errors import FetchError, Report, Room
from fetch_lfs import Lfs
from git_bridge import open_bridge
from git_clean import GitError, Remote

Json = dict[str, Any]


def fetch(wanted: Json, work: Path, out: Path, room: Room, report: Report) -> Json:
    """What was found; `unchanged` where the commit is the known one. Raises GitError, FetchError."""
    spelling.understood(wanted["url"])
    remote = _remote(wanted)
    tree = work / "tree"
    tree.mkdir(exist_ok=True)
    asked = {"ref": wanted["ref"], "depth": 1, "submodules": False, "url": wanted["url"], "verb": "clone"}
    asked["large_files"] = False  # those of the one folder alone, and none of them may be missing
    with tempfile.TemporaryDirectory(prefix="git-") as scratch:
        clone = git_verbs.Work(asked, tree, Path(scratch), remote)
        at_server = clone.look()
        if wanted["known"] and at_server.commit == wanted["known"]:
            return {"unchanged": True, "commit": at_server.commit}
        report.tell("running", name=at_server.name[:200])
        result = clone.clone()
        kept = git_tree.lfs_files(clone.git)
    shutil.rmtree(tree / ".git", ignore_errors=True)
    within = [name for name in kept if name.startswith(f"{wanted['folder']}/")] if wanted["folder"] else kept
    lfs = Lfs(remote, work, room, report, seconds=wanted["seconds"], pause=wanted["pause"])
    pointers = lfs.bring(tree, within)
    left_out = _take(tree, wanted["folder"], out, room)
    names = ("commit", "subject", "author", "committed_at", "ref", "kind")
    return {"left_out": left_out, "lfs": pointers, **{name: result.get(name) for name in names}}


def _remote(wanted: Json) -> Remote:
    name = wanted["secret"]
    proxy, helper = git_talking.proxy_and_helper(open_bridge(os.environ["STUDIUM_EGRESS"]), name)
    if not name:
        return Remote(wanted["url"], proxy, {}, helper)
    if name not in os.environ:
        raise GitError(
            "git.no_secret", f"This run was not given the secret {name}: it was removed, or its person left the team."
        )
    variables = {
        "STUDIUM_GIT_URL": wanted["url"],
        "STUDIUM_GIT_SECRET": name,
        "STUDIUM_GIT_USERNAME": wanted["username"],
        name: os.environ.pop(name),
    }
    return Remote(wanted["url"], proxy, variables, helper)


def _take(tree: Path, folder: str, out: Path, room: Room) -> int:
    """Move the folder's plain files out of the clone; how many links and the like were left."""
    source = tree
    for part in Path(folder).parts:
        source = source / part
        if source.is_symlink() or not source.is_dir():
            raise FetchError("git.folder_unknown", f"The commit has no folder {folder[:200]!r}.")
    left_out = 0
    for top, folders, names in os.walk(source):
        links = [name for name in folders if Path(top, name).is_symlink()]
        for name in links:
            Path(top, name).unlink()
        folders[:] = [name for name in folders if name not in links]
        left_out += len(links)
        for name in names:
            path = Path(top, name)
            if path.is_symlink() or not path.is_file():
                path.unlink()
                left_out += 1
                continue
            room.another_file()
            room.take(path.stat().st_size)
    shutil.rmtree(out, ignore_errors=True)
    source.rename(out)
    return left_out
