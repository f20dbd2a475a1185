"""Every change to datasets. The actor comes first; the caller fetched the dataset as that actor with `change` or `manage`."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from studium.accounts.access import require
from studium.accounts.models import Team, User
from studium.accounts.states import Role, SharedRole, Visibility
from studium.community.access import About
from studium.community.actions import forget as forget_subject
from studium.community.notifications.actions import tell
from studium.community.states import Told
from studium.community.tag_names import MOST as MOST_TAGS
from studium.community.tag_names import tag_names
from studium.datasets.access import unknown
from studium.datasets.covers import cover_of
from studium.datasets.files import MOST_BYTES, Brought, check_paths, endings_in, entries, put_together, read_list
from studium.datasets.models import Dataset, DatasetCollaborator, DatasetTag, DatasetVersion, Sweep
from studium.datasets.profiles import actions as profiles
from studium.datasets.profiles.queries import columns_of, profile_of
from studium.datasets.states import Frequency
from studium.errors import BadInput, NotFound, NotYet
from studium.events.actions import record
from studium.lib.ids import new_id
from studium.plans import checks
from studium.plans import queries as plans
from studium.storage import actions as storage
from studium.storage import manifests
from studium.storage.chunks import actions as chunks
from studium.storage.chunks import queries as kept
from studium.storage.models import Upload
from studium.storage.uploads import actions as arriving

KIND = "dataset"
_CARD_CHARACTERS = 200_000
_MOST_LISTED = 50
_LONGEST = {"title": 200, "subtitle": 300, "licence": 60, "sources": 20_000, "card": _CARD_CHARACTERS}


def owner_of(dataset: Dataset) -> str:
    """Whose chunks those of a dataset are."""
    return f"team:{dataset.team_id}"


def create_dataset(
    actor: User, team: Team, title: str, *, now: datetime, visibility: Visibility | None = None, **card: Any
) -> Dataset:
    """A dataset without a version. Without a visibility, the most private one the plan allows; `card` as in `change_card`.

    Raises BadInput, or Refused where the plan says no.
    """
    require(actor, team, Role.MEMBER)
    plan = plans.standing(team, now=now).plan
    chosen = visibility or checks.default_visibility(plan)
    checks.check_visibility(plan, chosen)
    title = _text("title", title)
    if not title:
        raise BadInput("dataset.title", "A dataset has a title.", "Give it one.")
    fields = {"title": title, "visibility": chosen, **_card(card)}
    tags = fields.pop("tags", [])
    for attempt in range(6):
        try:
            with transaction.atomic():
                base = slugify(title)[:70] or "dataset"
                slug = base if attempt == 0 else f"{base}-{new_id(4)}"
                made = Dataset.objects.create(
                    team=team, slug=slug, created_by=actor, created_at=now, changed_at=now, **fields
                )
                DatasetTag.objects.bulk_create(DatasetTag(dataset=made, name=name) for name in tags)
                _recorded("dataset.created", actor, made, now, title=title)
                return made
        except IntegrityError:
            continue
    raise NotYet("dataset.name_race", "Too many datasets of this name are being made.", "Try again.")


def change_card(actor: User, dataset: Dataset, *, now: datetime, **card: Any) -> Dataset:
    """Change what is given of title, subtitle, card, licence, sources, frequency, tags and columns. Raises BadInput."""
    fields = _card(card)
    if fields.get("title") == "":
        raise BadInput("dataset.title", "A dataset has a title.", "Give it one.")
    changed, tags = sorted(fields), fields.pop("tags", None)
    with transaction.atomic():
        Dataset.objects.filter(pk=dataset.pk).update(**fields, changed_at=now)
        if tags is not None:
            DatasetTag.objects.filter(dataset=dataset).exclude(name__in=tags).delete()
            rows = [DatasetTag(dataset=dataset, name=name) for name in tags]
            DatasetTag.objects.bulk_create(rows, ignore_conflicts=True)
        _recorded("dataset.changed", actor, dataset, now, changed=changed)
    for name, value in fields.items():
        setattr(dataset, name, value)
    return dataset


def describe_columns(actor: User, dataset: Dataset, path: str, said: Mapping[str, str], *, now: datetime) -> Dataset:
    """Say what columns of one file are, by their names; an empty text takes back what was said. Others stay as they are.

    Raises BadInput for columns that the file does not have in the newest version, where it was looked into.
    """
    _check_columns(dataset, path, said)
    with transaction.atomic():
        held = Dataset.objects.select_for_update(of=("self",)).get(pk=dataset.pk)
        columns = {**held.columns, path: {**held.columns.get(path, {}), **said}}
        dataset.columns = change_card(actor, held, now=now, columns=columns).columns
    return dataset


def _check_columns(dataset: Dataset, path: str, said: Mapping[str, str]) -> None:
    newest = DatasetVersion.objects.filter(dataset=dataset, deleted_at=None).order_by("-number").first()
    known = columns_of(profile_of(newest), path) if newest else []
    # What was said of a column that is gone can be taken back.
    odd = [name for name in said if name not in known and name not in dataset.columns.get(path, {})]
    if not known or not odd:
        return
    more = f" and {len(known) - _MOST_LISTED:,} more" if len(known) > _MOST_LISTED else ""
    raise BadInput(
        "dataset.column_unknown",
        f"{path[:200]} has no column {odd[0][:100]!r}.",
        f"It has: {', '.join(name[:60] for name in known[:_MOST_LISTED])}{more}.",
        {"columns": known[:_MOST_LISTED], "unknown": odd[:_MOST_LISTED]},
    )


def set_cover(actor: User, dataset: Dataset, content: bytes, *, now: datetime) -> Dataset:
    """Give it a cover. Raises BadInput for what is none."""
    found = cover_of(content)
    kept = storage.put(found.content, now=now)
    return _covered(actor, dataset, kept.digest, found.kind, now)


def remove_cover(actor: User, dataset: Dataset, *, now: datetime) -> Dataset:
    """Take its cover away. Repeatable."""
    return _covered(actor, dataset, "", "", now)


def _covered(actor: User, dataset: Dataset, digest: str, kind: str, now: datetime) -> Dataset:
    holder = f"dataset:{dataset.pk}:cover"
    with transaction.atomic():
        if not Dataset.objects.filter(pk=dataset.pk, deleted_at=None).update(
            cover=digest, cover_kind=kind, changed_at=now
        ):
            raise unknown(dataset.slug)
        if digest:
            storage.hold(holder, digest)
        else:
            storage.release(holder)
        _recorded("dataset.changed", actor, dataset, now, changed=["cover"])
    dataset.cover, dataset.cover_kind = digest, kind
    return dataset


def change_visibility(actor: User, dataset: Dataset, visibility: Visibility, *, now: datetime) -> None:
    """Decide who reads it. Raises Refused where the plan says no."""
    checks.check_visibility(plans.standing(dataset.team, now=now).plan, visibility)
    with transaction.atomic():
        Dataset.objects.filter(pk=dataset.pk).update(visibility=visibility, changed_at=now)
        _recorded("dataset.visibility", actor, dataset, now, visibility=visibility)
    dataset.visibility = visibility


def lacking(actor: User, dataset: Dataset, digests: Sequence[str], *, now: datetime) -> list[str]:
    """Which of these chunks are to be brought before a version of them can be made; the others stay for eight days."""
    return chunks.missing(owner_of(dataset), digests, now=now)


def bring(
    actor: User,
    dataset: Dataset,
    described: Sequence[tuple[str, int]],
    content: bytes | memoryview,
    *,
    used: int,
    now: datetime,
) -> int:
    """Keep chunks for a version to come; returns the bytes that were new to the store. `used` is what the team stores now.

    Raises BadInput for bytes that are not what is said, Refused where the plan has no room for them.
    """
    checks.check_team_storage(plans.standing(dataset.team, now=now).plan, used, len(content))
    _sweep(dataset.team_id, now + chunks.PROMISED_FOR)
    return chunks.bring(owner_of(dataset), described, content, now=now)


def make_version(
    actor: User,
    dataset: Dataset,
    brought: Sequence[Brought],
    *,
    now: datetime,
    note: str = "",
    made_of: Callable[[DatasetVersion], None] = lambda version: None,
) -> DatasetVersion:
    """A version of files whose chunks were all brought, and whose blobs somebody holds.

    `made_of` is called with it in the transaction that makes it. Raises BadInput for paths or files that are none, NotYet
    while chunks are missing or where nothing differs from the version before.
    """
    check_paths([each.path for each in brought])
    digests = list(dict.fromkeys(digest for each in brought for digest in each.chunks or ()))
    blobs = {each.digest: each.size for each in brought if each.chunks is None}
    if lacked := chunks.missing(owner_of(dataset), digests, now=now):
        raise chunks.chunks_missing(len(lacked), len(digests))
    found = entries(brought, kept.places(digests))
    if (size := sum(each.size for each in found)) > MOST_BYTES:
        raise BadInput("dataset.too_large", "A version has at most 4 TiB.", "Make several datasets.")
    manifest = storage.put(manifests.written(found), now=now)
    with transaction.atomic():
        if Dataset.objects.select_for_update(of=("self",)).filter(pk=dataset.pk, deleted_at=None).first() is None:
            raise unknown(dataset.slug)
        before = DatasetVersion.objects.filter(dataset=dataset).order_by("-number").first()
        if before and before.deleted_at is None and before.manifest == manifest.digest:
            raise NotYet(
                "dataset.unchanged",
                f"Nothing differs from version {before.number}.",
                "Change something first; the card is changed without a new version.",
                {"number": before.number},
            )
        fresh = chunks.claim(owner_of(dataset), digests, now=now)
        shared = sum(blobs.values())
        made = DatasetVersion.objects.create(
            dataset=dataset, number=before.number + 1 if before else 1, note=note.replace("\x00", "").strip()[:500],
            manifest=manifest.digest, files_count=len(found), files_bytes=size, new_bytes=fresh + shared,
            shared_bytes=shared, endings=endings_in(found), created_by=actor, created_at=now,
        )  # fmt: skip
        storage.hold(holder_of(made), manifest.digest)
        storage.hold_all(f"{holder_of(made)}:blob", blobs)
        Dataset.objects.filter(pk=dataset.pk).update(changed_at=now)
        _sweep(dataset.team_id, now + timedelta(days=1))
        profiles.ask(made, now=now)
        _recorded("dataset.version", actor, dataset, now, number=made.number, files=len(found), bytes=size)
        made_of(made)
    return made


def make_version_of(
    actor: User,
    dataset: Dataset,
    files: Sequence[Brought],
    *,
    now: datetime,
    listed: Sequence[str] = (),
    uploads: Sequence[str] = (),
    base: int | None = None,
    remove: Sequence[str] = (),
    note: str = "",
) -> DatasetVersion:
    """A version of the files of `base` less those to remove, and in their place or beside them these files, those of a list
    that is itself in chunks, and those of uploads, which are used up.

    Raises as `make_version`, NotFound for a base or upload that is none.
    """
    ended = [upload_for(actor, dataset, upload, now=now) for upload in uploads]
    if lacks := chunks.missing(owner_of(dataset), listed, now=now):
        raise BadInput("dataset.list", f"{len(lacks)} chunks of the list were not sent.", "Send them first.")
    brought = [*files, *read_list(kept.pieces(listed))]
    brought += [Brought(each.path, each.size, each.digest, arriving.chunks_of(each)) for each in ended]
    before: Sequence[manifests.Entry] = ()
    if base is not None:
        row = DatasetVersion.objects.filter(dataset=dataset, number=base, deleted_at=None).first()
        if row is None:
            raise NotFound("dataset.version_unknown", f"There is no version {base} to begin with.", "Choose another.")
        before = manifests.read(row.manifest)
    check_paths([each.path for each in brought] or ["-"])  # two of one name must not become one unseen
    made = make_version(actor, dataset, put_together(before, brought, remove), now=now, note=note)
    arriving.end(ended)
    return made


def _purpose(dataset: Dataset) -> str:
    return f"{KIND}:{dataset.pk}"


def begin_upload(actor: User, dataset: Dataset, path: str, size: int, *, fingerprint: str, now: datetime) -> Upload:
    """A file that is to come piece by piece. Raises BadInput for a path or size that is none."""
    check_paths([path])
    return arriving.begin(owner_of(dataset), _purpose(dataset), path, size, fingerprint=fingerprint, now=now)


def upload_for(actor: User, dataset: Dataset, upload_id: str, *, now: datetime) -> Upload:
    """An upload to this dataset. Raises NotFound."""
    return arriving.upload_of(upload_id, owner_of(dataset), _purpose(dataset), now=now)


def receive(
    actor: User, dataset: Dataset, upload: Upload, offset: int, content: bytes, *, used: int, now: datetime
) -> Upload:
    """Take a piece of a file, as `uploads.receive`. `used` is what the team stores now; Refused where there is no room."""
    checks.check_team_storage(plans.standing(dataset.team, now=now).plan, used, len(content))
    _sweep(dataset.team_id, now + chunks.PROMISED_FOR)
    return arriving.receive(upload, offset, content, now=now)


def end_upload(actor: User, upload: Upload) -> None:
    """Give it up."""
    arriving.end([upload])


def holder_of(version: DatasetVersion) -> str:
    return f"dataset:{version.dataset_id}:{version.number}"


def delete_version(actor: User, version: DatasetVersion, *, now: datetime) -> None:
    """Its files go, except those that others share. Raises NotFound where somebody was quicker."""
    with transaction.atomic():
        rows = DatasetVersion.objects.filter(pk=version.pk, deleted_at=None)
        if not rows.update(deleted_at=now):
            raise NotFound("dataset.version_unknown", f"Version {version.number} is deleted already.", "")
        storage.release(holder_of(version))
        storage.release_under(f"{holder_of(version)}:")  # its profile, and blobs it shares
        _sweep_now(version.dataset.team_id, now)
        _recorded("dataset.version_deleted", actor, version.dataset, now, number=version.number)


def delete_dataset(actor: User, dataset: Dataset, *, now: datetime) -> None:
    """The dataset and all its versions. Repeatable."""
    with transaction.atomic():
        if not Dataset.objects.filter(pk=dataset.pk, deleted_at=None).update(deleted_at=now):
            return
        DatasetVersion.objects.filter(dataset=dataset, deleted_at=None).update(deleted_at=now)
        storage.release_under(f"dataset:{dataset.pk}:")
        forget_subject(KIND, dataset.pk, now=now)
        _sweep_now(dataset.team_id, now)
        _recorded("dataset.deleted", actor, dataset, now, title=dataset.title)


def share(actor: User, dataset: Dataset, person: User, role: SharedRole, *, now: datetime) -> DatasetCollaborator:
    """Let somebody read or change it; they are told of it once. Repeatable; the last role counts."""
    with transaction.atomic():
        made, fresh = DatasetCollaborator.objects.update_or_create(
            dataset=dataset, user=person, defaults={"role": role, "added_by": actor, "added_at": now}
        )
        _recorded("dataset.shared", actor, dataset, now, person=person.get_username(), role=role)
        if fresh:
            title = " ".join(dataset.title.split())[:200]
            about = About(kind=KIND, id=dataset.pk, title=title, path=f"/datasets/{dataset.team.slug}/{dataset.slug}/")
            tell([person], Told.SHARED, about, now=now, actor=actor, words=f"as {role}")
    return made


def unshare(actor: User, dataset: Dataset, person: User, *, now: datetime) -> None:
    """Take that back. Nothing happens where it was not shared."""
    with transaction.atomic():
        if DatasetCollaborator.objects.filter(dataset=dataset, user=person).delete()[0]:
            _recorded("dataset.unshared", actor, dataset, now, person=person.get_username())


def sweep_soon(team: int, now: datetime) -> None:
    """Have what the team needs no more given up with the next pass."""
    _sweep_now(team, now)


def sweep_later(team: int, *, now: datetime) -> None:
    """Have what was brought looked at when it is promised no longer."""
    _sweep(team, now + chunks.PROMISED_FOR)


def _sweep(team: int, due: datetime) -> None:
    """Have the team's chunks looked at then, or earlier if that is on record."""
    row, made = Sweep.objects.get_or_create(team_id=team, defaults={"due_at": due})
    if not made and row.due_at > due:
        Sweep.objects.filter(pk=row.pk, due_at__gt=due).update(due_at=due)


