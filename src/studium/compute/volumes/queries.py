"""Reads of teams' volumes."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from studium.accounts.access import teams_of
from studium.accounts.models import Team, User
from studium.compute.models import Run
from studium.compute.spec import SharedVolume
from studium.compute.states import PLACED
from studium.compute.volumes.models import Snapshot, TeamVolume
from studium.compute.volumes.states import SnapshotState
from studium.compute.volumes.streaming import chunks_of
from studium.errors import NotYet
from studium.storage.chunks import queries as chunks

PATH = "/storage"
OWNER = "volume:"


def owner_of(team: int) -> str:
    """Who owns the chunks of a team's snapshots."""
    return f"{OWNER}{team}"


def volumes_of(user: User) -> QuerySet[TeamVolume]:
    """Those of the user's teams."""
    rows = TeamVolume.objects.filter(team__in=teams_of(user)).select_related("team", "created_by", "restoring")
    return rows.order_by("team__slug")


def snapshots_of(team: Team) -> QuerySet[Snapshot]:
    """Newest first."""
    return Snapshot.objects.filter(team=team).select_related("created_by").order_by("-created_at", "-pk")


def shared_with_runs_of(team: Team) -> tuple[SharedVolume, ...]:
    """What a run of a member of the team is to have. Raises NotYet while the volume must be had alone."""
    volume = TeamVolume.objects.filter(team=team).first()
    if volume is None or volume.deleted_at is not None:
        return ()
    if volume.changing:
        what = "is given the contents of a snapshot" if volume.restoring_id else "is made smaller"
        raise NotYet(
            "volume.changing",
            f"The team's volume {what}, and nothing can run with it meanwhile.",
            "Try again in a minute, or see the volume's page for what it waits for.",
        )
    return (SharedVolume(name=volume.name, target=PATH, size_bytes=volume.made_bytes),)


def held_bytes(team: Team) -> int:
    """What the team's volume takes of its plan: all of its size, used or not, while it is made smaller the larger one."""
    found = TeamVolume.objects.filter(team=team).values_list("size_bytes", "made_bytes").first()
    return max(found) if found else 0


def snapshot_bytes(team: Team) -> int:
    """What the snapshots are made of, each piece once."""
    return chunks.owned_bytes(owner_of(team.pk))


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A run that has the volume now."""

    run: str
    title: str
    user: str


def holders_of(volume: TeamVolume) -> list[Holder]:
    """The live runs that have it, oldest first. Not everybody may read what they are called."""
    rows = Run.objects.filter(team=volume.team, state__in=[state.value for state in PLACED]).select_related("user")
    return [
        Holder(run=run.pk, title=run.title, user=run.user.username)
        for run in rows.order_by("submitted_at")
        if _has(run, volume)
    ]


def had_since(volume: TeamVolume, moment: datetime) -> bool:
    """Whether a run that has it, or had it, ended later than this or goes on."""
    later = Q(state__in=[state.value for state in PLACED]) | Q(ended_at__gt=moment)
    return any(_has(run, volume) for run in Run.objects.filter(later, team=volume.team))


def _has(run: Run, volume: TeamVolume) -> bool:
    return any(each.get("name") == volume.name for each in run.spec.get("shared", ()))


def needed_by(team: int) -> set[str]:
    """The digests of all chunks that the team's snapshots are put together from. Raises FileNotFoundError."""
    rows = Snapshot.objects.filter(team_id=team, state=SnapshotState.READY).values_list("manifest", flat=True)
    return chunks_of(rows)
