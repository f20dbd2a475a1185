"""Datasets: make, find, change; bring a folder as a version, and take one down."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from studium.client.calls import Calls, part, path_of
from studium.client.community import Comments, Favour
from studium.client.dataset_imports import DatasetImports
from studium.client.errors import ApiError
from studium.client.receiving import Taken, receive_file
from studium.client.sending import Sent, Way, send_files, send_list
from studium.client.shapes import (
    Dataset,
    DatasetDifference,
    DatasetFile,
    DatasetLink,
    DatasetPerson,
    DatasetProfile,
    DatasetSource,
    DatasetUse,
    DatasetVersion,
    MissingChunks,
    PackKept,
    Page,
    Report,
    TableRows,
    Upload,
)


class Datasets:
    """`/rest/datasets`. `send` and `take` are for people; the calls that they are made of are there too. What comes from
    elsewhere is in `imports`, what people say in `comments`, votes and the like in `favour`.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.imports = DatasetImports(calls)
        self.comments = Comments(calls, "datasets")
        self.favour = Favour(calls, "datasets")

    def page(self, *, limit: int = 50, cursor: str = "", **query: Any) -> Page[Dataset]:
        """Part of the listing, last changed first or by `sort`; `which`, `team`, `q`, `tag`, `licence`, `ending`, `smallest`,
        `largest`, `days`, `votes`, `by` or `name` choose."""
        return self._calls.get(Page[Dataset], "/rest/datasets", limit=limit, cursor=cursor, **query)

    def all(self, **query: Any) -> Iterator[Dataset]:
        """Every dataset of the listing."""
        cursor = ""
        while True:
            found = self.page(cursor=cursor, limit=200, **query)
            yield from found.items
            if not (cursor := found.next_cursor):
                return

    def find(self, name: str) -> Dataset:
        """The dataset meant by an id, `team/slug`, or a slug in one of your teams or shared with you. Raises ApiError."""
        found = self.page(name=name, limit=20).items
        if len(found) == 1:
            return found[0]
        if not found:
            raise ApiError(
                "dataset.unknown",
                f"There is no dataset {name!r} that you may see.",
                "`studium datasets list` shows yours.",
                404,
            )
        names = ", ".join(dataset.name for dataset in found)
        raise ApiError(
            "dataset.ambiguous", f"{name!r} can be {len(found)} datasets: {names}.", "Give the team with it.", 400
        )

    def create(self, title: str, *, team: str = "", visibility: str | None = None, **card: Any) -> Dataset:
        """A dataset without files. `card` may have subtitle, card, licence, sources, frequency and tags."""
        return self._calls.post(
            Dataset, "/rest/datasets", {"title": title, "team": team, "visibility": visibility, **card}
        )

    def get(self, dataset_id: str) -> Dataset:
        return self._calls.get(Dataset, f"/rest/datasets/{part(dataset_id)}")

    def change(self, dataset_id: str, **changes: Any) -> Dataset:
        """Change what is given of the card, or the visibility."""
        return self._calls.patch(Dataset, f"/rest/datasets/{part(dataset_id)}", changes)

    def delete(self, dataset_id: str) -> None:
        """With all its versions."""
        self._calls.do("DELETE", f"/rest/datasets/{part(dataset_id)}")

    def versions(self, dataset_id: str) -> Iterator[DatasetVersion]:
        """Newest first, deleted ones included."""
        cursor = ""
        while True:
            found = self._calls.get(
                Page[DatasetVersion], f"/rest/datasets/{part(dataset_id)}/versions", cursor=cursor, limit=200
            )
            yield from found.items
            if not (cursor := found.next_cursor):
                return

    def version(self, dataset_id: str, number: int) -> DatasetVersion:
        return self._calls.get(DatasetVersion, f"/rest/datasets/{part(dataset_id)}/versions/{number}")

    def source(self, dataset_id: str, number: int) -> DatasetSource:
        """What a version is made from."""
        return self._calls.get(DatasetSource, f"/rest/datasets/{part(dataset_id)}/versions/{number}/source")

    def uses(self, dataset_id: str, version: int | None = None) -> list[DatasetUse]:
        """Notebooks that read it, or that version of it, as far as you may see."""
        query = {} if version is None else {"version": version}
        return self._calls.get(list[DatasetUse], f"/rest/datasets/{part(dataset_id)}/uses", **query)

    def report(self, dataset_id: str, why: str, text: str = "") -> Report:
        """Tell the administrators that a public one should not be: spam, abuse, private, rights, harmful or other."""
        return self._calls.post(Report, f"/rest/datasets/{part(dataset_id)}/report", {"why": why, "text": text})

    def delete_version(self, dataset_id: str, number: int) -> None:
        self._calls.do("DELETE", f"/rest/datasets/{part(dataset_id)}/versions/{number}")

    def files(self, dataset_id: str, number: int, below: str = "") -> Iterator[DatasetFile]:
        """By path; with `below` only those in that folder."""
        after = ""
        while True:
            found = self._calls.get(
                Page[DatasetFile],
                f"/rest/datasets/{part(dataset_id)}/versions/{number}/files",
                below=below,
                after=after,
                limit=10_000,
            )
            yield from found.items
            if not (after := found.next_cursor):
                return

    def file(self, dataset_id: str, number: int, path: str) -> bytes:
        """The bytes of one file."""
        return self._calls.get_bytes(f"/rest/datasets/{part(dataset_id)}/versions/{number}/files/{path_of(path)}")

    def head(self, dataset_id: str, number: int, path: str, most: int = 256 * 1024) -> bytes:
        """The first bytes of one file."""
        address = f"/rest/datasets/{part(dataset_id)}/versions/{number}/files/{path_of(path)}"
        return self._calls.get_part(address, most)

    def profile(self, dataset_id: str, number: int, path: str) -> DatasetProfile:
        """What was found in one file."""
        address = f"/rest/datasets/{part(dataset_id)}/versions/{number}/profile"
        return self._calls.get(DatasetProfile, address, path=path)

    def cover(self, dataset_id: str) -> bytes:
        """The picture; ApiError where it has none."""
        return self._calls.get_bytes(f"/rest/datasets/{part(dataset_id)}/cover")

    def set_cover(self, dataset_id: str, picture: bytes) -> Dataset:
        """A PNG, JPEG or WebP of up to 4 MiB."""
        return self._calls.put_bytes(
            Dataset, f"/rest/datasets/{part(dataset_id)}/cover", picture, "application/octet-stream"
        )

    def remove_cover(self, dataset_id: str) -> None:
        self._calls.do("DELETE", f"/rest/datasets/{part(dataset_id)}/cover")

    def describe(self, dataset_id: str, path: str, columns: dict[str, str]) -> Dataset:
        """Say what columns of one file are, by their names; an empty text takes back what was said."""
        body = {"path": path, "columns": columns}
        return self._calls.patch(Dataset, f"/rest/datasets/{part(dataset_id)}/columns", body)

    def rows(self, dataset_id: str, number: int, path: str, table: int = 0, **wanted: Any) -> TableRows:
        """First rows of a table; `q`, `sort`, `descending`, `start` and `limit` choose among the up to 1,000 that are kept."""
        address = f"/rest/datasets/{part(dataset_id)}/versions/{number}/rows"
        return self._calls.get(TableRows, address, path=path, table=table, **wanted)

    def look_again(self, dataset_id: str, number: int) -> None:
        """Have the files of a version looked into once more."""
        self._calls.do("POST", f"/rest/datasets/{part(dataset_id)}/versions/{number}/profile")

    def croissant(self, dataset_id: str, number: int) -> dict[str, Any]:
        """A version as Croissant 1.1."""
        path = f"/rest/datasets/{part(dataset_id)}/versions/{number}/croissant"
        found: dict[str, Any] = json.loads(self._calls.get_bytes(path))
        return found

    def link(
        self, dataset_id: str, number: int, path: str = "", *, archive: bool = False, seconds: int = 3600
    ) -> DatasetLink:
        """An address by which anybody can download a file, or with `archive` all below a folder, for a while."""
        body = {"path": path, "archive": archive, "seconds": seconds}
        return self._calls.post(DatasetLink, f"/rest/datasets/{part(dataset_id)}/versions/{number}/link", body)

    def archive(self, dataset_id: str, number: int, target: Path, below: str = "") -> None:
        """A version, or a folder of it, as one zip file."""
        path = f"/rest/datasets/{part(dataset_id)}/versions/{number}/archive"
        self._calls.get_file(f"{path}?below={part(below)}" if below else path, target)

    def compare(self, dataset_id: str, left: int, right: int) -> DatasetDifference:
        """Files that were added, removed and changed from one version to another, and what differs in their tables."""
        return self._calls.get(DatasetDifference, f"/rest/datasets/{part(dataset_id)}/compare", left=left, right=right)

    def people(self, dataset_id: str) -> list[DatasetPerson]:
        """With whom it is shared."""
        return self._calls.get(list[DatasetPerson], f"/rest/datasets/{part(dataset_id)}/people")

    def share(self, dataset_id: str, username: str, role: str = "reader") -> DatasetPerson:
        """Share it with somebody as reader or editor, or change as what."""
        return self._calls.put(
            DatasetPerson, f"/rest/datasets/{part(dataset_id)}/people/{part(username)}", {"role": role}
        )

    def unshare(self, dataset_id: str, username: str) -> None:
        self._calls.do("DELETE", f"/rest/datasets/{part(dataset_id)}/people/{part(username)}")

    def missing(self, dataset_id: str, digests: list[str]) -> list[str]:
        """Which of these chunks are to be sent."""
        return self._calls.put(
            MissingChunks, f"/rest/datasets/{part(dataset_id)}/missing", {"digests": digests}
        ).missing

    def bring(self, dataset_id: str, pack: bytes) -> int:
        """Send chunks in the form that `sending.packed` makes; how many bytes nobody had brought before."""
        path = f"/rest/datasets/{part(dataset_id)}/packs"
        return self._calls.put_bytes(PackKept, path, pack, "application/octet-stream").new_bytes

    def make_version(self, dataset_id: str, **body: Any) -> DatasetVersion:
        """From `files` whose chunks were sent, `uploads` that are complete, and those of version `base` less `remove`."""
        return self._calls.post(DatasetVersion, f"/rest/datasets/{part(dataset_id)}/versions", body)

    def begin_upload(self, dataset_id: str, path: str, size: int, fingerprint: str = "") -> Upload:
        """A file that will come piece by piece, or one that was begun before."""
        body = {"path": path, "size": size, "fingerprint": fingerprint}
        return self._calls.post(Upload, f"/rest/datasets/{part(dataset_id)}/uploads", body)

    def upload(self, dataset_id: str, upload_id: str) -> Upload:
        """How far it is."""
        return self._calls.get(Upload, f"/rest/datasets/{part(dataset_id)}/uploads/{part(upload_id)}")

    def send_piece(self, dataset_id: str, upload_id: str, offset: int, content: bytes) -> Upload:
        """The bytes of a file from `offset` on."""
        path = f"/rest/datasets/{part(dataset_id)}/uploads/{part(upload_id)}"
        return self._calls.put_bytes(Upload, f"{path}?offset={offset}", content, "application/octet-stream")

    def give_up_upload(self, dataset_id: str, upload_id: str) -> None:
        self._calls.do("DELETE", f"/rest/datasets/{part(dataset_id)}/uploads/{part(upload_id)}")

    def send(
        self,
        dataset_id: str,
        files: Iterable[tuple[str, Path]],
        *,
        note: str = "",
        sent: Sent | None = None,
        add: bool = False,
    ) -> DatasetVersion:
        """A version of these files, of which only what the team has not brought travels. `sent` is told how far it is.
        With `add` those of the newest version stay beside them.

        Broken off, it may be called again and goes on where it was. Raises OSError for a file that cannot be read.
        """
        way = Way(lambda digests: self.missing(dataset_id, digests), lambda pack: self.bring(dataset_id, pack))
        brought = send_files(files, way, sent or Sent())
        listed = send_list(brought, way)
        # Asked as late as can be: somebody may have made a version during an upload of hours.
        base = self.get(dataset_id).version if add else None
        return self.make_version(dataset_id, listed=listed, note=note, base=base)

    def take(self, dataset_id: str, number: int, file: DatasetFile, target: Path, taken: Taken | None = None) -> None:
        """Write one file to `target`, going on where an earlier try broke off, and check its digest."""
        path = f"/rest/datasets/{part(dataset_id)}/versions/{number}/files/{path_of(file.path)}"
        receive_file(self._calls, path, file, target, taken or Taken())
