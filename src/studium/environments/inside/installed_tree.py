"""What a build installed into a folder: what it tells of it, and what of that a later build may keep.

Looking at each of its files takes longer than changing one package, where nothing of the folder is at hand. So the list of
them is carried on from build to build: what a package owns is in its `RECORD`, as installers write and remove it.
"""

import contextlib
import json
import os
import re
import shutil
import stat
import sys
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

# `result.json` is written last and removed first: a folder that has it is whole, and has the rest.
TOLD = ".studium"
LISTED = ".files.json"
_HASHES = re.compile(r"^(\S.*?)( \\\n(?:    --hash=.*\n?)+)", re.MULTILINE)


class _Package(NamedTuple):
    """What a package installed, relative to the folder, and which `RECORD` says so."""

    files: frozenset[str]
    record: tuple[int, int]


def put_aside(tree: Path, old: Path) -> None:
    """Let nothing be in its place; what was goes to the folder `old`."""
    if os.path.lexists(tree):
        old.mkdir(exist_ok=True)
        tree.rename(old / f"{os.getpid()}-{os.urandom(6).hex()}")


def told_of(tree: Path) -> dict[str, Any]:
    """What the build that made it told of it; nothing of what is not whole."""
    try:
        found = json.loads((tree / TOLD / "result.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def tell(tree: Path, lock: Path, result: dict[str, Any], listed: dict[str, Any] | None = None) -> None:
    """What is taken out together with it. `listed` is what else is in it, for who takes it out."""
    told = tree / TOLD
    told.mkdir(parents=True)
    shutil.copyfile(lock, told / "lock.txt")
    if listed is not None:
        unlike_any = [stat.S_IFREG, 0, 0]  # they are read, whatever the build before told
        listed[TOLD] = {"lock.txt": unlike_any, "result.json": unlike_any}
        (tree / LISTED).write_text(json.dumps(listed), encoding="utf-8")
    (told / "result.json").write_text(json.dumps(result, sort_keys=True), encoding="utf-8")


def listing(folder: str) -> dict[str, Any]:
    """What is in a folder, as `studium.runner.exporting` reads it."""
    found: dict[str, Any] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            found[entry.name] = listing(entry.path) if entry.is_dir(follow_symlinks=False) else _facts(entry.path)
    return found


def _facts(path: str) -> list[int]:
    facts = os.lstat(path)
    return [facts.st_mode, facts.st_size, facts.st_mtime_ns]


def python_words(python: str) -> str:
    """What is to be the same for a tree to be changed: the program that asks runs under the interpreter that the tree has."""
    return f"{python} {sys.version}"


class Installed:
    """A folder that a build before left whole, to be changed into what a new lock names. Raises ValueError if it cannot be.

    Neither one for another interpreter can be, nor one in which a file belongs to two packages: who removes the one takes it
    from the other.
    """

    def __init__(self, tree: Path, python: str) -> None:
        self.tree = tree
        told = told_of(tree)
        if told.get("python") != python_words(python):
            raise ValueError("it is for another interpreter, or not whole")
        try:
            self._library = str(told["library"])
            self._listed = json.loads((tree / LISTED).read_text(encoding="utf-8"))
            self._lock = (tree / TOLD / "lock.txt").read_text(encoding="utf-8")
            self._packages = self._look()
        except (OSError, KeyError, RecursionError) as error:
            raise ValueError(str(error)) from error
        files = [name for package in self._packages.values() for name in package.files]
        if len(set(files)) != len(files):
            raise ValueError("a file belongs to two packages")

    def begin(self, lock: str) -> list[str]:
        """It is not whole from here on. Returns packages that are to be installed anew though their version is the same.

        They come from other files, which is for the index to know; uv would leave them as they are.
        """
        before, now = (dict(_HASHES.findall(words)) for words in (self._lock, lock))
        (self.tree / TOLD / "result.json").unlink()
        shutil.rmtree(self.tree / TOLD)
        changed = [pin for pin, hashes in now.items() if before.get(pin, hashes) != hashes]
        return [re.split(r"[\s=@;\[]", pin)[0] for pin in changed]

    def moved_to(self, tree: Path) -> None:
        self.tree.rename(tree)
        self.tree = tree

    def list_anew(self) -> dict[str, Any]:
        """What is in it now."""
        packages = self._look()
        for name, package in self._packages.items():
            if packages.get(name) != package:
                for file in package.files:
                    _drop(self._listed, file.split("/"))
        for name, package in packages.items():
            if self._packages.get(name) != package:
                for file in package.files:
                    with contextlib.suppress(FileNotFoundError):  # a record may tell more than was installed
                        _put(self._listed, file.split("/"), _facts(str(self.tree / file)))
        return self._listed

    def _look(self) -> dict[str, _Package]:
        found = {}
        for record in (self.tree / self._library).glob("*.dist-info/RECORD"):
            lines = record.read_text(encoding="utf-8").splitlines()
            names = (line.rpartition(",")[0].rpartition(",")[0].strip('"') for line in lines if line)
            facts = record.stat()
            files = frozenset(os.path.normpath(f"{self._library}/{name}") for name in names)
            found[record.parent.name] = _Package(files, (facts.st_ino, facts.st_mtime_ns))
        return found


def _drop(folder: dict[str, Any], path: list[str]) -> None:
    """Take a file off the list, and the folders that nothing else is in: they were removed with it."""
    name, *rest = path
    if rest:
        _drop(folder.get(name, {}), rest)
        if not folder.get(name, True):
            del folder[name]
    else:
        folder.pop(name, None)


def _put(folder: dict[str, Any], path: list[str], facts: list[int]) -> None:
    *above, name = path
    for each in above:
        folder = folder.setdefault(each, {})
    folder[name] = facts


def packages_in(tree: Path) -> dict[str, Any]:
    """The packages of it, each with its version, and the folder that they are in."""
    library = next(tree.glob("lib/python3.*/site-packages"))
    found = metadata.distributions(path=[str(library)])
    packages = {each.name.lower().replace("_", "-"): each.version for each in found}
    return {"packages": packages, "library": str(library.relative_to(tree))}
