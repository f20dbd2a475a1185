"""Clone, check, pull and push: each leaves the workspace as it was, or done, and says what it is then."""

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import git_large as large
import git_talking as talking
import git_tree as trees
from git_clean import Git, GitError, Remote, is_ref_name, origin_of
from git_submodules import Submodules
from lfs_content import new_pointers

_UNDER_WAY = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply", "BISECT_LOG")
Json = dict[str, Any]


class Work:
    """One piece of work on the repository of a workspace. `asked` is what the platform wants."""

    def __init__(self, asked: Json, tree: Path, scratch: Path, remote: Remote) -> None:
        self.asked, self.tree, self.scratch, self.remote = asked, tree, scratch, remote
        self.git = Git(tree / ".git", tree, scratch / "own")
        self.notes: list[str] = []
        self._submodules = Submodules(self.git, remote, asked, scratch / "submodule", self.notes)
        self.result: Json = {}

    def look(self) -> talking.Found:
        """What the server has under the ref. Nothing is in the workspace then."""
        self._wipe()
        self.git.open()
        self._lay_down()
        return talking.find_ref(self.git, self.remote, self.asked["ref"])

    def clone(self) -> Json:
        found = self.look()
        commit = talking.fetch(self.git, self.remote, found, self.asked["depth"])
        inside = trees.contents(self.git, commit)
        trees.check_room(self.tree, inside.size)
        branch = found.name if found.kind == "branch" else ""
        self.git.adopt(branch, commit, commit if branch else "")
        self._materialise(commit)
        self._large_files()
        self._keep(branch, commit, commit if branch else "")
        if found.kind == "tag":
            self.git.keep_ref(f"refs/tags/{found.name}", commit)
        if branch:
            self.git.configure({f"branch.{branch}.remote": "origin", f"branch.{branch}.merge": f"refs/heads/{branch}"})
        if self.asked["submodules"]:
            self._submodules.put(commit, inside.submodules)
        elif inside.submodules:
            self.notes.append(f"{len(inside.submodules)} submodules were left out, as asked.")
        self.result |= {"kind": found.kind, "ref": found.name, "notebooks": inside.notebooks, "files": inside.files}
        return self._state(branch, commit, commit if branch else "")

    def check(self) -> Json:
        branch, commit, upstream = self._meet()
        return self._state(branch, commit, upstream)

    def pull(self) -> Json:
        branch, commit, upstream = self._meet()
        ahead, behind = self._distance(commit, upstream)
        if not behind:
            return self._state(branch, commit, upstream)
        if ahead:
            raise GitError(
                "git.diverged",
                f"{ahead} commits here and {behind} at the server do not build on each other. Nothing was changed.",
                ahead=ahead, behind=behind,
            )  # fmt: skip
        inside = trees.contents(self.git, upstream)
        trees.check_room(self.tree, inside.size)
        blocked = trees.in_the_way(self.git, commit, upstream)
        if blocked and not self.asked["keep"]:
            names = [path.decode(errors="replace") for path in blocked]
            shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
            raise GitError(
                "git.would_overwrite",
                f"Changed here and at the server: {shown}. Nothing was changed.",
                files=names[:20],
            )
        if blocked:
            self.result["kept"] = trees.set_aside(self.git, blocked, time.strftime("%Y%m%d-%H%M%S", time.gmtime()))[:20]
        done = self.git.run("read-tree", "-m", "-u", commit, upstream)
        if done.code:
            raise GitError("git.would_overwrite", f"Files here are in the way: {talking.last_words(done.err)}")
        self.git.adopt(branch, upstream, upstream)
        self._large_files()
        self._keep(branch, upstream, upstream)
        self.result["changed"] = behind
        if self.asked["submodules"]:
            self._submodules.put(upstream, inside.submodules)
        return self._state(branch, upstream, upstream)

    def push(self) -> Json:
        branch, commit = self._opened()
        target = self.asked["branch"] or branch
        if not target:
            raise GitError(
                "git.detached", "The workspace is at a tag or a commit, not on a branch. Name a branch to push to."
            )
        local = branch or target
        self.git.index_apart()
        self.git.adopt(local, commit)
        committed = self._commit()
        head = self.git.text("rev-parse", "--verify", "HEAD")
        # A commit whose large files did not reach the server is not kept: where one of them is changed or removed to push
        # again, nothing would have the content that it stands for.
        kept = not committed or not new_pointers(self.git, head, [commit])
        if kept:
            self._keep_commit(local, head)
        upstream = self._upstream(target)
        ahead, behind = self._distance(head, upstream) if upstream else (1, 0)
        if behind:
            words = "Your commit is kept here." if committed and kept else "Nothing was pushed."
            raise GitError(
                "git.behind", f"{target} has {behind} commits at the server that are not here: pull first. {words}"
            )
        if ahead:
            if note := large.send(self.git, self.remote, self.asked, head, upstream, target):
                self.notes.append(note)
            self._keep_commit(local, head)
            talking.push(self.git, self.remote, local, target)
        self._keep(local, head, head, target)
        self.result |= {"pushed": ahead, "target": target, "committed": committed}
        return self._state(local, head, head)

    # What they are made of.

    def _wipe(self) -> None:
        """Begin with nothing: what stands here is what an earlier try left."""
        for entry in os.scandir(self.tree):
            if entry.name == "lost+found":
                continue
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)

    def _lay_down(self) -> None:
        for name in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "info", "hooks"):
            (self.git.folder / name).mkdir(parents=True)
        (self.git.folder / "HEAD").write_text("ref: refs/heads/main\n")
        shutil.copyfile(self.git.own / "info/exclude", self.git.folder / "info/exclude")
        self.git.configure({"core.logAllRefUpdates": "true", **origin_of(self.asked["url"])})

    def _materialise(self, commit: str) -> None:
        done = self.git.run("read-tree", "--reset", "-u", commit)
        if done.code:
            raise talking.trouble(done.err)

    def _large_files(self) -> None:
        if note := large.bring(self.git, self.remote, self.asked):
            self.notes.append(note)

    def _keep(self, branch: str, commit: str, upstream: str, target: str = "") -> None:
        """Write down in the workspace's repository where it is now."""
        if branch:
            self.git.keep_ref(f"refs/heads/{branch}", commit)
        if upstream:
            self.git.keep_ref(f"refs/remotes/origin/{target or branch}", upstream)
        self.git.keep_head(branch, commit)
        self.git.keep_shallow()

    def _keep_commit(self, branch: str, commit: str) -> None:
        """Let the workspace have a commit that was made apart, and the index that belongs to it."""
        self.git.keep_index()
        self._keep(branch, commit, "")

    def _opened(self) -> tuple[str, str]:
        """The branch and the commit of the workspace. Raises GitError where there is no repository in order."""
        folder = self.git.folder
        if folder.is_symlink() or not (folder / "objects").is_dir() or (folder / "objects").is_symlink():
            raise GitError("git.no_repository", "The workspace holds no git repository any more.")
        if busy := next((name for name in _UNDER_WAY if (folder / name).exists()), ""):
            words = busy.lower().removesuffix("_head").replace("-", " ").replace("_", " ")
            raise GitError("git.under_way", f"A {words} is under way in the workspace. End it in a terminal first.")
        branch, commit = self.git.head()
        if not commit:
            raise GitError("git.no_repository", "The workspace's repository has no commit.")
        self.git.open()
        if self.git.run("cat-file", "-e", f"{commit}^{{tree}}").code:
            raise GitError("git.no_repository", "The workspace's repository lacks the commit it is at.")
        return branch, commit

    def _meet(self) -> tuple[str, str, str]:
        """Branch, commit, and the server's commit of the branch, which is fetched. Raises GitError off a branch."""
        branch, commit = self._opened()
        if not branch:
            raise GitError("git.detached", "The workspace is at a tag or a commit, which does not move on.")
        self.git.adopt(branch, commit)
        upstream = self._upstream(branch)
        if not upstream:
            raise GitError("git.no_branch", f"The server has no branch {branch} (any more). Push makes it.")
        self.git.keep_ref(f"refs/remotes/origin/{branch}", upstream)
        self.git.keep_shallow()
        return branch, commit, upstream

    def _upstream(self, branch: str) -> str:
        try:
            found = talking.find_ref(self.git, self.remote, branch)
        except GitError as error:
            if error.code == "git.ref_unknown":
                return ""
            raise
        return talking.fetch(self.git, self.remote, found) if found.kind == "branch" else ""

    def _distance(self, commit: str, upstream: str) -> tuple[int, int]:
        ahead, behind = self.git.text("rev-list", "--left-right", "--count", f"{commit}...{upstream}").split()
        return int(ahead), int(behind)

    def _commit(self) -> bool:
        """Commit what was changed, where anything was. Raises GitError for files that must not go there."""
        changed = trees.changes(self.git)
        nested = [change.path for change in changed if change.path.endswith(b"/")]
        changed = [change for change in changed if change.path not in nested]
        if not changed:
            return False
        paths = [change.path for change in changed]
        present = [path for path in paths if os.path.lexists(os.path.join(os.fsencode(self.tree), path))]
        root = os.fsencode(self.tree)
        huge = [path for path in present if os.lstat(os.path.join(root, path)).st_size > trees.LARGEST_PUSHED]
        # What Git LFS keeps is a pointer in the commit.
        aside = set(map(os.fsencode, trees.lfs_files(self.git, huge)))
        if names := [path.decode(errors="replace") for path in huge if path not in aside]:
            most = trees.LARGEST_PUSHED // 1024**2
            raise GitError(
                "git.large_file",
                f"Larger than {most} MiB: {', '.join(names[:5])}. Keep them with Git LFS, or put them into .gitignore.",
                files=names[:20],
            )
        if nested:
            self.notes.append("Repositories inside the workspace were left out.")
        done = self.git.run("add", "--all", "--pathspec-from-file=-", "--pathspec-file-nul", given=b"\0".join(paths),
                            GIT_OPTIONAL_LOCKS="1")  # fmt: skip
        if done.code:
            raise GitError("git.failed", f"The files could not be committed: {talking.last_words(done.err)}")
        who = {}
        for role in ("AUTHOR", "COMMITTER"):
            who |= {f"GIT_{role}_NAME": self.asked["author"], f"GIT_{role}_EMAIL": self.asked["email"]}
        done = self.git.run("commit", "--no-verify", "--quiet", "--cleanup=whitespace", "--file=-",
                            given=self.asked["message"].encode(), **who)  # fmt: skip
        if done.code:
            raise GitError("git.failed", f"The files could not be committed: {talking.last_words(done.err)}")
        self.result["changed"] = len(paths)
        return True

    def _state(self, branch: str, commit: str, upstream: str) -> Json:
        ahead, behind = self._distance(commit, upstream) if upstream else (0, 0)
        subject, when, author = self.git.text("log", "-1", "--format=%s%x00%cI%x00%an", commit).split("\0")[:3]
        pointers = len(large.pointers_left(self.git)) + self._submodules.pointers_left(commit)
        return self.result | {
            "branch": branch, "commit": commit, "subject": subject[:200], "committed_at": when, "author": author[:100],
            "ahead": ahead, "behind": behind, "dirty": len(trees.changes(self.git)), "lfs": pointers,
            "notes": [note[:300] for note in self.notes[:6]],
        }  # fmt: skip


def version() -> str:
    try:
        return subprocess.run(["/usr/bin/git", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:
        raise GitError("git.missing", "git is not installed on this machine.") from None


def check_branch(name: str) -> None:
    if name and not is_ref_name(name):
        raise GitError("git.ref_bad", f"{name!r} cannot be a branch.")