def _sweep_now(team: int, now: datetime) -> None:
    """Have them looked at now: also where that is going on, since it may have read what was needed until now."""
    Sweep.objects.update_or_create(team_id=team, defaults={"due_at": now})


def _card(given: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name in _LONGEST:
            found[name] = _text(name, value)
        elif name == "frequency":
            found[name] = _frequency(value)
        elif name == "tags":
            found[name] = _tags(value)
        elif name == "columns":
            found[name] = _columns(value)
        else:
            raise TypeError(f"a card has no {name}")
    return found


def _text(name: str, value: str) -> str:
    text = value.replace("\x00", "").strip()
    if len(text) > _LONGEST[name]:
        raise BadInput(
            "dataset.text_too_long",
            f"The {name} has {len(text):,} characters; {_LONGEST[name]:,} are the most.",
            "Shorten it.",
        )
    return text


def _frequency(value: str) -> str:
    if value and value not in set(Frequency):
        raise BadInput("dataset.frequency", f"{value[:40]!r} is not how often.", f"Choose {', '.join(Frequency)}.")
    return value


def _tags(names: Sequence[str]) -> list[str]:
    found = tag_names(list(names))
    if len(found) > MOST_TAGS:
        raise BadInput("tag.too_many", f"A dataset has at most {MOST_TAGS} tags.", "Take some off first.")
    return sorted(found)


def _columns(given: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    def clean(text: object, most: int) -> str:
        return str(text).replace("\x00", "").strip()[:most]

    found = {
        clean(path, 1024): {clean(name, 200): clean(text, 1000) for name, text in columns.items() if clean(text, 1000)}
        for path, columns in given.items()
    }
    if sum(len(columns) for columns in found.values()) > 2000:
        raise BadInput("dataset.columns", "At most 2,000 columns can be described.", "Describe those that matter.")
    return {path: columns for path, columns in found.items() if columns}


def _recorded(name: str, actor: User, dataset: Dataset, now: datetime, **data: object) -> None:
    record(name, subject=(KIND, dataset.pk), actor=actor, team_id=dataset.team_id, now=now, data=data)
