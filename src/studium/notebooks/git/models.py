"""The repository of a notebook's workspace, and the work that git runs do on it."""

from django.db import models

from studium.accounts.models import User
from studium.compute.models import Run
from studium.lib.ids import new_id
from studium.notebooks.git.states import Cloned, Verb, WorkState


class Repository(models.Model):
    """Where a workspace was cloned from, and how it stood to it when a git run last looked.

    `ref` is what was asked for (empty: the default branch), `kind` and `ref_found` what it is. `path` is the notebook that was
    asked for, `candidates` the notebooks there are. `secret` is the name of the secret with the token.
    """

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    notebook = models.OneToOneField("notebooks.Notebook", on_delete=models.CASCADE, related_name="repository")
    url = models.CharField(max_length=1000)
    ref = models.CharField(max_length=200, blank=True)
    path = models.CharField(max_length=400, blank=True)
    secret = models.CharField(max_length=64, blank=True)
    username = models.CharField(max_length=100, blank=True)
    submodules = models.BooleanField(default=False)
    depth = models.PositiveIntegerField(default=0)

    state = models.CharField(max_length=10, choices=[(c.value, c.value) for c in Cloned], default=Cloned.CLONING)
    code = models.CharField(max_length=40, blank=True)
    trouble = models.CharField(max_length=700, blank=True)
    candidates = models.JSONField(default=list)

    kind = models.CharField(max_length=10, blank=True)
    ref_found = models.CharField(max_length=250, blank=True)
    branch = models.CharField(max_length=250, blank=True)
    commit = models.CharField(max_length=40, blank=True)
    subject = models.CharField(max_length=200, blank=True)
    author = models.CharField(max_length=100, blank=True)
    committed_at = models.DateTimeField(null=True)
    ahead = models.PositiveIntegerField(default=0)
    behind = models.PositiveIntegerField(default=0)
    dirty = models.PositiveIntegerField(default=0)
    lfs = models.PositiveIntegerField(default=0)
    notes = models.JSONField(default=list)
    looked_at = models.DateTimeField(null=True)
    # The manifest of the workspace's files as the last clone, pull or push left them, and the commit they were at:
    # what runs of versions begin with.
    files = models.CharField(max_length=64, blank=True)
    files_commit = models.CharField(max_length=40, blank=True)
    files_bytes = models.BigIntegerField(default=0)


class GitWork(models.Model):
    """One git run. `asked` is what was wanted of it, `result` what it told when done, `code` and `message` why it failed."""

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="work")
    run = models.OneToOneField(Run, on_delete=models.CASCADE, related_name="git_work")
    verb = models.CharField(max_length=10, choices=[(v.value, v.value) for v in Verb])
    asked = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=[(w.value, w.value) for w in WorkState], default=WorkState.LIVE)
    code = models.CharField(max_length=40, blank=True)
    message = models.CharField(max_length=700, blank=True)
    result = models.JSONField(default=dict)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["state", "created_at"])]
