"""The one definition of what a team stores: kinds of things, each measured by itself.

A further kind is a further entry of `KINDS`, and of `cleaning.CLEANERS` where there is something to clean up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db.models import Sum
from django.db.models.functions import Greatest

from studium.accounts.models import Team
from studium.compute.volumes import queries as volumes
from studium.datasets.queries import shared_bytes
from studium.environments.models import Build
from studium.environments.states import BuildState
from studium.notebooks.git.models import Repository
from studium.notebooks.models import Notebook, Version
from studium.notebooks.snapshots import queries as snapshots
from studium.notebooks.versions import queries as versions
from studium.plans.queries import team_plan
from studium.plans.rules import storage_room
from studium.storage.chunks.queries import owned_bytes

_COUNTED_FOR = timedelta(seconds=10)
WORKSPACE_BYTES = Greatest("workspace_bytes", "document_bytes")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of what is stored. `counts` says whether it counts against the plan; `words` what is counted and how;
    `page` is where it is seen to, below the team's usage, where that is a page of its own."""

    slug: str
    title: str
    counts: bool
    words: str
    measure: Callable[[Team], int]
    page: str = ""


def _workspaces(team: Team) -> int:
    rows = Notebook.objects.filter(team=team, deleted_at=None)
    return rows.aggregate(total=Sum(WORKSPACE_BYTES))["total"] or 0


def _versions(team: Team) -> int:
    """Files that runs begin with count once for each state of a repository that is kept."""
    live = {"notebook__team": team, "notebook__deleted_at": None}
    kept = dict(
        Version.objects.filter(**live).exclude(begun_with="").values_list("begun_with", "begun_bytes").distinct()
    )
    kept |= dict(Repository.objects.filter(**live).exclude(files="").values_list("files", "files_bytes"))
    return versions.stored_bytes(team) + sum(kept.values())


def _builds(team: Team) -> int:
    rows = Build.objects.filter(environment__team=team, state=BuildState.READY)
    return rows.aggregate(total=Sum("size_bytes"))["total"] or 0


KINDS = (
    Kind(
        slug="workspaces",
        title="Workspaces",
        counts=True,
        words="Each notebook's files on disk as a run last saw them; its document where nothing ran yet.",
        measure=_workspaces,
    ),
    Kind(
        slug="versions",
        title="Versions of notebooks",
        counts=True,
        words="Documents and output files, for each version anew; files of a repository once for each state of it.",
        measure=_versions,
    ),
    Kind(
        slug="datasets",
        title="Datasets",
        counts=True,
        words="What versions are made of, each piece once, in however many files, versions and datasets of the team it is.",
        measure=lambda team: owned_bytes(f"team:{team.pk}", claimed=True) + shared_bytes(team),
    ),
    Kind(
        slug="uploads",
        title="Unfinished uploads",
        counts=True,
        words="Pieces that have arrived and that no version was made of. They go by themselves eight days after the last one.",
        measure=lambda team: owned_bytes(f"team:{team.pk}", claimed=False),
    ),
    Kind(
        slug="volume",
        title="The team's volume",
        counts=True,
        words="All of its size, used or not. It is made smaller, and deleted, on its own page.",
        measure=volumes.held_bytes,
        page="volume/",
    ),
    Kind(
        slug="snapshots",
        title="Snapshots",
        counts=True,
        words="Of workspaces and of the volume: what they are made of, each piece once. The volume's are deleted on its page.",
        measure=lambda team: snapshots.snapshot_bytes(team, volumes.owner_of(team.pk)),
        page="volume/",
    ),
    Kind(
        slug="builds",
        title="Builds of environments",
        counts=False,
        words="Installed packages. They come back from their locks, so they are the platform's to keep, and cost nothing.",
        measure=_builds,
    ),
)


def parts(team: Team) -> list[tuple[Kind, int]]:
    """What the team stores of each kind, in bytes, in the order of `KINDS`."""
    return [(kind, kind.measure(team)) for kind in KINDS]


def counted(team: Team) -> int:
    """What the team stores that counts against its plan, in bytes."""
    return sum(kind.measure(team) for kind in KINDS if kind.counts)


def counted_before(team: Team, adding: int, *, now: datetime) -> int:
    """As `counted`, for a piece of so many bytes that is about to come, of which there are many one after the other.

    Counted in the last ten seconds, and with it the pieces since, as if all of them were new; counted anew where the piece
    would not fit by that. Zero where the team's plan sets no limit.
    """
    room, key = storage_room(team_plan(team)), f"stored-lately:{team.pk}"
    if room is None:
        return 0
    at, used = cache.get(key, (None, 0))
    if at is None or not at <= now < at + _COUNTED_FOR or used + adding > room:
        at, used = now, counted(team)
    cache.set(key, (at, used + adding), timeout=2 * _COUNTED_FOR.total_seconds())
    return int(used)
