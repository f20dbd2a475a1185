"""The Python client of a Studium server.

    from studium.client import Client

    with Client("http://localhost:8000", "studium_...") as studium:
        notebook = studium.notebooks.create("First", content=b"...")
        run = studium.notebooks.start(notebook.id, kind="execution", machine="cpu-small")

Every call returns a dataclass of `studium.client.shapes` or raises `ApiError`; `Unreachable` when nobody answers.
"""

from studium.client.client import Client
from studium.client.errors import ApiError, StudiumClientError, Unreachable

__all__ = ["ApiError", "Client", "StudiumClientError", "Unreachable"]
