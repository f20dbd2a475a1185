"""What a built environment holds: read from the record that its builder left in it."""

import json
from dataclasses import dataclass
from pathlib import Path

from studium.errors import NotFound

RECORD = "studium-environment.json"


@dataclass(frozen=True, kw_only=True)
class Description:
    """`packages` maps names to versions; `digest` names the lock it was built from; `size_bytes` is what it takes on disk.

    `python` is the version of the interpreter, as `3.11.2`.
    """

    path: Path
    digest: str
    python: str
    packages: dict[str, str]
    size_bytes: int


def describe(path: Path) -> Description:
    """The environment at `path`. Raises NotFound if none was built there."""
    try:
        record = json.loads((path / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NotFound(
            "environment.missing",
            f"There is no built environment at {path}.",
            "Run `studium up`; it builds the default environment when it is missing.",
        ) from error
    return Description(
        path=path,
        digest=record["digest"],
        python=record["python"],
        packages=record["packages"],
        size_bytes=record["size_bytes"],
    )
