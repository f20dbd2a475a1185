"""Submodules of a repository in the workspace: the commits that it names, from their own servers, with their large files."""

from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import git_large as large
import git_talking as talking
import git_tree as trees
import spelling
from git_clean import Git, GitError, Remote, origin_of

MOST_SUBMODULES = 50
Json = dict[str, Any]


class Submodules:
    """Of the repository `git`. What goes wrong with one is a note."""

    def __init__(self, git: Git, remote: Remote, asked: Json, scratch: Path, notes: list[str]) -> None:
        self.git, self.remote, self.asked, self.scratch, self.notes = git, remote, asked, scratch, notes

    def put(self, commit: str, wanted: dict[str, str]) -> None:
        """Put the commits of submodules, by path, into their places."""
        told = trees.submodule_settings(self.git, commit)
        for path, number in list(wanted.items())[:MOST_SUBMODULES]:
            if path not in told:
                self.notes.append(f"The submodule {path[:80]} has no address that can be used.")
                continue
            name, url = told[path]
            try:
                target = self._address(url)
                self._put(name, path, number, target)
                if self.asked["verb"] == "clone":
                    self.git.configure({f"submodule.{name}.active": "true", f"submodule.{name}.url": target})
            except (GitError, spelling.SpellingError, OSError) as error:
                self.notes.append(f"The submodule {path[:80]} was left out: {str(error)[:200]}")
        if len(wanted) > MOST_SUBMODULES:
            self.notes.append(f"Only {MOST_SUBMODULES} of {len(wanted)} submodules were looked at.")

    def pointers_left(self, commit: str) -> int:
        """How many of their files are pointers of Git LFS, in those that are there."""
        found = 0
        for path, (name, _) in list(trees.submodule_settings(self.git, commit).items())[:MOST_SUBMODULES]:
            inner = self._inner(name, path)
            if inner and inner.folder.is_dir() and inner.tree.is_dir():
                inner.open()
                found += len(large.pointers_left(inner))
        return found

    def _address(self, url: str) -> str:
        """The whole address, by the rules of the repository's own. Raises SpellingError."""
        if url.startswith(("./", "../")):
            url = urljoin(self.asked["url"].rstrip("/") + "/", url)
        # Others are always reached by https; the repository's own server is, as the repository itself.
        target = spelling.understood(url, tuple(dict.fromkeys(("https", self.remote.scheme))))
        own = spelling.understood(self.asked["url"], (self.remote.scheme,))
        if target.scheme != "https" and target.origin != own.origin:
            raise spelling.SpellingError("outbound.scheme", f"{target.origin} is not reached by https.", "")
        return target.url

    def _inner(self, name: str, path: str) -> Git | None:
        """The submodule's repository, None where a link stands in its way."""
        if trees.leads_through_link(self.git.tree, path) or trees.leads_through_link(
            self.git.folder, f"modules/{name}"
        ):
            return None
        return Git(self.git.folder / "modules" / name, self.git.tree / path, self.scratch)

    def _put(self, name: str, path: str, number: str, url: str) -> None:
        inner = self._inner(name, path)
        if inner is None:
            raise GitError("git.malformed", "a link stands in its way")
        remote = self.remote._replace(url=url)
        if not self._is_at(inner, number):
            self._lay_down(inner, name, path, number, remote)
        # From its own server, which is shown the secret where it is the repository's too.
        if not inner.tree.is_dir():
            return  # somebody removed it
        if note := large.bring(inner, remote, self.asked, f"of the submodule {path[:80]} "):
            self.notes.append(note)

    def _is_at(self, inner: Git, number: str) -> bool:
        """Whether it has the commit already. Raises GitError where it may not be given another one."""
        if not inner.folder.exists():
            return False
        inner.open()
        now = inner.head()[1]
        inner.adopt("", now)
        if now != number and trees.changes(inner):
            raise GitError("git.would_overwrite", "files in it were changed here")
        return now == number

    def _lay_down(self, inner: Git, name: str, path: str, number: str, remote: Remote) -> None:
        for part in ("objects/info", "objects/pack", "refs/heads", "info"):
            (inner.folder / part).mkdir(parents=True, exist_ok=True)
        inner.tree.mkdir(parents=True, exist_ok=True)
        inner.open()
        up = "/".join([".."] * (2 + name.count("/") + 1))
        inner.configure({"core.worktree": f"{up}/{path}", **origin_of(remote.url)})
        commit = talking.fetch(inner, remote, talking.Found("commit", number, number), 1)
        trees.check_room(self.git.tree, trees.contents(inner, commit).size)
        inner.adopt("", commit)
        done = inner.run("read-tree", "--reset", "-u", commit)
        if done.code:
            raise talking.trouble(done.err)
        inner.keep_head("", commit)
        inner.keep_shallow()
        (inner.tree / ".git").write_text(f"gitdir: {'/'.join(['..'] * (path.count('/') + 1))}/.git/modules/{name}\n")
