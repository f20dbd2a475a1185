"""Storage providers of teams. Credentials are named, as secrets of the team, and stay with the server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from studium.client.calls import Calls, part, path_of
from studium.client.shapes import Provider, ProviderEntry, ProviderListing, ProviderTest


class Providers:
    """`/rest/teams/.../providers`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def of_team(self, team: str) -> list[Provider]:
        return self._calls.get(list[Provider], f"/rest/teams/{part(team)}/providers")

    def get(self, team: str, name: str) -> Provider:
        return self._calls.get(Provider, _of(team, name))

    def make(self, team: str, name: str, kind: str, **settings: Any) -> Provider:
        """`settings` are those of `PUT /rest/teams/{slug}/providers/{name}`: bucket, endpoint, key_secret and so on."""
        return self._calls.post(
            Provider, f"/rest/teams/{part(team)}/providers", {"name": name, "kind": kind, **settings}
        )

    def change(self, team: str, name: str, kind: str, **settings: Any) -> Provider:
        """Tell it all anew; what is left out is empty."""
        return self._calls.put(Provider, _of(team, name), {"kind": kind, **settings})

    def remove(self, team: str, name: str) -> None:
        """What lies in its bucket stays there."""
        self._calls.do("DELETE", _of(team, name))

    def test(self, team: str, name: str) -> ProviderTest:
        """Every step of using it, within ten seconds or so."""
        return self._calls.post(ProviderTest, f"/rest/teams/{part(team)}/providers/{part(name)}/test")

    def folder(self, team: str, name: str, path: str = "", *, after: str = "", limit: int = 100) -> ProviderListing:
        """A part of a folder."""
        return self._calls.get(ProviderListing, _files(team, name), path=path, after=after, limit=limit)

    def files(self, team: str, name: str, path: str = "") -> Iterator[ProviderEntry]:
        """Every file below a folder, by path."""
        after = ""
        while True:
            found = self._calls.get(
                ProviderListing, _files(team, name), path=path, after=after, recursive=True, limit=1000
            )
            yield from found.entries
            if not (after := found.after):
                return

    def read(self, team: str, name: str, path: str, target: Path) -> None:
        """Write a file's bytes to `target`, which is overwritten."""
        self._calls.get_file(_file(team, name, path), target)

    def append(self, team: str, name: str, entry: ProviderEntry, target: Path) -> None:
        """Bring a file that was begun to the full length of `entry`, as long as it is the same file there."""
        self._calls.append_to(_file(team, name, entry.path), target, entry.size or 0, f'"{entry.etag}"', lambda _: None)

    def write(self, team: str, name: str, path: str, source: Path) -> ProviderEntry:
        """Send a file. It is there whole or not at all."""
        return self._calls.put_file(ProviderEntry, _file(team, name, path), source)

    def delete(self, team: str, name: str, path: str) -> None:
        """Delete a file in its bucket; nothing happens if it is gone."""
        self._calls.do("DELETE", _file(team, name, path))


def _of(team: str, name: str) -> str:
    return f"/rest/teams/{part(team)}/providers/{part(name)}"


def _files(team: str, name: str) -> str:
    return f"/rest/teams/{part(team)}/providers/{part(name)}/files"


def _file(team: str, name: str, path: str) -> str:
    return f"/rest/teams/{part(team)}/providers/{part(name)}/files/{path_of(path)}"
