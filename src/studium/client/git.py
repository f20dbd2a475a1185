"""Notebooks from git: make one, choose its notebook, check, pull, push."""

from studium.client.calls import Calls, part
from studium.client.shapes import Git, GitWork, Notebook, Page


class NotebooksGit:
    """`/rest/notebooks/{notebook_id}/git`. Work is done by a run; `work` says how it goes."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def create(
        self,
        url: str,
        *,
        ref: str = "",
        path: str = "",
        secret: str = "",
        username: str = "",
        submodules: bool = False,
        depth: int = 0,
        title: str = "",
        team: str = "",
        project: str = "main",
        visibility: str | None = None,
        internet: bool = False,
    ) -> Notebook:
        """A notebook whose workspace will be a clone."""
        body = {
            "url": url,
            "ref": ref,
            "path": path,
            "secret": secret,
            "username": username,
            "submodules": submodules,
            "depth": depth,
            "title": title,
            "team": team,
            "project": project,
            "visibility": visibility,
            "internet": internet,
        }
        return self._calls.post(Notebook, "/rest/notebooks/from-git", body)

    def get(self, notebook_id: str) -> Git:
        """How it stands. Raises ApiError with the code `git.unknown` for a notebook that is not from git."""
        return self._calls.get(Git, f"/rest/notebooks/{part(notebook_id)}/git")

    def set_credentials(self, notebook_id: str, secret: str, username: str = "") -> Git:
        """Which secret git uses from now on; an empty name for none."""
        body = {"secret": secret, "username": username}
        return self._calls.patch(Git, f"/rest/notebooks/{part(notebook_id)}/git", body)

    def clone(
        self,
        notebook_id: str,
        url: str,
        *,
        ref: str = "",
        path: str = "",
        secret: str = "",
        username: str = "",
        submodules: bool = False,
        depth: int = 0,
    ) -> GitWork:
        """Clone again after a clone that failed."""
        body = {
            "url": url,
            "ref": ref,
            "path": path,
            "secret": secret,
            "username": username,
            "submodules": submodules,
            "depth": depth,
        }
        return self._calls.post(GitWork, f"/rest/notebooks/{part(notebook_id)}/git/clone", body)

    def choose(self, notebook_id: str, path: str = "") -> Git:
        """Which of the candidates it is; without a path a blank one, where there is none."""
        return self._calls.post(Git, f"/rest/notebooks/{part(notebook_id)}/git/choose", {"path": path})

    def check(self, notebook_id: str) -> GitWork:
        """Have the server looked at."""
        return self._calls.post(GitWork, f"/rest/notebooks/{part(notebook_id)}/git/check")

    def pull(self, notebook_id: str, *, keep: bool = False) -> GitWork:
        """Go forward to the server's commits; with `keep`, changed files of yours get other names first."""
        return self._calls.post(GitWork, f"/rest/notebooks/{part(notebook_id)}/git/pull", {"keep": keep})

    def push(self, notebook_id: str, message: str, *, branch: str = "") -> GitWork:
        """Commit what was changed and send it to the branch, or another."""
        body = {"message": message, "branch": branch}
        return self._calls.post(GitWork, f"/rest/notebooks/{part(notebook_id)}/git/push", body)

    def all_work(self, notebook_id: str, *, limit: int = 50) -> list[GitWork]:
        """What was done last, newest first, at most 200."""
        return self._calls.get(Page[GitWork], f"/rest/notebooks/{part(notebook_id)}/git/work", limit=limit).items

    def work(self, notebook_id: str, work_id: str) -> GitWork:
        return self._calls.get(GitWork, f"/rest/notebooks/{part(notebook_id)}/git/work/{part(work_id)}")
