"""Each rule refuses with its code, the figures and a next step, and lets through what it should."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from studium.errors import BadInput, NotYet, Refused, StudiumError
from studium.lib.units import GIB
from studium.plans import checks
from studium.plans.estimates import cost_of, estimate, overage_charge, overage_words, session_limit
from studium.plans.machine_types import MachineTypeSpec
from studium.plans.presets import load_shipped
from studium.plans.rules import Overdraft, PlanRules, PlanSpec, TeamPlan

HOUR = 3600
FRIDAY = datetime(2026, 3, 13, 22, 0, tzinfo=UTC)
PLANS = {p.slug: p for s in ("open", "kaggle", "gradient") for p in load_shipped(s).plans}
TYPES = {t.slug: t for s in ("open", "kaggle", "gradient") for t in load_shipped(s).machine_types}
FREE, PRO, KAGGLE, OPEN = (PLANS[name] for name in ("gradient-free", "gradient-pro", "kaggle", "open"))
P100 = TYPES["p100"]


def capped(**rules: object) -> PlanSpec:
    return PlanSpec(slug="capped", name="Capped", rules=PlanRules.model_validate(rules))


REFUSED: list[tuple[Callable[[], object], type[StudiumError], str, str]] = [
    (
        lambda: checks.check_machine(FREE, TYPES["p4000"]),
        Refused,
        "plan.machine_not_allowed",
        "Gradient Free does not include P4000",
    ),
    (
        lambda: checks.check_session(KAGGLE, P100, 9 * HOUR + 1, None),
        Refused,
        "plan.session_length",
        "at most 9 h 00 min on P100",
    ),
    (
        lambda: checks.check_session(FREE, TYPES["free-gpu"], 7 * HOUR, None),
        Refused,
        "plan.session_length",
        "at most 6 h 00 min",
    ),
    (
        lambda: checks.check_session(KAGGLE, P100, 59, None),
        BadInput,
        "plan.session_too_short",
        "at least 1 min, not 59 s",
    ),
    (
        lambda: checks.check_session(KAGGLE, P100, None, 59, now=FRIDAY),
        NotYet,
        "plan.allowance_used",
        (
            "59 s of the 30 h 00 min of GPU time are left, too little to start. "
            "It resets on Saturday 14 March at 00:00 UTC, in 2 h 00 min."
        ),
    ),
    (
        lambda: checks.check_queue(capped(queued_runs=4), 4),
        NotYet,
        "plan.queued_runs",
        "4 runs wait in the queue and Capped allows 4",
    ),
    (
        lambda: checks.check_visibility(FREE, "private"),
        Refused,
        "plan.visibility",
        "allows public work only, not private",
    ),
    (
        lambda: checks.check_visibility(KAGGLE, "team"),
        Refused,
        "plan.visibility",
        "allows private and public work only, not team",
    ),
    (lambda: checks.check_visibility(OPEN, "secret"), BadInput, "plan.visibility_unknown", "no visibility 'secret'"),
    (lambda: checks.check_internet(capped(internet=False)), Refused, "plan.internet", "no network access"),
    (
        lambda: checks.check_team_storage(capped(storage_bytes_team="1 GiB"), GIB, 1),
        Refused,
        "plan.storage_team",
        "gives 1 GiB",
    ),
    (
        lambda: checks.check_spend(capped(overdraft={"spend_micros_month": 1_000_000}), 900_000, 100_001),
        NotYet,
        "plan.spend_limit",
        "limit is $1.00 a month",
    ),
]


@pytest.mark.parametrize(("check", "kind", "code", "words"), REFUSED, ids=[row[2] for row in REFUSED])
def test_refusals_say_rule_figures_and_next_step(
    check: Callable[[], object], kind: type[StudiumError], code: str, words: str
) -> None:
    with pytest.raises(StudiumError) as caught:
        check()
    assert type(caught.value) is kind
    assert caught.value.code == code
    assert words in caught.value.message
    assert caught.value.next_step.endswith((".", "?"))
    assert caught.value.facts


ALLOWED: list[Callable[[], object]] = [
    lambda: checks.check_machine(FREE, TYPES["free-gpu"]),
    lambda: checks.check_machine(OPEN, TYPES["a100x8"]),
    lambda: checks.check_queue(OPEN, 10**6),
    lambda: checks.check_visibility(FREE, "public"),
    lambda: checks.check_visibility(KAGGLE, "private"),
    lambda: checks.check_internet(FREE),
    lambda: checks.check_allowance(KAGGLE, P100, 60),
    lambda: checks.check_spend(OPEN, 10**12, 10**12),
    lambda: checks.check_spend(capped(overdraft={"spend_micros_month": 5}), 9, 0),
]


@pytest.mark.parametrize("check", ALLOWED)
def test_what_the_plan_allows_passes(check: Callable[[], object]) -> None:
    assert check() is None


def test_a_session_gets_what_was_asked_or_all_the_plan_gives() -> None:
    assert checks.check_session(KAGGLE, P100, None, 30 * HOUR) == 9 * HOUR
    assert checks.check_session(KAGGLE, P100, 9 * HOUR, HOUR) == 9 * HOUR
    assert checks.check_session(PRO, TYPES["p5000"], 48 * HOUR, None) == 48 * HOUR
    assert checks.check_session(OPEN, TYPES["cpu-small"], 60, None) == 60


def test_a_machine_with_two_devices_needs_twice_the_allowance_to_start() -> None:
    with pytest.raises(NotYet):
        checks.check_allowance(KAGGLE, P100.times(2), 119)
    assert checks.check_allowance(KAGGLE, P100.times(2), 120) is None


def test_default_visibility_is_the_most_private_allowed() -> None:
    assert [checks.default_visibility(p) for p in (OPEN, KAGGLE, FREE)] == ["private", "private", "public"]


def test_storage_with_a_price_goes_on_and_costs_once_an_owner_agreed_and_as_far_as_they_did() -> None:
    agreed = TeamPlan(**FREE.model_dump(), agreed_bytes=2 * GIB)
    assert checks.check_team_storage(FREE, 4 * GIB, GIB) == 0
    assert checks.check_team_storage(agreed, 5 * GIB, 2 * GIB) == 580_000
    assert checks.check_team_storage(OPEN, 10**15, 1) == 0
    with pytest.raises(Refused, match=r"gives 5 GiB .* 5 GiB are used and 1 B more do not fit") as alone:
        checks.check_team_storage(FREE, 5 * GIB, 1)
    assert "have an owner agree to pay $0.29 per GiB and month" in alone.value.next_step
    with pytest.raises(Refused, match=r"its owners agreed to 2 GiB more; 7 GiB are used") as capped:
        checks.check_team_storage(agreed, 7 * GIB, 1)
    assert (capped.value.code, capped.value.facts["limit"]) == ("plan.storage_cap", 7 * GIB)


@pytest.mark.parametrize(
    ("stored", "hours", "micros"),
    [(5 * GIB, 730, 0), (6 * GIB, 730, 290_000), (6 * GIB, 1, 397), (15 * GIB, 73, 290_000), (0, 730, 0)],
)
def test_overage_is_charged_by_the_hour(stored: int, hours: int, micros: int) -> None:
    assert overage_charge(FREE.rules, stored, hours) == micros


def test_overage_is_explained() -> None:
    assert (
        overage_words(FREE.rules, 7 * GIB)
        == "2 GiB more than the 5 GiB included, at $0.29 per GiB and month: $0.58 a month."
    )
    assert overage_words(FREE.rules, GIB) == ""
    assert overage_charge(OPEN.rules, 10**15, 730) == 0


@pytest.mark.parametrize(
    ("plan", "kind", "left", "seconds"),
    [
        (KAGGLE, P100, None, 9 * HOUR), (KAGGLE, P100, 2 * HOUR, 2 * HOUR), (KAGGLE, P100.times(2), 2 * HOUR, HOUR),
        (KAGGLE, P100, -5, 0), (FREE, TYPES["free-gpu"], None, 6 * HOUR), (PRO, TYPES["p4000"], None, 7 * 24 * HOUR),
    ],
)  # fmt: skip
def test_session_limit(plan: PlanSpec, kind: MachineTypeSpec, left: int | None, seconds: int) -> None:
    assert session_limit(plan.rules, kind, left) == seconds


def test_estimates_before_a_start() -> None:
    window = KAGGLE.rules.windows[0]
    free = estimate(P100, 9 * HOUR, KAGGLE.rules, {window: 5 * HOUR})
    assert (free.cost_micros, free.allowance_seconds) == (0, 9 * HOUR)
    assert free.sentence == (
        "No charge for 9 h 00 min on P100; it uses 5 h 00 min of the 5 h 00 min of GPU time left, "
        "and ends when that is used up."
    )
    paid = estimate(TYPES["a6000x4"], 90 * 60, PLANS["gradient-growth"].rules, {})
    assert (paid.cost_micros, paid.allowance_seconds) == (11_340_000, 0)
    assert paid.sentence == "At most $11.34 at $7.56 an hour for 1 h 30 min on A6000x4."


def test_charged_parts_add_up_to_the_whole() -> None:
    marks = [0, 1, 7, 59, 3599, 3600, 40_000]
    parts = [cost_of(510_000, b) - cost_of(510_000, a) for a, b in itertools.pairwise(marks)]
    assert sum(parts) == cost_of(510_000, 40_000)
    assert all(part >= 0 for part in parts)


def test_the_end_of_a_session_by_its_allowance() -> None:
    assert checks.session_ends_after(KAGGLE.rules, None, 1) is None
    assert checks.session_ends_after(KAGGLE.rules, 90, 2) == 45
    grace = PlanRules(overdraft=Overdraft(grace_seconds=120))
    assert checks.session_ends_after(grace, -4, 1) == 120


def test_session_length_by_class_wins_over_free_or_paid() -> None:
    rules = PlanRules.model_validate(
        {
            "session_seconds": {
                "default": "1h",
                "free_machines": "2h",
                "paid_machines": "3h",
                "by_class": {"tpu": "30min"},
            }
        }
    )
    lengths = [rules.session_seconds.limit_for(TYPES[s]) for s in ("tpu-v3-8", "p100", "p4000")]
    assert lengths == [1800, 2 * HOUR, 3 * HOUR]
