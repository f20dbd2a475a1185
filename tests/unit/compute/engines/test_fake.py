"""The fake engine's misbehaviours do what their names say."""

from pathlib import Path

import pytest

from studium.compute.engines.base import Activity, Cause, EngineError, Phase, Usage
from studium.compute.engines.fake import FakeEngine
from studium.compute.spec import Limits, RunSpec


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(clock: Clock) -> FakeEngine:
    return FakeEngine(clock)


def spec(run_id: str = "a") -> RunSpec:
    return RunSpec(run_id=run_id, command=("x",), limits=Limits(vcpu=1, memory_bytes=1), environment_path="/")


def test_a_start_that_fails_starts_nothing_and_one_that_lies_does(engine: FakeEngine) -> None:
    engine.start_fails()
    with pytest.raises(EngineError):
        engine.start(spec(), "fake")
    assert engine.poll("a").phase is Phase.UNKNOWN
    engine.start_lies()
    with pytest.raises(EngineError):
        engine.start(spec(), "fake")
    assert engine.poll("a").phase is Phase.RUNNING
    engine.start(spec(), "fake")
    assert engine.starts == ["a"]


def test_unknown_and_raising_polls_are_counted(engine: FakeEngine) -> None:
    engine.start(spec("a"), "fake")
    engine.start(spec("b"), "fake")
    engine.unknown_for(2, "a")
    assert [engine.poll("a").phase for _ in range(3)] == [Phase.UNKNOWN, Phase.UNKNOWN, Phase.RUNNING]
    engine.poll_raises(1)
    with pytest.raises(EngineError):
        engine.poll("b")
    assert engine.poll("b").phase is Phase.RUNNING


def test_slow_starts_and_early_deaths_follow_the_clock(engine: FakeEngine, clock: Clock) -> None:
    engine.slow_start(10)
    engine.dies_after(30, 137, Cause.OUT_OF_MEMORY)
    engine.start(spec(), "fake")
    assert engine.poll("a").phase is Phase.STARTING
    clock.now += 10
    assert engine.poll("a").started_at == 1010.0
    clock.now += 100
    ended = engine.poll("a")
    assert (ended.phase, ended.exit_code, ended.cause, ended.ended_at) == (
        Phase.ENDED,
        137,
        Cause.OUT_OF_MEMORY,
        1030.0,
    )


def test_an_ignored_stop_stops_nothing_until_healed(engine: FakeEngine, clock: Clock) -> None:
    engine.start(spec(), "fake")
    engine.stop_ignored("a")
    engine.stop("a", 0)
    clock.now += 100
    assert engine.poll("a").phase is Phase.RUNNING
    engine.heal()
    engine.stop("a", 5)
    assert engine.poll("a").phase is Phase.RUNNING
    clock.now += 5
    assert engine.poll("a").cause is Cause.STOPPED


def test_what_it_is_told_to_show_is_shown_by_another_over_the_same_file(tmp_path: Path, clock: Clock) -> None:
    engine = FakeEngine(clock, path=tmp_path / "fake.json")
    engine.start(spec(), "fake")
    engine.observe("a", usage=Usage(memory_bytes=5), activity=Activity(busy=True, what="x"), progress={"cell": 1})
    seen = FakeEngine(clock, path=tmp_path / "fake.json").poll("a")
    assert (seen.usage.memory_bytes, seen.activity.what, seen.progress) == (5, "x", {"cell": 1})
    engine.forget("a")
    assert FakeEngine(clock, path=tmp_path / "fake.json").poll("a").phase is Phase.UNKNOWN
