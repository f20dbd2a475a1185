"""Page tests live at one frozen moment on one populated installation."""

from collections.abc import Iterator

import pytest
import time_machine
from scenes import Scene, make_scene

from factories.accounts import NOW


@pytest.fixture
def frozen() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def scene(db: None, frozen: time_machine.Traveller) -> Scene:
    return make_scene()
