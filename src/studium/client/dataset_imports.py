"""Files that are brought to datasets from addresses, repositories, notebooks and providers."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from studium.client.calls import Calls, part
from studium.client.shapes import DatasetImport, Page

_PAUSE = 0.5


class DatasetImports:
    """`/rest/datasets/{dataset_id}/imports`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def begin(self, dataset_id: str, **body: Any) -> DatasetImport:
        """Bring from `urls` (with `unpack`), from `git` (with `ref`, `folder`, `secret`, `username`), from a `notebook` (with
        `number`) or a storage `provider` (with `folder`). With `add` the files of the version before stay; `note` is the
        version's."""
        return self._calls.post(DatasetImport, _path(dataset_id), body)

    def all(self, dataset_id: str) -> Iterator[DatasetImport]:
        """Newest first."""
        cursor = ""
        while True:
            found = self._calls.get(Page[DatasetImport], _path(dataset_id), cursor=cursor, limit=200)
            yield from found.items
            if not (cursor := found.next_cursor):
                return

    def get(self, dataset_id: str, import_id: str) -> DatasetImport:
        return self._calls.get(DatasetImport, f"/rest/datasets/{part(dataset_id)}/imports/{part(import_id)}")

    def cancel(self, dataset_id: str, import_id: str) -> DatasetImport:
        return self._calls.post(
            DatasetImport, f"/rest/datasets/{part(dataset_id)}/imports/{part(import_id)}/cancel", {}
        )

    def again(self, dataset_id: str, import_id: str) -> DatasetImport:
        """Go on with one that failed, or look whether the source of one that is done has something new."""
        return self._calls.post(DatasetImport, f"/rest/datasets/{part(dataset_id)}/imports/{part(import_id)}/again", {})

    def wait(
        self, dataset_id: str, import_id: str, seen: Callable[[DatasetImport], None] = lambda found: None
    ) -> DatasetImport:
        """How it ended. `seen` is told how far it is, again and again."""
        while True:
            found = self.get(dataset_id, import_id)
            seen(found)
            if not found.live:
                return found
            time.sleep(_PAUSE)


def _path(dataset_id: str) -> str:
    return f"/rest/datasets/{part(dataset_id)}/imports"
