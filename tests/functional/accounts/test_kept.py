"""What many tests begin with is made once; the rows put back are those that were made."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from django.db import transaction

from factories.accounts import Cast, make_cast, make_user
from factories.compute import load_plans
from factories.kept import kept
from studium.accounts.models import Membership, Team, User
from studium.compute.models import MachineType

pytestmark = pytest.mark.django_db


class TakenBack(Exception):
    """The end of what a test changes."""


@contextmanager
def taken_back() -> Iterator[None]:
    """As the end of a test does it."""
    with suppress(TakenBack), transaction.atomic():
        yield
        raise TakenBack


class People:
    """Makes them, and knows how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> Cast:
        self.times += 1
        load_plans("open")
        return make_cast()


def rows() -> list[object]:
    models = (User, Team, Membership, MachineType)
    return [row for model in models for row in model.objects.order_by("pk").values_list()]


def test_made_once_and_put_back_as_it_was() -> None:
    people, nothing = People(), rows()
    with taken_back():
        first, made = kept(people), rows()
    for _ in range(2):
        assert rows() == nothing
        with taken_back():
            assert kept(people) == first
            assert rows() == made != nothing
            assert make_user().pk not in {user.pk for user in User.objects.filter(memberships__team=first.team)}
    assert people.times == 1


def test_made_anew_where_a_row_is_in_the_way() -> None:
    people = People()
    with taken_back():
        first = kept(people)
    make_user(first.owner.username)
    assert kept(people).owner != first.owner
    assert people.times == 2


def test_what_changes_rows_is_not_kept() -> None:
    make_user()
    with pytest.raises(AssertionError, match="are changed"):
        kept(lambda: User.objects.update(email="changed@example.org"))
