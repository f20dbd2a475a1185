"""Versions of notebooks: save, run, read, compare, restore."""

from collections.abc import Iterator
from pathlib import Path

from studium.client.calls import Calls, part, path_of
from studium.client.shapes import Comparison, Notebook, Page, Version, VersionFiles


class Versions:
    """`/rest/notebooks/{notebook_id}/versions`; a version is named by its notebook's id and its number."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def page(self, notebook_id: str, *, cursor: str = "", limit: int = 50) -> Page[Version]:
        """Part of the listing, newest first."""
        return self._calls.get(
            Page[Version], f"/rest/notebooks/{part(notebook_id)}/versions", cursor=cursor, limit=limit
        )

    def all(self, notebook_id: str) -> Iterator[Version]:
        """The whole listing, fetched as it is read."""
        cursor = ""
        while True:
            page = self.page(notebook_id, cursor=cursor, limit=200)
            yield from page.items
            cursor = page.next_cursor
            if not cursor:
                return

    def get(self, notebook_id: str, number: int) -> Version:
        return self._calls.get(Version, f"/rest/notebooks/{part(notebook_id)}/versions/{part(number)}")

    def save(self, notebook_id: str, note: str = "") -> Version:
        """Save the notebook as it is."""
        return self._calls.post(Version, f"/rest/notebooks/{part(notebook_id)}/versions", {"note": note})

    def run(
        self,
        notebook_id: str,
        *,
        machine: str = "",
        note: str = "",
        max_seconds: int | None = None,
        cell_seconds: int | None = None,
        keep_going: bool = False,
    ) -> Version:
        """Save the notebook and run all of it in a fresh workspace.

        `cell_seconds` is the longest that one cell may take; with `keep_going` an error does not end the run, which has
        failed all the same.
        """
        body = {
            "run": True,
            "machine": machine,
            "note": note,
            "max_seconds": max_seconds,
            "cell_seconds": cell_seconds,
            "keep_going": keep_going,
        }
        return self._calls.post(Version, f"/rest/notebooks/{part(notebook_id)}/versions", body)

    def run_again(
        self, notebook_id: str, number: int, *, machine: str = "", note: str = "", max_seconds: int | None = None
    ) -> Version:
        """A new version from the same source in the same environment with the same options, on the same machine type unless
        another is named."""
        body = {"machine": machine, "note": note, "max_seconds": max_seconds}
        return self._calls.post(Version, f"/rest/notebooks/{part(notebook_id)}/versions/{part(number)}/run", body)

    def update(self, notebook_id: str, number: int, *, note: str | None = None, pinned: bool | None = None) -> Version:
        """Change what is given."""
        given = {"note": note, "pinned": pinned}
        body = {name: value for name, value in given.items() if value is not None}
        return self._calls.patch(Version, f"/rest/notebooks/{part(notebook_id)}/versions/{part(number)}", body)

    def content(self, notebook_id: str, number: int, *, source: bool = False) -> bytes:
        """The document with the outputs of its run, or as it was saved."""
        path = f"/rest/notebooks/{part(notebook_id)}/versions/{part(number)}/content"
        return self._calls.get_bytes(path, source=source or None)

    def log(self, notebook_id: str, number: int) -> str:
        """What its run printed. Bytes that are no UTF-8 are replacement characters."""
        content = self._calls.get_bytes(f"/rest/notebooks/{part(notebook_id)}/versions/{part(number)}/log")
        return content.decode("utf-8", errors="replace")

    def files(self, notebook_id: str, number: int) -> VersionFiles:
        """The output files, and how many were left out."""
        return self._calls.get(VersionFiles, f"/rest/notebooks/{part(notebook_id)}/versions/{part(number)}/files")

    def file(self, notebook_id: str, number: int, path: str, target: Path) -> None:
        """Write one output file to `target`, however large it is. Raises OSError where that cannot be written."""
        self._calls.get_file(
            f"/rest/notebooks/{part(notebook_id)}/versions/{part(number)}/files/{path_of(path)}", target
        )

    def restore(self, notebook_id: str, number: int) -> Notebook:
        """Make its document the notebook's."""
        return self._calls.post(Notebook, f"/rest/notebooks/{part(notebook_id)}/versions/{part(number)}/restore")

    def compare(self, notebook_id: str, left: int, right: int) -> Comparison:
        """What changed from one version to another."""
        return self._calls.get(Comparison, f"/rest/notebooks/{part(notebook_id)}/compare", left=left, right=right)
