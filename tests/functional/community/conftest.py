"""What tests of the community begin with: people, and a public notebook of the owner's team that they talk about."""

import pytest

from factories.accounts import Cast, make_cast
from factories.compute import load_plans
from factories.kept import kept
from factories.notebooks import make_environment, make_notebook
from studium.community.access import Subject
from studium.notebooks.models import Notebook
from studium.notebooks.states import Visibility
from studium.notebooks.subjects import subject_of


def _people() -> Cast:
    load_plans("open")
    make_environment()
    return make_cast()


@pytest.fixture
def cast(db: None) -> Cast:
    return kept(_people)


@pytest.fixture
def public(cast: Cast) -> Notebook:
    return make_notebook(cast.owner, cast.team, "Open work", visibility=Visibility.PUBLIC)


@pytest.fixture
def subject(public: Notebook) -> Subject:
    return subject_of(public)
