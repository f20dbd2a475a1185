"""Places to run in, as root (where the tests are) and as an ordinary user."""

import os
from collections.abc import Iterator

import pytest

from functional.isolation.places import Place

WHO = ["root", "user"] if os.geteuid() == 0 else ["user"]


@pytest.fixture(scope="module", params=WHO)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("place")
    for parent in (folder, *folder.parents):  # an ordinary user must be able to walk to it
        if parent.stat().st_uid == os.geteuid() and parent != parent.parent and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)
    made = Place(request.param, folder)
    yield made
    made.close()


@pytest.fixture(scope="module")
def root_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A place as root, for what only root can set up around it."""
    made = Place("root", tmp_path_factory.mktemp("place"))
    yield made
    made.close()
