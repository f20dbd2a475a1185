"""Typed calls on top of the transport: a shape in, a shape out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from studium.client.decode import decode
from studium.client.transport import Transport

T = TypeVar("T")


def part(text: str | int) -> str:
    """One segment of a path, whatever it contains."""
    return quote(str(text), safe="")


def path_of(text: str) -> str:
    """Several segments of a path, as a file's name below a folder."""
    return quote(text, safe="/")


class Calls:
    """The verbs. Query parameters that are empty or None are left out."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get(self, kind: type[T], path: str, /, **query: Any) -> T:
        return decode(kind, self._transport.send("GET", path, params=_given(query)).json())

    def get_bytes(self, path: str, /, **query: Any) -> bytes:
        return self._transport.send("GET", path, params=_given(query), headers={"Accept": "*/*"}).content

    def get_part(self, path: str, most: int) -> bytes:
        """The first bytes of an answer."""
        headers = {"Accept": "*/*", "Range": f"bytes=0-{most - 1}"}
        return self._transport.send("GET", path, headers=headers).content[:most]

    def get_file(self, path: str, target: Path) -> None:
        """Write the answer to a file, however large it is. What was in the file is gone, also where the call fails."""
        self._transport.save(path, target)

    def append_to(self, path: str, target: Path, size: int, etag: str, seen: Callable[[bytes], None]) -> None:
        """Bring a file of `size` bytes to its full length from what it has; `seen` gets each piece that is written.

        Tried again, from where it was, as patiently as other calls. Raises StudiumClientError where it is another file by now.
        """
        self._transport.append(path, target, size, etag, seen)

    def post(self, kind: type[T], path: str, body: dict[str, Any] | None = None) -> T:
        return decode(kind, self._transport.send("POST", path, json=body or {}).json())

    def upload(self, kind: type[T], path: str, name: str, content: bytes, fields: dict[str, Any]) -> T:
        """A form with one file."""
        answer = self._transport.send("POST", path, files={"file": (name, content)}, data=_given(fields))
        return decode(kind, answer.json())

    def put(self, kind: type[T], path: str, body: dict[str, Any]) -> T:
        return decode(kind, self._transport.send("PUT", path, json=body).json())

    def put_bytes(self, kind: type[T], path: str, content: bytes, content_type: str) -> T:
        answer = self._transport.send("PUT", path, content=content, headers={"Content-Type": content_type})
        return decode(kind, answer.json())

    def put_file(self, kind: type[T], path: str, source: Path) -> T:
        """A file's bytes as the body, however large it is."""
        return decode(kind, self._transport.send_file(path, source).json())

    def patch(self, kind: type[T], path: str, body: dict[str, Any]) -> T:
        return decode(kind, self._transport.send("PATCH", path, json=body).json())

    def do(self, method: str, path: str) -> None:
        """A call whose answer says nothing."""
        self._transport.send(method, path)


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: _word(value) for name, value in values.items() if value not in (None, "")}


def _word(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value
