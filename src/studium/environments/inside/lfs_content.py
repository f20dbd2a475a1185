"""Large files that commits stand for and a server may lack, and where their content is in the workspace.

That of a file of the workspace, or what `git-lfs` keeps in `.git/lfs/objects` where somebody used it in a terminal.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import git_tree
import lfs_pointer
from fetch_urls import PIECE
from git_clean import HEX, Git, GitError, last_words
from lfs_pointer import Pointer
from workspace_file import plain_file

MOST_SENT = 5000
_BLOBS_AT_ONCE = 1000


class Kept(NamedTuple):
    """Where commits have a pointer: the paths, and whether Git LFS keeps any of them by `.gitattributes`.

    Where it does not it may as well be a text that tells of pointers.
    """

    paths: list[str]
    kept: bool


class ChangedError(Exception):
    """The file is not what the commit has any more."""


def new_pointers(git: Git, head: str, known: list[str]) -> dict[Pointer, Kept]:
    """What the commits of `head` stand for beyond those of `known`, which may be commits that are not here.

    Raises GitError for more than are sent.
    """
    paths: dict[bytes, list[str]] = {}
    for number, path in _small_blobs(git, head, known):
        paths.setdefault(number, []).append(path)
    found: dict[Pointer, list[bytes]] = {}
    numbers = list(paths)
    for first in range(0, len(numbers), _BLOBS_AT_ONCE):
        for number, content in _contents(git, numbers[first : first + _BLOBS_AT_ONCE]):
            if pointer := lfs_pointer.understood(content):
                found.setdefault(pointer, []).append(number)
    if not found:
        return {}
    if len(found) > MOST_SENT:
        raise GitError(
            "git.lfs_too_many", f"More than {MOST_SENT} large files are new: that is more than one push sends."
        )
    pointing = {number for numbers in found.values() for number in numbers}
    for number, path in _now(git):
        if number in pointing and path not in paths[number]:
            paths[number].append(path)
    each = {
        pointer: [path for number in numbers for path in paths[number] if path] for pointer, numbers in found.items()
    }
    names = [os.fsencode(path) for several in each.values() for path in several]
    kept = set(git_tree.lfs_files(git, names))
    return {pointer: Kept(several, not kept.isdisjoint(several)) for pointer, several in each.items()}


def _small_blobs(git: Git, head: str, known: list[str]) -> Iterator[tuple[bytes, str]]:
    """Blobs that may be pointers, each with a path that it has or had."""
    given = "\n".join([head, *(f"^{commit}" for commit in known if HEX.fullmatch(commit)), ""])
    done = git.run(
        "rev-list", "--objects", "--ignore-missing", "--filter=object:type=blob",
        f"--filter=blob:limit={lfs_pointer.LONGEST + 1}", "--stdin", given=given.encode(),
    )  # fmt: skip
    if done.code:
        raise GitError("git.broken", f"The new commits cannot be read: {last_words(done.err)}")
    for line in done.out.split(b"\n"):
        number, _, path = line.partition(b" ")
        if path:  # a commit has none
            yield number, os.fsdecode(path)


def _contents(git: Git, numbers: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
    said = git.run("cat-file", "--batch", given=b"".join(number + b"\n" for number in numbers)).out
    at = 0
    while (end := said.find(b"\n", at)) >= 0:
        number, kind, *size = said[at:end].split(b" ")
        if not size:  # it is missing
            at = end + 1
            continue
        content = said[end + 1 : end + 1 + int(size[0])]
        at = end + 1 + int(size[0]) + 1
        if kind == b"blob":
            yield number, content


def _now(git: Git) -> Iterator[tuple[bytes, str]]:
    """The blobs of what is to be in the workspace now, with their paths."""
    for line in git.run("ls-files", "-s", "-z").out.split(b"\0"):
        facts, _, path = line.partition(b"\t")
        if path:
            yield facts.split(b" ")[1], os.fsdecode(path)


def place_of(tree: Path, pointer: Pointer, paths: list[str]) -> str:
    """The path below the tree where the content is, empty where it is nowhere."""
    for path in (*paths, f".git/lfs/objects/{pointer.oid[:2]}/{pointer.oid[2:4]}/{pointer.oid}"):
        with plain_file(tree, path) as stream:
            if stream is None or os.fstat(stream.fileno()).st_size != pointer.size:
                continue
            try:
                for _ in pieces(stream, pointer):
                    pass
            except ChangedError:
                continue
            return path
    return ""


def pieces(stream: BinaryIO, pointer: Pointer) -> Iterator[bytes]:
    """The content, whose last piece comes only when all of it is known to be what the pointer says. Raises ChangedError."""
    seen, left = hashlib.sha256(), pointer.size
    while True:
        try:
            piece = stream.read(min(PIECE, left) or 1)
        except OSError:
            raise ChangedError from None
        if not piece and left:
            raise ChangedError
        seen.update(piece)
        left -= len(piece)
        if left <= 0:
            if left < 0 or stream.read(1) or seen.hexdigest() != pointer.oid:
                raise ChangedError
            if piece:
                yield piece
            return
        yield piece
