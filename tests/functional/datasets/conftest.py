"""A store that begins empty, for tests that look at what lies in it."""

import pytest

from factories.accounts import Cast, make_cast
from factories.compute import load_plans
from factories.datasets import blocks_folder
from factories.kept import kept
from studium.lib.folders import remove


@pytest.fixture
def _no_blocks() -> None:
    """Files of tests before are none of this one's."""
    remove(blocks_folder())


def _people() -> Cast:
    load_plans("open")
    return make_cast()


@pytest.fixture
def cast(db: None) -> Cast:
    return kept(_people)
