"""A team's volume, seen as the user: strangers get NotFound, those whose role is too low Forbidden."""

from studium.accounts.access import team_for
from studium.accounts.models import User
from studium.accounts.states import Role
from studium.compute.volumes.models import Snapshot, TeamVolume
from studium.errors import NotFound


def volume_for(user: User, slug: str, need: Role = Role.READER) -> TeamVolume:
    """The volume of the team called `slug`. Raises NotFound where the team has none."""
    team = team_for(user, slug, need)
    found = TeamVolume.objects.filter(team=team).select_related("team", "created_by", "restoring").first()
    if found is None:
        raise NotFound(
            "volume.none",
            f"The team {team.slug} has no volume.",
            f"An admin of the team makes one: studium volumes create {team.slug} --size 20GiB",
        )
    return found


def snapshot_for(user: User, slug: str, snapshot_id: str, need: Role = Role.READER) -> Snapshot:
    """A snapshot of the team's volume. Raises NotFound."""
    team = team_for(user, slug, need)
    found = Snapshot.objects.filter(team=team, pk=snapshot_id).select_related("team", "created_by").first()
    if found is None:
        raise NotFound(
            "snapshot.unknown",
            f"There is no snapshot {snapshot_id[:40]!r} of the team's volume.",
            f"`studium volumes snapshots {team.slug}` shows those there are.",
        )
    return found
