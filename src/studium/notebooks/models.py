"""Notebooks: the living document, its workspace, and the runs started for it."""

from django.db import models

from studium.accounts.models import Project, Team, User
from studium.compute.models import Run
from studium.environments.models import Build, Environment
from studium.lib.ids import new_id
from studium.notebooks.states import (
    LaunchKind,
    Missed,
    Notify,
    Overlap,
    RunOptions,
    SharedRole,
    TurnState,
    VersionKind,
    Visibility,
)


class Notebook(models.Model):
    """A document with a workspace.

    `document` is the digest of the newest known content; `volume_document` the content last seen in the workspace, so
    a difference means that the workspace must be given the document at the next start. `label` is its content host.
    """

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="notebooks")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="notebooks")
    slug = models.SlugField(max_length=80)
    title = models.CharField(max_length=200)
    visibility = models.CharField(
        max_length=10, choices=[(v.value, v.value) for v in Visibility], default=Visibility.PRIVATE.value
    )
    label = models.CharField(max_length=24, unique=True)
    filename = models.CharField(max_length=400, default="notebook.ipynb")
    language = models.CharField(max_length=40, default="python")
    internet = models.BooleanField(default=False)
    # None is the default one. The number is a build of it; without one the notebook follows the newest.
    environment = models.ForeignKey(Environment, null=True, on_delete=models.PROTECT, related_name="+")
    environment_number = models.PositiveIntegerField(null=True)
    # Pairs of name and version: what was installed into the workspace, as it was when last seen.
    packages = models.JSONField(default=list)
    machine_type = models.CharField(max_length=60, blank=True)
    gallery_slug = models.CharField(max_length=80, blank=True)
    # Lineage of a copy. The number is the version that was copied, empty where it was the living document.
    copied_from = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="copies")
    copied_version = models.PositiveIntegerField(null=True)

    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="notebooks")
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)
    # Taken down by an administrator: whatever its visibility, only its team reads it, and is told why.
    taken_down_at = models.DateTimeField(null=True)
    taken_down_reason = models.CharField(max_length=200, blank=True)
    volume_deleted_at = models.DateTimeField(null=True)
    # A change of machine: started on this type by this user once the live run has ended.
    next_machine = models.CharField(max_length=60, blank=True)
    next_user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")

    document = models.CharField(max_length=64)
    document_bytes = models.BigIntegerField(default=0)
    volume_document = models.CharField(max_length=64, blank=True)
    cells = models.PositiveIntegerField(default=0)
    # What had to be mended in the file that it was made from or replaced by, in a sentence.
    upgrade = models.CharField(max_length=300, blank=True)
    # When somebody asked for the workspace to be emptied: no run starts in it until that is done.
    emptying_at = models.DateTimeField(null=True)
    # What the workspace took on disk when a run was last seen in it.
    workspace_bytes = models.BigIntegerField(default=0)
    rendered = models.CharField(max_length=64, blank=True)
    rendered_of = models.CharField(max_length=64, blank=True)
    # The number of the renderer that made it.
    renderer = models.PositiveSmallIntegerField(default=0)
    render_error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "slug"], condition=models.Q(deleted_at=None), name="one_live_notebook_slug"
            )
        ]
        indexes = [
            models.Index(fields=["team", "-changed_at"]),
            models.Index(fields=["visibility", "-changed_at"]),
            models.Index(fields=["rendered_of"]),
            # Asked for each second, and nearly always of nobody.
            models.Index(fields=["emptying_at"], condition=~models.Q(emptying_at=None), name="notebook_to_empty"),
            models.Index(fields=["next_machine"], condition=~models.Q(next_machine=""), name="notebook_to_restart"),
        ]

    def __str__(self) -> str:
        return self.slug


