"""The pass that gives up chunks which no version needs any more."""

from datetime import datetime, timedelta

import structlog

from studium.datasets.models import DatasetVersion, Sweep
from studium.storage import manifests
from studium.storage.chunks import actions as chunks

log = structlog.get_logger(__name__)
_PAUSE = timedelta(minutes=10)
_AFTER_FAULT = timedelta(minutes=10)


def sweep(now: datetime) -> int:
    """Give up what teams were due to be looked at for; returns how many chunks went. Repeatable, also by two at once."""
    done = 0
    for row in Sweep.objects.filter(due_at__lte=now).order_by("due_at")[:10]:
        due = row.due_at
        try:
            done += chunks.give_up(f"team:{row.team_id}", needed_by(row.team_id), now=now)
        except (OSError, ValueError, KeyError) as error:  # without all manifests nobody knows what is needed
            log.warning("sweep_failed", team=row.team_id, error=str(error))
            Sweep.objects.filter(pk=row.pk, due_at=due).update(due_at=now + _AFTER_FAULT)
            continue
        same = Sweep.objects.filter(pk=row.pk, due_at=due)  # another change may have asked for it meanwhile
        if again := chunks.next_lapse(f"team:{row.team_id}", now=now):
            same.update(due_at=max(again, now + _PAUSE))
        else:
            same.delete()
    return done


def needed_by(team: int) -> set[str]:
    """The digests of all chunks that the team's versions are put together from. Raises FileNotFoundError."""
    rows = DatasetVersion.objects.filter(dataset__team_id=team, deleted_at=None).values_list("manifest", flat=True)
    return {digest for manifest in set(rows) for entry in manifests.read(manifest) for digest in entry.chunks or ()}
