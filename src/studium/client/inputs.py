"""Inputs: datasets, other notebooks' output files and storage providers that a notebook's runs are shown."""

from studium.client.calls import Calls, part
from studium.client.shapes import Input, VersionInput


class Inputs:
    """`/rest/notebooks/{notebook_id}/inputs`. A session that goes on sees at once what is changed."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def of(self, notebook_id: str) -> list[Input]:
        """By name, with what the next run gets."""
        return self._calls.get(list[Input], f"/rest/notebooks/{part(notebook_id)}/inputs")

    def add(
        self,
        notebook_id: str,
        source: str = "",
        *,
        dataset: str = "",
        provider: str = "",
        version: int | None = None,
        name: str = "",
    ) -> Input:
        """Add the output files of the notebook `source`, or a dataset; without a version the newest is followed.

        Or a storage provider of the notebook's team, by name: it has no version, and is in a session from its next start on.
        """
        body = {"source": source, "dataset": dataset, "provider": provider, "version": version, "name": name}
        return self._calls.post(Input, f"/rest/notebooks/{part(notebook_id)}/inputs", body)

    def change(self, notebook_id: str, name: str, version: int | None) -> Input:
        """Stay with a version; with None, follow the newest."""
        return self._calls.patch(
            Input, f"/rest/notebooks/{part(notebook_id)}/inputs/{part(name)}", {"version": version}
        )

    def remove(self, notebook_id: str, name: str) -> None:
        self._calls.do("DELETE", f"/rest/notebooks/{part(notebook_id)}/inputs/{part(name)}")

    def of_version(self, notebook_id: str, number: int) -> list[VersionInput]:
        """What a version's run was shown."""
        path = f"/rest/notebooks/{part(notebook_id)}/versions/{number}/inputs"
        return self._calls.get(list[VersionInput], path)
