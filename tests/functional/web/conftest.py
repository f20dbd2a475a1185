"""Page tests live at one frozen moment on one populated installation."""

from collections.abc import Iterator

import pytest
import time_machine
from kept_scene import kept_scene
from scenes import Scene

from factories.accounts import NOW


@pytest.fixture
def frozen() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def scene(db: None, frozen: time_machine.Traveller) -> Scene:
    return kept_scene()
