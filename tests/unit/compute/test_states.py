"""The life of a run: every pair of states is decided, every reason is mapped and documented."""

from itertools import product
from pathlib import Path

import pytest

from studium.compute.states import ENDINGS, LIVE, MOVES, Reason, State, may_move

LEGAL = {
    ("queued", "assigned"), ("queued", "ended"),
    ("assigned", "starting"), ("assigned", "queued"), ("assigned", "stopping"), ("assigned", "ended"),
    ("starting", "running"), ("starting", "stopping"), ("starting", "ended"),
    ("running", "stopping"), ("running", "ended"),
    ("stopping", "ended"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new"), list(product(State, State)))
def test_each_pair_of_states_is_decided(old: State, new: State) -> None:
    assert may_move(old, new) == ((old.value, new.value) in LEGAL)


def test_every_live_state_can_reach_the_end() -> None:
    for state in LIVE:
        assert State.ENDED in MOVES[state]


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_words(reason: Reason) -> None:
    ending = ENDINGS[reason]
    assert ending.title
    assert ending.advice or reason in (Reason.FINISHED, Reason.CANCELLED)


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_is_documented(reason: Reason) -> None:
    page = Path(__file__).parents[3] / "docs" / "members" / "runs.md"
    assert f"`{reason.value}`" in page.read_text()
