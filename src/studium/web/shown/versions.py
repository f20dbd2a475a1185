"""How a version is put in words, for listings and its own page."""

from dataclasses import dataclass
from datetime import datetime

from studium.notebooks.models import Version
from studium.notebooks.states import VersionKind
from studium.web.shown.runs import RunShown, show_all


@dataclass(frozen=True, kw_only=True)
class VersionShown:
    """One version; `run` only for those who may see how it went, `words` and `tone` for everybody."""

    version: Version
    words: str
    tone: str
    run: RunShown | None = None
    # Said to everybody: whoever reads outputs is to know that no such device made them.
    simulated: bool = False

    @property
    def live(self) -> bool:
        return self.version.settled_at is None


def shown_versions(versions: list[Version], *, theirs: bool, now: datetime) -> list[VersionShown]:
    """The versions in the order given. `theirs` says whether the user may see how they were run."""
    runs = {shown.run.pk: shown for shown in show_all([v.run for v in versions if v.run], now=now)}
    return [_shown(version, runs.get(version.run_id or ""), theirs=theirs) for version in versions]


def _shown(version: Version, run: RunShown | None, *, theirs: bool) -> VersionShown:
    if version.kind == VersionKind.QUICK or run is None:
        return VersionShown(version=version, words="Saved", tone="plain")
    words, tone = run.words, run.tone
    if version.settled_at is None and not run.live:
        words, tone = "Keeping its results", "live"
    return VersionShown(version=version, words=words, tone=tone, run=run if theirs else None, simulated=run.simulated)
