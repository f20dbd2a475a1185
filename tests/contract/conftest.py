"""Every engine there is, under one contract."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.engine_subjects import FakeSubject, LocalSubject, Subject


@pytest.fixture(params=["local", "fake"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    made: Subject = LocalSubject(tmp_path) if request.param == "local" else FakeSubject(tmp_path)
    started: list[str] = []
    start = made.engine.start

    def remembering(spec, machine):  # type: ignore[no-untyped-def]
        started.append(spec.run_id)
        start(spec, machine)

    made.engine.start = remembering  # type: ignore[method-assign]
    yield made
    for run_id in started:
        made.engine.stop(run_id, 0)
    for run_id in started:
        made.wait(lambda run_id=run_id: made.phase(run_id) in ("ended", "unknown"))  # type: ignore[misc]
        made.engine.reclaim(run_id)
