"""Storage beyond the plan in the ledger: agreed to first, an hour once, never negative, adding up to the price."""

from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factories.accounts import NOW, make_team, make_user
from factories.compute import load_plans
from studium.accounts.models import Team, User
from studium.accounts.states import Role
from studium.errors import BadInput, Forbidden, NotFound, Refused
from studium.events.models import Event
from studium.lib.units import GIB
from studium.plans import queries
from studium.plans.actions import assign_plan
from studium.plans.estimates import HOURS_PER_MONTH
from studium.plans.models import OverageCap, StorageEntry, StorageMeter
from studium.plans.overage import LONGEST_MONTH, PARTS, agreed_bytes
from studium.plans.rules import TeamPlan
from studium.plans.storage_charges import HOURS_AT_ONCE, cap_words, charge_hours, set_cap

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
PRICE, INCLUDED = 290_000, 5 * GIB


@dataclass
class Bill:
    """A team whose owner agreed to 10 GiB beyond the 5 GiB of its plan, and what is stored of it."""

    owner: User
    team: Team

    def charge(self, stored: int, hours: float) -> int:
        now = NOW + hours * HOUR
        return charge_hours(queries.standing(self.team, now=now).plan, self.team, stored, now=now)

    @property
    def entries(self) -> list[StorageEntry]:
        return list(StorageEntry.objects.filter(team=self.team).order_by("hour"))


@pytest.fixture
def bill() -> Bill:
    load_plans("open", "kaggle", "gradient")
    owner = make_user()
    team = make_team(owner)
    assign_plan(None, team, "gradient-free", now=NOW)
    set_cap(owner, team, stored=0, cap_bytes=10 * GIB, now=NOW)
    return Bill(owner, team)