class Launch(models.Model):
    """A run started for a notebook; settled once its results are in the document."""

    run = models.OneToOneField(Run, primary_key=True, on_delete=models.CASCADE, related_name="launch")
    notebook = models.ForeignKey(Notebook, on_delete=models.CASCADE, related_name="launches")
    kind = models.CharField(max_length=10, choices=[(k.value, k.value) for k in LaunchKind])
    # How its cells are run; a session has neither.
    cell_seconds = models.PositiveIntegerField(null=True)
    keep_going = models.BooleanField(default=False)
    settled_at = models.DateTimeField(null=True)
    # When it may be looked at again has passed five seconds after `synced_at`; whatever stood in the workspace before
    # `looked_at` is in the document.
    synced_at = models.DateTimeField(null=True)
    looked_at = models.DateTimeField(null=True)
    # The document as it was when this run ended: what `runs` pages and the CLI give back.
    document = models.CharField(max_length=64, blank=True)
    document_bytes = models.BigIntegerField(default=0)
    fault = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [models.Index(fields=["settled_at", "synced_at"])]

    @property
    def options(self) -> RunOptions:
        return RunOptions(cell_seconds=self.cell_seconds, keep_going=self.keep_going)


class Version(models.Model):
    """An immutable numbered snapshot of a notebook.

    `source` is the document as it was saved. `document` is what a run made of it, the source itself in a quick one;
    until `settled_at` is set it follows the run. `files` is the digest of a JSON manifest of output files:
    `{"files": [{"path", "size", "digest"}], "left_out", "left_bytes"}`. Only note and pin change afterwards, and the output
    files may be removed to make room: then `files_removed_at` says when.
    """

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    notebook = models.ForeignKey(Notebook, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=[(k.value, k.value) for k in VersionKind])
    note = models.CharField(max_length=500, blank=True)
    pinned = models.BooleanField(default=False)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    again_of = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="+")

    source = models.CharField(max_length=64)
    document = models.CharField(max_length=64)
    document_bytes = models.BigIntegerField()
    cells = models.PositiveIntegerField()
    # The digest of the lock; `build` is empty where what had it is no longer on record.
    environment = models.CharField(max_length=64)
    build = models.ForeignKey(Build, null=True, on_delete=models.SET_NULL, related_name="+")
    internet = models.BooleanField(default=False)
    # Of a notebook from git: the manifest of the repository's files that its run began with, and their commit.
    begun_with = models.CharField(max_length=64, blank=True)
    begun_bytes = models.BigIntegerField(default=0)
    commit = models.CharField(max_length=40, blank=True)

    run = models.OneToOneField(Run, null=True, on_delete=models.PROTECT, related_name="version")
    files = models.CharField(max_length=64, blank=True)
    files_count = models.PositiveIntegerField(default=0)
    files_bytes = models.BigIntegerField(default=0)
    files_removed_at = models.DateTimeField(null=True)
    fault = models.CharField(max_length=300, blank=True)
    settled_at = models.DateTimeField(null=True)
    # A run version's workspace is its own and goes once its files are kept.
    volume_deleted_at = models.DateTimeField(null=True)

    rendered = models.CharField(max_length=64, blank=True)
    rendered_of = models.CharField(max_length=64, blank=True)
    # The number of the renderer that made it.
    renderer = models.PositiveSmallIntegerField(default=0)
    render_error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["notebook", "number"], name="one_version_a_number"),
            models.CheckConstraint(
                condition=models.Q(kind=VersionKind.QUICK.value, run__isnull=True)
                | models.Q(kind=VersionKind.RUN.value, run__isnull=False),
                name="a_run_version_has_a_run",
            ),
        ]
        indexes = [models.Index(fields=["settled_at"]), models.Index(fields=["rendered_of"])]

    def __str__(self) -> str:
        return f"{self.notebook_id} {self.number}"


class Schedule(models.Model):
    """Runs a notebook as new versions at times of a calendar, as the person who made it. `next_at` is empty while paused.

    `trouble` says why it was paused by the platform. Times are UTC; the cron text is read in the schedule's zone.
    """

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    notebook = models.ForeignKey(Notebook, on_delete=models.CASCADE, related_name="schedules")
    cron = models.CharField(max_length=100)
    zone = models.CharField(max_length=60, default="UTC")
    machine_type = models.CharField(max_length=60)
    missed = models.CharField(max_length=10, choices=[(m.value, m.value) for m in Missed], default=Missed.ONCE)
    overlap = models.CharField(max_length=10, choices=[(o.value, o.value) for o in Overlap], default=Overlap.SKIP)
    retries = models.PositiveIntegerField(default=0)
    keep_last = models.PositiveIntegerField(null=True)
    cell_seconds = models.PositiveIntegerField(null=True)
    keep_going = models.BooleanField(default=False)
    notify = models.CharField(max_length=10, choices=[(n.value, n.value) for n in Notify], default=Notify.FAILURE)
    paused = models.BooleanField(default=False)
    trouble = models.CharField(max_length=300, blank=True)
    next_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="schedules")
    created_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["next_at"])]

    @property
    def options(self) -> RunOptions:
        return RunOptions(cell_seconds=self.cell_seconds, keep_going=self.keep_going)

    def __str__(self) -> str:
        return f"{self.notebook_id} {self.cron}"


