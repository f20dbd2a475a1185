"""Notebooks: make, find, change, start."""

from collections.abc import Iterable, Iterator
from typing import Literal

from studium.client.calls import Calls, part
from studium.client.community import Comments, Favour
from studium.client.errors import ApiError
from studium.client.git import NotebooksGit
from studium.client.inputs import Inputs
from studium.client.schedules import Schedules
from studium.client.shapes import Estimate, Hit, Notebook, Opened, Page, Run, UsedTag
from studium.client.sharing import Shares
from studium.client.snapshots import Snapshots
from studium.client.versions import Versions

Kind = Literal["session", "execution"]
CONTENT_TYPE = "application/x-ipynb+json"


class Notebooks:
    """`/rest/notebooks`. What is saved of one is in `versions`, when it runs by itself in `schedules`, what people say
    in `comments`, votes and the like in `favour`, with whom it is shared in `shares`, what it reads in `inputs`,
    where it comes from in `git`.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.versions = Versions(calls)
        self.snapshots = Snapshots(calls)
        self.schedules = Schedules(calls)
        self.inputs = Inputs(calls)
        self.comments = Comments(calls, "notebooks")
        self.favour = Favour(calls, "notebooks")
        self.shares = Shares(calls)
        self.git = NotebooksGit(calls)

    def page(
        self,
        *,
        team: str = "",
        project: str = "",
        q: str = "",
        title: str = "",
        name: str = "",
        which: str = "team",
        by: str = "",
        sort: str = "",
        tag: str = "",
        copies_of: str = "",
        cursor: str = "",
        limit: int = 50,
    ) -> Page[Notebook]:
        """Part of the listing, last changed first."""
        return self._calls.get(
            Page[Notebook],
            "/rest/notebooks",
            team=team,
            project=project,
            q=q,
            title=title,
            name=name,
            which=which,
            by=by,
            sort=sort,
            tag=tag,
            copies_of=copies_of,
            cursor=cursor,
            limit=limit,
        )

    def all(
        self,
        *,
        team: str = "",
        project: str = "",
        q: str = "",
        which: str = "team",
        tag: str = "",
        by: str = "",
        sort: str = "",
        copies_of: str = "",
    ) -> Iterator[Notebook]:
        """The whole listing, fetched as it is read; `sort` is recent, votes or comments, `copies_of` an id."""
        cursor = ""
        while True:
            page = self.page(
                team=team,
                project=project,
                q=q,
                which=which,
                tag=tag,
                by=by,
                sort=sort,
                copies_of=copies_of,
                cursor=cursor,
                limit=200,
            )
            yield from page.items
            cursor = page.next_cursor
            if not cursor:
                return

    def search(self, text: str, *, which: str = "", team: str = "") -> Iterator[Hit]:
        """What you may read and the text asks for, the best first, fetched as it is read."""
        cursor = ""
        while True:
            page = self.search_page(text, which=which, team=team, cursor=cursor)
            yield from page.items
            cursor = page.next_cursor
            if not cursor:
                return

    def search_page(
        self, text: str, *, which: str = "", team: str = "", cursor: str = "", limit: int = 50
    ) -> Page[Hit]:
        """Part of what was found."""
        return self._calls.get(Page[Hit], "/rest/search", q=text, which=which, team=team, cursor=cursor, limit=limit)

    def used_tags(self, beginning: str = "") -> list[UsedTag]:
        """The tags of notebooks that you may read, the most used first."""
        return self._calls.get(list[UsedTag], "/rest/tags", beginning=beginning)

    def tag(self, notebook_id: str, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> Notebook:
        """Put tags on and take others off."""
        body = {"add": list(add), "remove": list(remove)}
        return self._calls.post(Notebook, f"/rest/notebooks/{part(notebook_id)}/tags", body)

    def find(self, name: str) -> Notebook:
        """The notebook meant by an id, `team/slug`, or a slug in one of your teams or shared with you. Raises ApiError."""
        found = self.page(name=name, limit=20).items
        if len(found) == 1:
            return found[0]
        if not found:
            raise ApiError(
                "notebook.unknown",
                f"There is no notebook {name!r} that you may see.",
                "`studium notebooks list` shows yours.",
                404,
            )
        names = ", ".join(notebook.name for notebook in found)
        raise ApiError(
            "notebook.ambiguous", f"{name!r} can be {len(found)} notebooks: {names}.", "Give the team with it.", 400
        )

    def get(self, notebook_id: str) -> Notebook:
        return self._calls.get(Notebook, f"/rest/notebooks/{part(notebook_id)}")

    def create(
        self,
        title: str = "",
        *,
        content: bytes | None = None,
        team: str = "",
        project: str = "main",
        visibility: str | None = None,
        internet: bool = False,
        machine_type: str = "",
        language: str = "",
        environment: str = "",
    ) -> Notebook:
        """A blank notebook (in Python if no other language is named), or one with this content."""
        fields = {
            "title": title,
            "team": team,
            "project": project,
            "visibility": visibility,
            "internet": internet,
            "machine_type": machine_type,
            "environment": environment,
        }
        if content is None:
            return self._calls.post(Notebook, "/rest/notebooks", fields | {"language": language})
        return self._calls.upload(Notebook, "/rest/notebooks/upload", "notebook.ipynb", content, fields)

    def update(
        self,
        notebook_id: str,
        *,
        title: str | None = None,
        visibility: str | None = None,
        internet: bool | None = None,
        environment: str | None = None,
        environment_build: int | None = None,
    ) -> Notebook:
        """Change what is given. An environment without a build means that its newest is followed."""
        given = {
            "title": title,
            "visibility": visibility,
            "internet": internet,
            "environment": environment,
            "environment_build": environment_build,
        }
        body = {name: value for name, value in given.items() if value is not None}
        return self._calls.patch(Notebook, f"/rest/notebooks/{part(notebook_id)}", body)

    def delete(self, notebook_id: str) -> None:
        self._calls.do("DELETE", f"/rest/notebooks/{part(notebook_id)}")

    def content(self, notebook_id: str) -> bytes:
        """The newest known document."""
        return self._calls.get_bytes(f"/rest/notebooks/{part(notebook_id)}/content")

    def replace(self, notebook_id: str, content: bytes) -> Notebook:
        """Put other content in place."""
        return self._calls.put_bytes(Notebook, f"/rest/notebooks/{part(notebook_id)}/content", content, CONTENT_TYPE)

    def fork(self, notebook_id: str, *, team: str = "", project: str = "main", version: int | None = None) -> Notebook:
        """A copy of your own: of the document as it is, or of a version."""
        body = {"team": team, "project": project, "version": version}
        return self._calls.post(Notebook, f"/rest/notebooks/{part(notebook_id)}/fork", body)

    def estimate(
        self, notebook_id: str, machine: str = "", *, kind: Kind = "session", max_seconds: int | None = None
    ) -> Estimate:
        """What a start would mean now."""
        path = f"/rest/notebooks/{part(notebook_id)}/estimate"
        return self._calls.get(Estimate, path, machine=machine, kind=kind, max_seconds=max_seconds)

    def start(
        self,
        notebook_id: str,
        *,
        kind: Kind = "session",
        machine: str = "",
        max_seconds: int | None = None,
        cell_seconds: int | None = None,
        keep_going: bool = False,
    ) -> Run:
        """Put a run in the queue. The last two are for an execution: a time limit for each cell, and going on after errors."""
        body = {
            "kind": kind,
            "machine": machine,
            "max_seconds": max_seconds,
            "cell_seconds": cell_seconds,
            "keep_going": keep_going,
        }
        return self._calls.post(Run, f"/rest/notebooks/{part(notebook_id)}/start", body)

    def stop(self, notebook_id: str) -> Notebook:
        """Stop what runs. Nothing happens when nothing does."""
        return self._calls.post(Notebook, f"/rest/notebooks/{part(notebook_id)}/stop")

    def extend(self, notebook_id: str, seconds: int = 3600) -> Run:
        """More time for the running session."""
        return self._calls.post(Run, f"/rest/notebooks/{part(notebook_id)}/extend", {"seconds": seconds})

    def change_machine(self, notebook_id: str, machine: str) -> Run:
        """Go on with another machine type."""
        return self._calls.post(Run, f"/rest/notebooks/{part(notebook_id)}/change-machine", {"machine": machine})

    def open(self, notebook_id: str) -> Opened:
        """A one-time address of the running session."""
        return self._calls.post(Opened, f"/rest/notebooks/{part(notebook_id)}/open")
