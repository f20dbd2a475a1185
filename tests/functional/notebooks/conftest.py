"""What tests of notebooks begin with: people, plans, an environment, a small world of engines, a notebook of the team."""

import pytest
from world import World

from factories.accounts import Cast, make_cast
from factories.compute import load_plans
from factories.kept import kept
from factories.notebooks import make_environment, make_notebook
from studium.notebooks.models import Notebook
from studium.notebooks.states import Visibility


def _people() -> Cast:
    load_plans("open", "kaggle", "gradient")
    make_environment()
    return make_cast()


@pytest.fixture
def cast(db: None) -> Cast:
    return kept(_people)


@pytest.fixture
def world(cast: Cast) -> World:
    return World()


@pytest.fixture
def notebook(cast: Cast) -> Notebook:
    return make_notebook(cast.owner, cast.team, visibility=Visibility.TEAM)
