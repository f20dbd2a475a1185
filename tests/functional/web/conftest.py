"""Page tests live at one frozen moment on one populated installation."""

from collections.abc import Iterator

import pytest
import time_machine
from scenes import Scene, make_scene

from factories.accounts import NOW
from factories.kept import kept
from studium.compute.engines import registry
from studium.compute.engines.fake import FakeEngine


@pytest.fixture
def frozen() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def scene(db: None, frozen: time_machine.Traveller) -> Scene:
    made = kept(make_scene)
    registry.use({"fake": FakeEngine(NOW.timestamp)})
    return made
