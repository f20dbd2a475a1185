"""Places to run in, as root (where the tests are) and as an ordinary user."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from functional.isolation.places import Place

WHO = ["root", "user"] if os.geteuid() == 0 else ["user"]


@pytest.fixture(scope="module", params=WHO)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    yield from _place(request.param)


@pytest.fixture(scope="module")
def root_place() -> Iterator[Place]:
    """A place as root, for what only root can set up around it."""
    yield from _place("root")


def _place(who: str) -> Iterator[Place]:
    # Not below pytest's own folder: that is closed to other users, again by every session that starts.
    folder = Path(tempfile.mkdtemp(prefix="studium-place-"))
    try:
        made = Place(who, folder)
        yield made
        made.close()
    finally:
        shutil.rmtree(folder)
