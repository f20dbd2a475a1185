"""The Python client of a Studium server.

    from studium.client import Client

    with Client("http://localhost:8000", "studium_...") as studium:
        notebook = studium.notebooks.create("First", content=b"...")
        run = studium.notebooks.start(notebook.id, kind="execution", machine="cpu-small")

Every call returns a dataclass of `studium.client.shapes` or raises `ApiError`; `Unreachable` when nobody answers.
"""

from typing import TYPE_CHECKING, Any

from studium.client.errors import ApiError, StudiumClientError, Unreachable

if TYPE_CHECKING:
    from studium.client.client import Client

__all__ = ["ApiError", "Client", "StudiumClientError", "Unreachable"]


def __getattr__(name: str) -> Any:
    """`Client`, imported when it is first asked for: a command that only prints its help needs none of it."""
    if name == "Client":
        from studium.client.client import Client

        return Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
