"""Before a start, the form says what a whole session would cost and take of the allowance."""

import pytest
from scenes import Scene, client_of

from factories.accounts import NOW
from factories.compute import load_plans
from studium.plans import actions as plans

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        ("kaggle", "it uses 9 h 00 min of the 30 h 00 min of GPU time left"),
        ("gradient-pro", "At most $"),
    ],
)
def test_the_start_form_has_an_estimate(scene: Scene, plan: str, says: str) -> None:
    load_plans("kaggle", "gradient")
    plans.assign_plan(None, scene.cast.team, plan, now=NOW)
    page = client_of(scene.cast.owner).get(f"/notebooks/{scene.cast.team.slug}/{scene.quiet.slug}/").content.decode()
    assert says in page


def test_nothing_is_said_where_it_is_free(scene: Scene) -> None:
    page = client_of(scene.cast.owner).get(f"/notebooks/{scene.cast.team.slug}/{scene.quiet.slug}/").content.decode()
    assert "At most" not in page
