"""Claims and the ledger: to the second, once, never negative, the same after any crash; and the presets' limits by the clock."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factories.accounts import NOW, make_team, make_user
from factories.compute import load_plans
from studium.accounts.models import Team
from studium.plans import actions, queries
from studium.plans.models import Claim, LedgerEntry

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    load_plans("open", "kaggle", "gradient")
    return make_team(make_user())


def claim(
    team: Team,
    holder: str = "run1",
    *,
    resource: str = "gpu",
    devices: int = 1,
    price: int = 0,
    hold: int = 3600,
    now: datetime = NOW,
) -> Claim:
    return actions.take_claim(
        holder, team, user_id=None, machine_type="p100", resource=resource, kind="P100", devices=devices, price_micros_hour=price,
        hold_seconds=hold, now=now,
    )  # fmt: skip


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_waiting_is_free(team: Team) -> None:
    claim(team)
    assert actions.charge("run1", until=at(500)) is None
    assert not LedgerEntry.objects.exists()


def test_charged_to_the_second_and_once(team: Team) -> None:
    claim(team, devices=2, price=1_000_000)
    actions.begin_charging("run1", since=NOW)
    actions.begin_charging("run1", since=at(100))  # the first call counts
    actions.charge("run1", until=at(61.9))
    assert actions.charge("run1", until=at(61.95)) is None
    actions.settle("run1", until=at(3600), now=at(3600))
    actions.settle("run1", until=at(9000), now=at(9000))
    first, second = LedgerEntry.objects.order_by("id")
    assert (first.seconds, second.seconds) == (61 * 2, (3600 - 61) * 2)
    assert first.cost_micros + second.cost_micros == 1_000_000
    assert second.started_at == first.ended_at


def test_a_clock_that_goes_back_charges_nothing(team: Team) -> None:
    claim(team)
    actions.begin_charging("run1", since=at(100))
    assert actions.charge("run1", until=at(50)) is None
    actions.charge("run1", until=at(160))
    assert actions.charge("run1", until=at(120)) is None
    actions.settle("run1", until=at(130), now=at(130))
    assert actions.replayed_seconds(Claim.objects.get()) == 60


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moments=st.lists(st.integers(-100_000_000, 5_000_000_000).map(lambda n: n / 1e6), max_size=8),
    end=st.integers(0, 5000),
    price=st.integers(0, 9_999_999),
)
def test_totals_do_not_depend_on_when_it_was_charged(team: Team, moments: list[float], end: int, price: int) -> None:
    Claim.objects.filter(holder="r").delete() if not LedgerEntry.objects.filter(claim__holder="r").exists() else None
    holder = f"r{abs(hash((tuple(moments), end, price)))}"
    row = claim(team, holder, price=price)
    actions.begin_charging(holder, since=NOW)
    latest = 0.0
    for moment in moments:
        actions.charge(holder, until=at(moment))
        latest = max(latest, moment)
    total = max(int(latest), end)
    actions.settle(holder, until=at(total), now=at(total))
    entries = list(LedgerEntry.objects.filter(claim=row))
    assert sum(e.seconds for e in entries) == total
    assert sum(e.cost_micros for e in entries) == price * total // 3600
    assert all(e.seconds > 0 and e.cost_micros >= 0 for e in entries)


def test_kaggle_week_starts_saturday_midnight(team: Team) -> None:
    actions.assign_plan(None, team, "kaggle", now=NOW)
    saturday = datetime(2026, 3, 7, tzinfo=UTC)
    claim(team, hold=0, now=saturday - timedelta(hours=2))
    actions.begin_charging("run1", since=saturday - timedelta(hours=1))
    actions.settle("run1", until=saturday + timedelta(hours=1), now=saturday + timedelta(hours=1))
    hour = 3600
    before = queries.standing(team, now=saturday - timedelta(seconds=1))
    after = queries.standing(team, now=saturday + timedelta(hours=2))
    # The stretch over midnight counts half in either week; the week before is asked at its last second.
    assert before.left_in("gpu") == 30 * hour - 2 * hour
    assert after.left_in("gpu") == 30 * hour - hour
    assert after.left_in("tpu") == 30 * hour
    assert after.left_in("cpu") is None


def test_live_claims_hold_what_is_not_charged_yet(team: Team) -> None:
    actions.assign_plan(None, team, "kaggle", now=NOW)
    hour = 3600
    claim(team, hold=hour)
    assert queries.standing(team, now=NOW).left_in("gpu") == 29 * hour
    actions.begin_charging("run1", since=NOW)
    actions.charge("run1", until=at(600))
    assert queries.standing(team, now=at(600)).left_in("gpu") == 29 * hour
    # Past its hold, what it really used counts, charged or not.
    assert queries.standing(team, now=at(2 * hour)).left_in("gpu") == 28 * hour
    actions.settle("run1", until=at(2 * hour), now=at(2 * hour))
    assert queries.standing(team, now=at(2 * hour)).left_in("gpu") == 28 * hour


def test_a_run_that_never_ran_gives_all_back(team: Team) -> None:
    actions.assign_plan(None, team, "kaggle", now=NOW)
    claim(team)
    actions.settle("run1", until=None, now=NOW)
    assert queries.standing(team, now=NOW).left_in("gpu") == 30 * 3600
    again = claim(team, hold=60)
    assert (again.released_at, again.hold_seconds) == (None, 60)


def test_recent_use_halves_each_day(team: Team) -> None:
    claim(team)
    actions.begin_charging("run1", since=NOW)
    actions.settle("run1", until=at(3600), now=at(3600))
    today = queries.recent_use([team.pk], now=at(3600))[team.pk]
    tomorrow = queries.recent_use([team.pk], now=at(3600 + 86400))[team.pk]
    assert (today, tomorrow) == (3600, 1800)


def test_plans_load_twice_and_teams_move_between_them(team: Team) -> None:
    load_plans("kaggle")
    actions.assign_plan(None, team, "gradient-free", now=NOW)
    assert queries.standing(team, now=NOW).rules.running_notebooks == 1
    actions.assign_plan(None, team, "gradient-pro", now=NOW)
    assert queries.standing(team, now=NOW).rules.terminal
