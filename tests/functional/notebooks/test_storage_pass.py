"""The pass that charges storage beyond the plan, refusals at the cap, and what more storage would cost."""

from datetime import timedelta

import pytest

from factories.accounts import NOW, Cast, make_team
from factories.datasets import make_dataset, pack_of, seeded
from factories.notebooks import make_notebook
from studium.accounts.models import Team
from studium.datasets import actions as datasets
from studium.errors import Refused
from studium.lib.units import GIB
from studium.notebooks.models import Notebook
from studium.notebooks.queries import room_of, stored_bytes
from studium.notebooks.stored import reconcile
from studium.notebooks.stored.queries import more, stored_of
from studium.plans.actions import assign_plan
from studium.plans.models import StorageEntry
from studium.plans.storage_charges import set_cap

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def store(team: Team, size: int) -> None:
    """Have the team store exactly so much, in the workspace of its one notebook."""
    owner = team.memberships.get(role="owner").user
    row = Notebook.objects.filter(team=team).first() or make_notebook(owner, team)
    Notebook.objects.filter(pk=row.pk).update(workspace_bytes=size)


def sold(cast: Cast, team: Team, cap: int) -> Team:
    assign_plan(None, team, "gradient-free", now=NOW)
    set_cap(cast.owner, team, stored=0, cap_bytes=cap, now=NOW)
    return team


def test_teams_are_charged_by_the_hour_for_what_was_measured(cast: Cast) -> None:
    one, other = (sold(cast, make_team(cast.owner), 3 * GIB) for _ in range(2))
    store(one, 6 * GIB)
    store(other, 50 * GIB)
    store(cast.team, 50 * GIB)
    assert [reconcile.charge_due(NOW + hours * HOUR) for hours in (0.2, 0.5, 1.1, 1.2)] == [0, 0, 2, 0]
    store(one, 7 * GIB)
    assert reconcile.charge_due(NOW + 2 * HOUR) == 2
    lines = StorageEntry.objects.order_by("team", "hour").values_list("team", "charged_bytes")
    assert list(lines) == [(one.pk, GIB), (one.pk, 2 * GIB), (other.pk, 3 * GIB), (other.pk, 3 * GIB)]


def test_one_team_that_cannot_be_charged_keeps_no_other_waiting(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = (sold(cast, make_team(cast.owner), 3 * GIB) for _ in range(2))
    for team in (bad, good):
        store(team, 6 * GIB)
    reconcile.charge_due(NOW)
    real = reconcile.counted
    with monkeypatch.context() as patched:
        patched.setattr(reconcile, "counted", lambda team: 1 // 0 if team == bad else real(team))
        assert reconcile.charge_due(NOW + HOUR) == 1
    assert reconcile.charge_due(NOW + HOUR) == 1


def test_at_the_cap_writes_are_refused_with_the_figures(cast: Cast) -> None:
    team = sold(cast, make_team(cast.owner), GIB)
    made = make_dataset(cast.owner, team)
    store(team, 6 * GIB - 500)
    described, content = pack_of(seeded(1000))
    with pytest.raises(Refused, match=r"gives 5 GiB .* agreed to 1 GiB more; .* 1000 B more do not fit") as refused:
        datasets.bring(cast.owner, made, described, content, used=stored_bytes(team), now=NOW)
    assert refused.value.code == "plan.storage_cap"
    assert "an owner set a higher cap" in refused.value.next_step
    assert room_of(team, GIB, NOW) == 500
    store(team, 6 * GIB - 1000)
    assert datasets.bring(cast.owner, made, described, content, used=stored_bytes(team), now=NOW) == 1000


def test_what_more_would_cost_is_said_before(cast: Cast) -> None:
    team = sold(cast, make_team(cast.owner), 10 * GIB)
    store(team, 4 * GIB)
    assert more(team, GIB).words == ""
    dear = more(team, 3 * GIB)
    assert (dear.micros_month, dear.over, dear.refusal) == (580_000, 2 * GIB, None)
    assert dear.words == (
        "3 GiB more make 2 GiB beyond the 5 GiB of Gradient Free: $0.58 a month more, at $0.29 per GiB and month."
    )
    store(team, 8 * GIB)
    assert more(team, GIB).micros_month == 290_000
    assert more(team, 9 * GIB).refusal is not None
    now = stored_of(team)
    assert (now.over, now.charged, now.month_micros, now.room) == (3 * GIB, 3 * GIB, 870_000, 15 * GIB)
    store(team, 80 * GIB)
    assert (stored_of(team).charged, stored_of(team).month_micros) == (10 * GIB, 2_900_000)
    assert more(cast.team, 10**15).words == ""
