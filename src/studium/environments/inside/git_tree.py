"""What a commit and the workspace hold: notebooks, sizes, submodules, large files, and what stands in the way of what."""

import os
import re
from pathlib import Path
from typing import NamedTuple

from git_clean import Git, GitError

MOST_FILES, MOST_NOTEBOOKS = 200_000, 2000
LARGEST_PUSHED = 95 * 1024**2
_SUBMODULE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]{0,200}")


class Contents(NamedTuple):
    """Of one commit: paths of notebooks, bytes and number of its files, and its submodules' commits by path."""

    notebooks: list[str]
    size: int
    files: int
    submodules: dict[str, str]


def contents(git: Git, commit: str) -> Contents:
    """Look through a commit's tree. One that never ends is not read to its end. Raises GitError."""
    notebooks: list[str] = []
    size = files = 0
    submodules: dict[str, str] = {}
    with git.lines("ls-tree", "-r", "-l", "-z", "--full-tree", commit) as lines:
        for line in lines:
            facts, _, name = line.partition(b"\t")
            mode, kind, number, length = facts.split()
            files += 1
            if files > MOST_FILES:
                raise GitError("git.too_many_files", f"The repository has more than {MOST_FILES} files.")
            if kind == b"commit":
                submodules[os.fsdecode(name)] = number.decode()
                continue
            size += int(length) if length.isdigit() else 0
            path = shown_path(name)
            plain = mode.startswith(b"100") and path.endswith(".ipynb") and ".ipynb_checkpoints/" not in path
            if plain and len(notebooks) < MOST_NOTEBOOKS:
                notebooks.append(path)
    return Contents(sorted(notebooks, key=lambda path: (path.count("/"), path)), size, files, submodules)


def shown_path(name: bytes) -> str:
    """The path as text, empty where it cannot be written down."""
    try:
        path = name.decode()
    except UnicodeDecodeError:
        return ""
    return path if len(name) <= 400 and path.isprintable() else ""


def check_room(tree: Path, size: int) -> None:
    """Raises GitError where the files do not fit beside what is there."""
    disk = os.statvfs(tree)
    if size > disk.f_bavail * disk.f_frsize:
        words = f"The files take {size // 1024**2} MiB and {disk.f_bavail * disk.f_frsize // 1024**2} MiB are free."
        raise GitError("git.disk_full", f"The repository does not fit into the workspace. {words}")


def lfs_files(git: Git, paths: list[bytes] | None = None) -> list[str]:
    """Which of the files (all that git knows, where none are named) are kept by Git LFS."""
    if paths is None and not _has_attributes(git):
        return []
    known = b"\0".join(paths) if paths is not None else git.run("ls-files", "-z").out
    fields = git.run("check-attr", "-z", "--stdin", "filter", given=known).out.split(b"\0")
    return [os.fsdecode(fields[at]) for at in range(0, len(fields) - 2, 3) if fields[at + 2] == b"lfs"]


def _has_attributes(git: Git) -> bool:
    if (git.tree / ".gitattributes").exists():
        return True
    return bool(git.run("ls-files", "-z", "--", ":(glob)**/.gitattributes", GIT_LITERAL_PATHSPECS="0").out)


class Change(NamedTuple):
    """A file that differs from the commit: its state in two letters, as git writes it, and its path."""

    state: str
    path: bytes

    @property
    def name(self) -> str:
        return self.path.decode(errors="replace")


def changes(git: Git) -> list[Change]:
    """What was changed in the workspace since the commit, new files among it, ignored ones not."""
    git.run("update-index", "-q", "--refresh", GIT_OPTIONAL_LOCKS="1")
    done = git.run("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=all")
    if done.code:
        raise GitError("git.broken", f"The workspace's repository cannot be read: {done.err.strip()[-200:]}")
    return [Change(line[:2].decode(), line[3:]) for line in done.out.split(b"\0") if line]


def unchanged(git: Git, most: int = 5000) -> tuple[list[str], list[str]]:
    """Paths of the files that are as the commit has them, and the folders of submodules."""
    other = {change.path for change in changes(git)}
    files, folders = [], []
    for line in git.run("ls-files", "-s", "-z").out.split(b"\0"):
        facts, _, name = line.partition(b"\t")
        path = shown_path(name)
        if not path or name in other:
            continue
        if facts.startswith(b"160000"):
            folders.append(path)
        elif facts.startswith(b"100") and len(files) < most:
            files.append(path)
    return files, folders


def in_the_way(git: Git, old: str, new: str) -> list[bytes]:
    """Files of the workspace that going from one commit to the other would overwrite, ignored ones too."""
    done = git.run("diff", "--name-only", "-z", "--no-renames", "--ignore-submodules=all", old, new)
    coming = [name for name in done.out.split(b"\0") if name]
    changed = {change.path for change in changes(git)}
    known = set(git.run("ls-files", "-z").out.split(b"\0"))
    root = os.fsencode(git.tree)
    return [name for name in coming if name in changed or (name not in known and _stands(root, name, known))]


def _stands(root: bytes, name: bytes, known: set[bytes]) -> bool:
    """Whether something that git does not know stands at the path or where one of its folders is to be."""
    if os.path.lexists(os.path.join(root, name)):
        return not os.path.isdir(os.path.join(root, name)) or not any(k.startswith(name + b"/") for k in known)
    while name := os.path.dirname(name):
        place = os.path.join(root, name)
        if os.path.lexists(place) and not (os.path.isdir(place) and not os.path.islink(place)) and name not in known:
            return True
    return False


def set_aside(git: Git, paths: list[bytes], stamp: str) -> list[str]:
    """Give the files of the workspace other names beside the old ones; these names."""
    kept = []
    root = os.fsencode(git.tree)
    for path in paths:
        place = os.path.join(root, path)
        if not os.path.lexists(place):
            continue
        stem, ending = os.path.splitext(path)
        aside = stem + b".yours-" + stamp.encode() + ending
        os.rename(place, os.path.join(root, aside))
        kept.append(aside.decode(errors="replace"))
    git.run("reset", "-q", "--pathspec-from-file=-", "--pathspec-file-nul", "HEAD", given=b"\0".join(paths))
    return kept


def submodule_settings(git: Git, commit: str) -> dict[str, tuple[str, str]]:
    """Name and address of each submodule of `.gitmodules`, by path; those with a name or path that is not plain are not."""
    done = git.run("config", "--blob", f"{commit}:.gitmodules", "-z", "--list")
    told: dict[str, dict[str, str]] = {}
    for entry in done.out.decode(errors="replace").split("\0"):
        key, _, value = entry.partition("\n")
        name, _, field = key.removeprefix("submodule.").rpartition(".")
        if key.startswith("submodule.") and field in ("path", "url"):
            told.setdefault(name, {})[field] = value
    found = {}
    for name, fields in told.items():
        path = fields.get("path", "")
        if is_plain_path(name) and _SUBMODULE_NAME.fullmatch(name) and is_plain_path(path):
            found[path] = (name, fields.get("url", ""))
    return found


def is_plain_path(path: str) -> bool:
    parts = path.split("/")
    return bool(path) and path.isprintable() and not path.startswith("-") and not any(
        part in ("", ".", "..") or part.lower().startswith(".git") or part.endswith(".lock") or "\\" in part for part in parts
    )  # fmt: skip


def leads_through_link(tree: Path, path: str) -> bool:
    """Whether a folder on the way to the path, or the path itself, is a link."""
    place = tree
    for part in path.split("/"):
        place = place / part
        if place.is_symlink():
            return True
    return False