class Turn(models.Model):
    """One time of a schedule and what came of it. `version` is that of the latest try; `try_at` when it is to be made."""

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="turns")
    due_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=[(t.value, t.value) for t in TurnState], default=TurnState.DUE)
    tries = models.PositiveIntegerField(default=0)
    try_at = models.DateTimeField()
    version = models.ForeignKey(Version, null=True, on_delete=models.SET_NULL, related_name="turns")
    message = models.CharField(max_length=300, blank=True)
    ended_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)
    # When its message to the schedule's webhook was written down; the sending of it is a delivery's.
    hooked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["schedule", "due_at"], name="one_turn_a_time")]
        indexes = [models.Index(fields=["state", "try_at"])]


class ShareLink(models.Model):
    """A secret address that makes who opens it a collaborator. `most_uses` empty and `expires_at` empty set no bound."""

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    notebook = models.ForeignKey(Notebook, on_delete=models.CASCADE, related_name="share_links")
    role = models.CharField(max_length=10, choices=[(r.value, r.value) for r in SharedRole])
    secret_digest = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    most_uses = models.PositiveIntegerField(null=True)
    revoked_at = models.DateTimeField(null=True)


class LinkUse(models.Model):
    """Somebody came by a link. The row stays when they leave or are removed: a link lets nobody in twice."""

    link = models.ForeignKey(ShareLink, on_delete=models.CASCADE, related_name="uses")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    used_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["link", "user"], name="one_use_a_person")]


class Collaborator(models.Model):
    """Somebody, of its team or not, who may read or edit one notebook. `link` is how they came, empty when added by name."""

    notebook = models.ForeignKey(Notebook, on_delete=models.CASCADE, related_name="collaborators")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="collaborations")
    role = models.CharField(max_length=10, choices=[(r.value, r.value) for r in SharedRole])
    link = models.ForeignKey(ShareLink, null=True, on_delete=models.SET_NULL, related_name="+")
    added_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    added_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["notebook", "user"], name="one_collaboration")]


class Tag(models.Model):
    """A word that a notebook is found by, as `community.tag_names` writes it."""

    notebook = models.ForeignKey(Notebook, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=30)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["notebook", "name"], name="one_tag_of_a_name")]
        indexes = [models.Index(fields=["name", "notebook"])]


class SearchCache(models.Model):
    """What search knows of a notebook. A cache: rows are made anew from documents wherever they are missing or of old content.

    `document` is the digest that was read. `body` is the text of its cells with a form feed between two, `kinds` a letter
    for each. The words stand in the database's own index, which `search.index` keeps.
    """

    notebook = models.OneToOneField(Notebook, on_delete=models.CASCADE, related_name="search_cache")
    document = models.CharField(max_length=64)
    title = models.CharField(max_length=200)
    layout = models.PositiveSmallIntegerField()
    body = models.TextField()
    kinds = models.TextField()


# Models of the parts of this domain, in files of their own.
from studium.notebooks.git import models as git  # noqa: E402
from studium.notebooks.inputs import models as inputs  # noqa: E402
from studium.notebooks.snapshots import models as snapshots  # noqa: E402
from studium.notebooks.webhooks import models as webhooks  # noqa: E402

__all__ = [
    "Collaborator",
    "Launch",
    "LinkUse",
    "Notebook",
    "Schedule",
    "SearchCache",
    "ShareLink",
    "Tag",
    "Turn",
    "Version",
    "git",
    "inputs",
    "snapshots",
    "webhooks",
]
