"""What `studium up` says of a machine that isolates less than it should, before it starts anything."""

import pytest

from studium.compute.engines.base import Check
from studium.errors import Refused
from studium.operations import up


class Engine:
    def __init__(self, *checks: Check) -> None:
        self._checks = list(checks)

    def checks(self) -> list[Check]:
        return self._checks


def said(monkeypatch: pytest.MonkeyPatch, *checks: Check) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(up, "local_engine", lambda _: Engine(*checks))
    up.say_degraded(lines.append)
    return lines


def test_what_does_not_isolate_is_said_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = said(
        monkeypatch,
        Check(name="sandbox", ok=True, detail="fine", isolates=True),
        Check(name="limits", ok=False, detail="No groups.", remedy="Be root.", isolates=True),
        Check(name="disk", ok=False, detail="Little.", remedy="Free some."),
    )
    assert lines == ["Degraded: limits. No groups. Be root."]


def test_without_a_sandbox_nothing_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Ubuntu 24.04, where ordinary users may make no user namespaces."""
    check = Check(name="sandbox", ok=False, detail="bwrap: setting up uid map", remedy="Allow it.", isolates=True)
    with pytest.raises(Refused) as refused:
        said(monkeypatch, check)
    assert (refused.value.code, refused.value.next_step) == ("up.sandbox", "Allow it.")
    assert "setting up uid map" in refused.value.message
