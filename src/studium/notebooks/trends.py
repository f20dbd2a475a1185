"""How much datasets are voted for, taken and used lately: what the order `trending` goes by.

A vote counts 3, a person who sets a notebook to read it 2 (once a day), a person who downloads it 1 (once a day). Each is worth
half after a week and nothing after eight. The figure is kept in thousandths, and made anew from what is on record.
"""

from collections import defaultdict
from datetime import UTC, datetime, time, timedelta

from studium.community.models import Vote
from studium.datasets.models import Dataset, DatasetDownload
from studium.datasets.subjects import KIND
from studium.notebooks.inputs.models import Input

VOTE, USE, DOWNLOAD = 3.0, 2.0, 1.0
HALF_LIFE, LONGEST = timedelta(days=7), timedelta(days=56)
_THOUSANDTHS = 1000


def worth(age: timedelta) -> float:
    """Of something so long ago."""
    return 0.0 if age >= LONGEST else 0.5 ** max(0.0, age / HALF_LIFE)


def note_trends(now: datetime) -> int:
    """Bring the figures of all datasets up to date; returns how many changed. Four queries, and one for each that changed."""
    since = now - LONGEST
    points: dict[str, float] = defaultdict(float)
    votes = Vote.objects.filter(subject_kind=KIND, created_at__gt=since)
    for dataset, at in votes.values_list("subject_id", "created_at"):
        points[dataset] += VOTE * worth(now - at)
    uses = Input.objects.filter(dataset__isnull=False, added_at__gt=since)
    once = {
        (each[0], each[1], each[2].date()): each[2]
        for each in uses.values_list("dataset_id", "added_by_id", "added_at")
    }
    for (dataset, _, _), at in once.items():
        points[str(dataset)] += USE * worth(now - at)
    for dataset, day in DatasetDownload.objects.filter(day__gt=since.date()).values_list("dataset_id", "day"):
        points[dataset] += DOWNLOAD * worth(now - datetime.combine(day, time(12), UTC))
    before = dict(Dataset.objects.exclude(trend_cache=0).values_list("pk", "trend_cache"))
    after = {dataset: round(value * _THOUSANDTHS) for dataset, value in points.items()}
    changed = [dataset for dataset in before.keys() | after.keys() if before.get(dataset, 0) != after.get(dataset, 0)]
    for dataset in changed:
        Dataset.objects.filter(pk=dataset).update(trend_cache=after.get(dataset, 0))
    return len(changed)