def test_hours_from_the_first_look_on_cost_what_is_beyond_the_plan(bill: Bill) -> None:
    assert bill.charge(7 * GIB, 0.9) == 0
    assert bill.charge(7 * GIB, 0.95) == 0
    assert bill.charge(7 * GIB, 1.0) == 1
    assert bill.charge(5 * GIB, 2.1) == 0
    assert bill.charge(25 * GIB, 3.1) == 1
    first, last = bill.entries
    assert (first.hour, first.charged_bytes, first.cost_micros) == (NOW, 2 * GIB, 2 * PRICE // HOURS_PER_MONTH)
    assert (last.hour, last.charged_bytes, last.late) == (NOW + 2 * HOUR, 10 * GIB, False)


def test_without_an_owners_word_nothing_is_charged(bill: Bill) -> None:
    other = make_team(bill.owner)
    assign_plan(None, other, "gradient-free", now=NOW)
    plan = queries.standing(other, now=NOW).plan
    charge_hours(plan, other, 9 * GIB, now=NOW)
    assert charge_hours(plan, other, 9 * GIB, now=NOW + 5 * HOUR) == 0
    assert not StorageEntry.objects.exists()


def test_missed_hours_cost_what_was_measured_last_and_say_so(bill: Bill) -> None:
    bill.charge(7 * GIB, 0.5)
    bill.charge(6 * GIB, 1.5)
    assert bill.charge(9 * GIB, 5.2) == 4
    assert [(e.charged_bytes // GIB, e.late, e.measured_at) for e in bill.entries] == [
        (1, False, NOW + 1.5 * HOUR),
        *[(1, True, NOW + 1.5 * HOUR)] * 3,
        (4, False, NOW + 5.2 * HOUR),
    ]


def test_a_long_downtime_enters_in_steps(bill: Bill) -> None:
    bill.charge(6 * GIB, 0)
    late = HOURS_AT_ONCE + 5.5
    assert [bill.charge(9 * GIB, late) for _ in range(3)] == [HOURS_AT_ONCE, 5, 0]
    assert [e.charged_bytes // GIB for e in bill.entries] == [1] * (HOURS_AT_ONCE + 4) + [4]


def test_a_clock_that_went_back_charges_nothing_until_time_has_caught_up(bill: Bill) -> None:
    bill.charge(7 * GIB, 0)
    assert [bill.charge(7 * GIB, hours) for hours in (3, -50, 1, 3.9, 4)] == [3, 0, 0, 0, 1]
    assert [e.hour for e in bill.entries] == [NOW + n * HOUR for n in range(4)]


def test_a_crash_enters_all_of_it_or_nothing_and_the_next_pass_goes_on(
    bill: Bill, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill.charge(7 * GIB, 0)
    with monkeypatch.context() as patched:
        patched.setattr(StorageEntry.objects, "bulk_create", lambda rows: [row.save() for row in rows] and 1 // 0)
        with pytest.raises(ZeroDivisionError):
            bill.charge(7 * GIB, 2)
    assert not bill.entries
    assert bill.charge(7 * GIB, 2) == 2


def test_an_hour_enters_once_even_past_the_meter(bill: Bill) -> None:
    bill.charge(7 * GIB, 0)
    bill.charge(7 * GIB, 1)
    StorageMeter.objects.update(charged_until=NOW)  # as a pass that read it before another had moved it
    with pytest.raises(IntegrityError), transaction.atomic():
        bill.charge(7 * GIB, 1)
    assert len(bill.entries) == 1


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(
            st.integers(-40, 70),
            st.one_of(st.integers(0, 3 * 10**15), st.integers(INCLUDED - 9, INCLUDED + 9)),
            st.integers(0, 10**9),
        ),
        max_size=25,
    )
)
def test_the_ledger_of_any_measurements_adds_up(bill: Bill, steps: list[tuple[int, int, int]]) -> None:
    StorageEntry.objects.all().delete()
    StorageMeter.objects.all().delete()
    base = queries.standing(bill.team, now=NOW).plan
    minutes, furthest = 0, 0
    for more, stored, price in steps:
        minutes += more
        furthest = max(furthest, minutes)
        rules = base.rules.model_copy(update={"storage_overage_micros_per_gib_month": price})
        plan = TeamPlan(slug="x", name="X", rules=rules, agreed_bytes=base.agreed_bytes)
        charge_hours(plan, bill.team, stored, now=NOW + timedelta(minutes=minutes))
    entries = bill.entries
    exact = sum(Fraction(e.charged_bytes * e.price_micros, PARTS) for e in entries)
    paid = sum(e.cost_micros for e in entries)
    assert exact - 1 < paid <= exact
    assert paid + Fraction(entries[-1].carry if entries else 0, PARTS) == exact
    assert all(0 < e.charged_bytes <= 10 * GIB and e.cost_micros >= 0 for e in entries)
    hours = [e.hour for e in entries]
    assert len(set(hours)) == len(hours)
    assert all(hour + HOUR <= NOW + timedelta(minutes=furthest) for hour in hours)
    months = queries.storage_charges(bill.team, since=NOW - 1000 * HOUR, limit=1000)
    assert sum(m.cost_micros for m in months) == paid == queries.storage_cost(bill.team, since=NOW - 1000 * HOUR)


def test_a_month_costs_the_price_and_a_cap_in_money_is_never_passed(bill: Bill) -> None:
    bill.charge(6 * GIB, 0)
    for hours in (300, HOURS_PER_MONTH):
        bill.charge(6 * GIB, hours)
    assert len(bill.entries) == HOURS_PER_MONTH
    assert sum(e.cost_micros for e in bill.entries) == PRICE
    rules = queries.standing(bill.team, now=NOW).rules
    room = agreed_bytes(rules, None, 5_000_000)
    assert room * PRICE * LONGEST_MONTH <= 5_000_000 * PARTS < (room + 1) * PRICE * LONGEST_MONTH


def test_the_bill_tells_months_and_counts_in_what_was_spent(bill: Bill) -> None:
    bill.charge(7 * GIB, 0)
    bill.charge(8 * GIB, 3)
    (line,) = queries.storage_charges(bill.team, since=NOW)
    assert (line.hours, line.late_hours, line.mean_bytes // GIB, line.included_bytes) == (3, 2, 2, INCLUDED)
    assert queries.cost_since(bill.team, NOW) == line.cost_micros == sum(e.cost_micros for e in bill.entries) > 0


def test_a_cap_is_the_owners_and_cannot_go_below_what_is_charged(bill: Bill) -> None:
    admin, stranger = make_user(), make_user()
    bill.team.memberships.create(user=admin, role=Role.ADMIN, since=NOW)
    for person, error in ((admin, Forbidden), (stranger, NotFound)):
        with pytest.raises(error):
            set_cap(person, bill.team, stored=0, cap_bytes=GIB, now=NOW)
    with pytest.raises(Refused, match=r"7 GiB beyond the plan are in use, and the cap would allow 6 GiB") as refused:
        set_cap(bill.owner, bill.team, stored=12 * GIB, cap_bytes=6 * GIB, now=NOW)
    assert refused.value.code == "overage.in_use"
    with pytest.raises(Refused):
        set_cap(bill.owner, bill.team, stored=12 * GIB, now=NOW)
    with pytest.raises(BadInput):
        set_cap(bill.owner, bill.team, stored=0, cap_bytes=-1, now=NOW)
    assert set_cap(bill.owner, bill.team, stored=12 * GIB, cap_bytes=7 * GIB, now=NOW) == 7 * GIB
    both = set_cap(bill.owner, bill.team, stored=0, cap_bytes=7 * GIB, cap_micros=290_000, now=NOW)
    assert 0.97 * GIB < both < GIB
    assert cap_words(OverageCap.objects.get()) == "7 GiB and $0.29 a month"
    assert set_cap(bill.owner, bill.team, stored=5 * GIB, now=NOW) == 0
    assert not OverageCap.objects.exists()
    told = Event.objects.filter(kind="storage.cap").order_by("id")
    assert [event.data["bytes"] for event in told] == [10 * GIB, 7 * GIB, 7 * GIB, None]


def test_a_plan_that_sells_none_takes_no_cap(bill: Bill) -> None:
    assign_plan(None, bill.team, "open", now=NOW)
    with pytest.raises(Refused, match="sells no storage"):
        set_cap(bill.owner, bill.team, stored=0, cap_bytes=GIB, now=NOW)
    assert queries.standing(bill.team, now=NOW).plan.agreed_bytes == 0
