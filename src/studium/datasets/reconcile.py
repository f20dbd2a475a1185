"""The passes that give up chunks which no version needs any more, and note what versions are found by."""

from datetime import datetime, timedelta

import structlog

from studium.datasets.files import endings_in
from studium.datasets.models import DatasetVersion, Sweep
from studium.storage import manifests
from studium.storage.chunks import actions as chunks
from studium.storage.uploads import queries as uploads

log = structlog.get_logger(__name__)
_PAUSE = timedelta(minutes=10)
_AFTER_FAULT = timedelta(minutes=10)
_AT_LEAST = timedelta(days=7)


def sweep(now: datetime) -> int:
    """Give up what teams were due to be looked at for; returns how many chunks went. Repeatable, also by two at once.

    A team that ever brought something is looked at each week, whether or not something asked for it.
    """
    done = 0
    for row in Sweep.objects.filter(due_at__lte=now).order_by("due_at")[:10]:
        # Taken before anything is read: a change that comes meanwhile sets another time, and is not forgotten below.
        taken = now + _AFTER_FAULT
        if not Sweep.objects.filter(pk=row.pk, due_at=row.due_at).update(due_at=taken):
            continue
        try:
            done += chunks.give_up(f"team:{row.team_id}", needed_by(row.team_id), now=now)
        except (OSError, ValueError, KeyError) as error:  # without all manifests nobody knows what is needed
            log.warning("sweep_failed", team=row.team_id, error=str(error))
            continue
        again = chunks.next_lapse(f"team:{row.team_id}", now=now) or now + _AT_LEAST
        Sweep.objects.filter(pk=row.pk, due_at=taken).update(due_at=min(max(again, now + _PAUSE), now + _AT_LEAST))
    return done


def note_endings(now: datetime) -> int:
    """Look which kinds of files there are in versions that were made before anybody asked; returns how many were looked at."""
    done = 0
    for row in DatasetVersion.objects.filter(endings=None, deleted_at=None).order_by("-pk")[:50]:
        try:
            endings = endings_in(manifests.read(row.manifest))
        except (OSError, ValueError, KeyError) as error:
            log.warning("endings_not_noted", version=row.pk, error=str(error))
            endings = " "  # the check of the store says what is lost
        done += DatasetVersion.objects.filter(pk=row.pk, endings=None).update(endings=endings)
    return done


def needed_by(team: int) -> set[str]:
    """The digests of all chunks that the team's versions and uploads are put together from. Raises FileNotFoundError."""
    arriving = uploads.needed_by(f"team:{team}")  # first: what leaves here for a version is claimed by then
    rows = DatasetVersion.objects.filter(dataset__team_id=team, deleted_at=None).values_list("manifest", flat=True)
    kept = (entry for manifest in set(rows) for entry in manifests.read(manifest))
    return arriving.union(*(entry.chunks or () for entry in kept))
