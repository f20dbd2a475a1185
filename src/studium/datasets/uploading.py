"""Files of a dataset that come by its page, piece by piece or whole in one form, until a version is made of them.

What has arrived belongs to the dataset, not to who sent it: whoever may change it goes on with it.
"""

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import BinaryIO

from django.db import transaction
from django.db.models import QuerySet

from studium.accounts.models import Team, User
from studium.datasets import actions
from studium.datasets.files import Brought, check_paths, put_together
from studium.datasets.models import Dataset, DatasetVersion
from studium.datasets.queries import files_of
from studium.errors import BadInput, Refused
from studium.events.actions import record
from studium.lib import chunks as cutting
from studium.plans import checks
from studium.plans import queries as plans
from studium.storage.chunks.actions import lapse, packs
from studium.storage.models import Upload
from studium.storage.uploads import actions as uploads


def begin(actor: User, dataset: Dataset, path: str, size: int, *, fingerprint: str, used: int, now: datetime) -> Upload:
    """Begin the upload of a file, or go on with it. `used` is what the team stores now.

    Raises BadInput for a path or size that cannot be, Refused where the plan has no room for the rest of it.
    """
    found = actions.begin_upload(actor, dataset, path, size, fingerprint=fingerprint, now=now)
    try:
        checks.check_team_storage(plans.standing(dataset.team, now=now).plan, used, size - found.received)
    except Refused:
        if not found.received:
            actions.end_upload(actor, found)
        raise
    return found


def uploads_of(dataset: Dataset, *, now: datetime) -> QuerySet[Upload]:
    """Its uploads that no version was made of, by path; without what is kept of them, which is read when it is needed."""
    purpose = f"{actions.KIND}:{dataset.pk}"
    rows = Upload.objects.filter(owner=actions.owner_of(dataset), purpose=purpose, expires_at__gt=now)
    return rows.defer("chunks", "tail").order_by("path", "begun_at")


def forget(actor: User, dataset: Dataset, *, now: datetime) -> None:
    """Forget all uploads of the dataset."""
    uploads.end(uploads_of(dataset, now=now))


def discard(actor: User, team: Team, rows: Sequence[Upload], pieces: Collection[str], *, now: datetime) -> None:
    """End uploads of a team, and let go of these pieces as far as no version needs them, now rather than in a week."""
    owner = f"team:{team.pk}"
    with transaction.atomic():
        uploads.end(rows)
        lapse(owner, pieces, now=now)
        actions.sweep_soon(team.pk, now)
        data = {"uploads": len(rows), "pieces": len(pieces)}
        record("storage.uploads", subject=("team", team.pk), actor=actor, team_id=team.pk, now=now, data=data)


def keep(actor: User, dataset: Dataset, path: str, stream: BinaryIO, *, used: int, now: datetime) -> Brought:
    """Keep a file that came whole. Raises BadInput for its path, Refused where the plan has no room for it."""
    check_paths([path])
    whole, size, digests = hashlib.sha256(), 0, list[str]()
    for pack in packs(cutting.cut(stream)):
        content = b"".join(piece for _, piece in pack)
        described = [(chunk.digest, chunk.size) for chunk, _ in pack]
        actions.bring(actor, dataset, described, content, used=used + size, now=now)
        whole.update(content)
        size += len(content)
        digests += [digest for digest, _ in described]
    return Brought(path, size, whole.hexdigest(), digests)


def make_version_of_arrived(
    actor: User,
    dataset: Dataset,
    *,
    now: datetime,
    note: str = "",
    base: DatasetVersion | None = None,
    more: Sequence[Brought] = (),
) -> DatasetVersion:
    """A version of every file that has arrived, of `more`, and of those of `base` that are not among them.

    Of one path the file that was begun last counts. Raises as `make_version`, and BadInput where nothing has arrived.
    """
    arrived = [each for each in uploads_of(dataset, now=now).defer(None).order_by("begun_at") if each.digest]
    if not arrived and not more:
        raise BadInput("dataset.nothing_arrived", "No file has arrived for a new version.", "Add files first.")
    brought = [Brought(each.path, each.size, each.digest, uploads.chunks_of(each)) for each in arrived]
    files = put_together(files_of(base) if base else (), [*brought, *more], ())
    made = actions.make_version(actor, dataset, files, note=note, now=now)
    uploads.end(arrived)
    return made
