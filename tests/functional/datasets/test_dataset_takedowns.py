"""Public datasets are reported and taken down: who reads them then, what becomes of notebooks that read them, and back."""

import pytest
from world import World

from factories.accounts import NOW, Cast
from factories.datasets import make_dataset, make_version
from factories.notebooks import make_environment, make_notebook
from studium.accounts.states import SharedRole, Visibility
from studium.community.models import Notification, Report
from studium.community.reports.actions import report
from studium.community.states import ReportState, Why
from studium.compute.states import State
from studium.datasets import actions
from studium.datasets.access import dataset_for, dataset_for_operator
from studium.datasets.models import Dataset
from studium.datasets.queries import by_person, taken_down
from studium.datasets.subjects import subject_of
from studium.datasets.takedowns import put_back, take_down
from studium.errors import BadInput, NotFound, Refused
from studium.notebooks import actions as notebooks
from studium.notebooks.inputs import actions as inputs
from studium.notebooks.sharing.reconcile import stop_of_unwelcome
from studium.notebooks.states import LaunchKind

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(cast: Cast) -> Dataset:
    made = make_dataset(cast.owner, cast.team, visibility=Visibility.PUBLIC)
    make_version(cast.owner, made, {"a": [b"a"]})
    return made


def test_only_its_team_and_those_it_is_shared_with_read_it(cast: Cast, dataset: Dataset) -> None:
    report(cast.stranger, subject_of(dataset), Why.PRIVATE, "Names", now=NOW)
    take_down(cast.operator, dataset, "Shows names", now=NOW)
    for person in (cast.owner, cast.teammate, cast.reader):
        assert dataset_for(person, dataset.pk).taken_down_reason == "Shows names"
    for person in (cast.stranger, cast.operator):
        with pytest.raises(NotFound):
            dataset_for(person, dataset.pk)
    actions.share(cast.owner, dataset, cast.stranger, SharedRole.READER, now=NOW)
    assert dataset_for(cast.stranger, dataset.pk) == dataset
    assert Report.objects.get().state == ReportState.UPHELD
    told = Notification.objects.filter(kind="taken_down").values_list("user__username", flat=True)
    assert set(told) == {cast.owner.username}
    assert list(taken_down()) == [dataset]
    assert list(by_person(cast.teammate, cast.owner)) == []


def test_it_is_put_back_as_it_was(cast: Cast, dataset: Dataset) -> None:
    take_down(cast.operator, dataset, "Shows names", now=NOW)
    take_down(cast.operator, dataset, "Twice", now=NOW)
    put_back(cast.operator, dataset, now=NOW)
    put_back(cast.operator, dataset, now=NOW)
    assert dataset_for(cast.stranger, dataset.pk).taken_down_reason == ""
    assert list(by_person(cast.stranger, cast.owner)) == [dataset]


def test_who_may(cast: Cast, dataset: Dataset) -> None:
    for person in (cast.owner, cast.stranger):
        with pytest.raises(NotFound):
            take_down(person, dataset, "No", now=NOW)
        with pytest.raises(NotFound):
            dataset_for_operator(person, dataset.pk)
    with pytest.raises(BadInput):
        take_down(cast.operator, dataset, "  ", now=NOW)
    hidden = make_dataset(cast.owner, cast.team, "Hidden", visibility=Visibility.TEAM)
    with pytest.raises(NotFound):
        dataset_for_operator(cast.operator, hidden.pk)


def test_what_is_the_own_teams_or_not_public_is_not_reported(cast: Cast, dataset: Dataset) -> None:
    with pytest.raises(Refused):
        report(cast.teammate, subject_of(dataset), Why.SPAM, "", now=NOW)
    take_down(cast.operator, dataset, "Shows names", now=NOW)
    dataset.refresh_from_db()
    with pytest.raises(Refused):
        report(cast.stranger, subject_of(dataset), Why.SPAM, "", now=NOW)


def test_runs_that_read_it_go_on_and_none_begin(cast: Cast, dataset: Dataset) -> None:
    make_environment()
    world = World()
    notebook = make_notebook(cast.stranger)
    inputs.add_input(cast.stranger, notebook, dataset, now=world.now)
    run = notebooks.start(cast.stranger, notebook, LaunchKind.SESSION, "cpu-small", now=world.now)
    world.until(run, State.RUNNING)
    take_down(cast.operator, dataset, "Shows names", now=world.now)
    world.tick(3)
    stop_of_unwelcome(world.now)
    run.refresh_from_db()
    assert run.state == State.RUNNING, "as with notebooks that are taken down"
    world.engine.finish(run.pk)
    world.until(run, State.ENDED)
    notebooks_start = {"now": world.now}
    with pytest.raises(Refused) as error:
        notebooks.start(cast.stranger, notebook, LaunchKind.EXECUTION, "cpu-small", **notebooks_start)
    assert error.value.code == "input.hidden"
