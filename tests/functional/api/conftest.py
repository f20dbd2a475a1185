"""Every test of the REST API has a world of its own."""

import pytest
from rest_world import World, make_world


@pytest.fixture
def world(db: None) -> World:
    return make_world()
