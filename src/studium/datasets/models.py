"""Datasets, their versions, and who they are shared with."""

from django.db import models

from studium.accounts.models import Team, User
from studium.accounts.states import SharedRole, Visibility
from studium.compute.models import Run
from studium.datasets.states import Frequency, ProfileState
from studium.lib.ids import new_id


class Dataset(models.Model):
    """A card, and versions of the files it is about. `card` is markdown.

    `columns` has what people say of columns: by the path of a file, by the name of a column. `cover` is the digest of a picture,
    `cover_kind` one of `covers.TYPES`.
    """

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="datasets")
    slug = models.SlugField(max_length=80)
    title = models.CharField(max_length=200)
    subtitle = models.CharField(max_length=300, blank=True)
    card = models.TextField(blank=True)
    licence = models.CharField(max_length=60, blank=True)
    sources = models.TextField(blank=True)
    frequency = models.CharField(max_length=12, choices=[(f.value, f.value) for f in Frequency], blank=True)
    columns = models.JSONField(default=dict)
    cover = models.CharField(max_length=64, blank=True)
    cover_kind = models.CharField(max_length=10, blank=True)
    visibility = models.CharField(
        max_length=10, choices=[(v.value, v.value) for v in Visibility], default=Visibility.PRIVATE.value
    )
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="datasets")
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)
    # How much it is voted for, taken and used lately, as the pass of trends last saw it.
    trend_cache = models.BigIntegerField(default=0)
    # By an administrator: only its team and those it is shared with read it.
    taken_down_at = models.DateTimeField(null=True)
    taken_down_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "slug"], condition=models.Q(deleted_at=None), name="one_live_dataset_slug"
            )
        ]
        indexes = [
            models.Index(fields=["team", "-changed_at"]),
            models.Index(fields=["visibility", "-changed_at"]),
            models.Index(fields=["visibility", "-trend_cache"]),
        ]

    def __str__(self) -> str:
        return self.slug


class DatasetTag(models.Model):
    """A word that a dataset is found by, as `community.tag_names` writes it."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=30)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dataset", "name"], name="a_dataset_is_tagged_once")]
        indexes = [models.Index(fields=["name"])]

    def __str__(self) -> str:
        return self.name


class DatasetVersion(models.Model):
    """The files of a dataset at one time. `manifest` is the digest of a packed manifest (`storage.manifests`).

    A deleted one keeps its number and loses its files.
    """

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    note = models.CharField(max_length=500, blank=True)
    manifest = models.CharField(max_length=64)
    files_count = models.PositiveIntegerField()
    files_bytes = models.BigIntegerField()
    # What of it the team did not have before.
    new_bytes = models.BigIntegerField()
    # What of it lies in blobs that it has in common with a notebook's files.
    shared_bytes = models.BigIntegerField(default=0)
    # Of its files' names, as `files.endings_in` writes them; none where nobody has looked yet.
    endings = models.CharField(max_length=600, null=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dataset", "number"], name="one_dataset_version_of_a_number")]

    def __str__(self) -> str:
        return f"{self.dataset_id} {self.number}"


class DatasetCollaborator(models.Model):
    """Somebody outside the team's reach whom a dataset is shared with."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="collaborators")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="dataset_collaborations")
    role = models.CharField(max_length=10, choices=[(r.value, r.value) for r in SharedRole])
    added_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dataset", "user"], name="a_dataset_is_shared_once")]

    def __str__(self) -> str:
        return f"{self.dataset_id} {self.role}"


class DatasetDownload(models.Model):
    """That somebody took files of a dataset on a day (UTC), however many and in however many parts."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="downloads_of")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dataset", "user", "day"], name="a_download_a_day")]
        indexes = [models.Index(fields=["day"])]

    def __str__(self) -> str:
        return f"{self.dataset_id} {self.day}"


class Sweep(models.Model):
    """That a team may own chunks which nothing of it needs any more, so that they are looked for."""

    team = models.OneToOneField(Team, primary_key=True, on_delete=models.CASCADE, related_name="+")
    due_at = models.DateTimeField(db_index=True)


class Profile(models.Model):
    """What was found in the files of a version. `content` is the digest of a blob as `profiles/packing.py` makes it.

    A failed one may have content too: what was found before it ended.
    """

    version = models.OneToOneField(DatasetVersion, primary_key=True, on_delete=models.CASCADE, related_name="profile")
    state = models.CharField(
        max_length=10, choices=[(s.value, s.value) for s in ProfileState], default=ProfileState.WAITING.value
    )
    run = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, related_name="+")
    content = models.CharField(max_length=64, blank=True)
    # Why there is no more of it, in a sentence.
    fault = models.CharField(max_length=500, blank=True)
    asked_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    # When a run may be asked for: the plan or the queue may have said not yet.
    due_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["state", "due_at"])]


# Models of the parts of this domain, in files of their own.
from studium.datasets.sources import models as sources  # noqa: E402

__all__ = [
    "Dataset",
    "DatasetCollaborator",
    "DatasetDownload",
    "DatasetTag",
    "DatasetVersion",
    "Profile",
    "Sweep",
    "sources",
]
