"""The bringing of files from somewhere, which a version is made of."""

from django.db import models

from studium.accounts.models import User
from studium.compute.models import Run
from studium.datasets.sources.states import ImportState, SourceKind
from studium.lib.ids import new_id


class Import(models.Model):
    """Files that are brought to a dataset from a source, once.

    `asked` is what is wanted of the source, as its kind in `kinds` says; `facts` what was found there, such as a commit or each
    address with its ETag. A done one without `version` brought nothing new.
    """

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    dataset = models.ForeignKey("datasets.Dataset", on_delete=models.CASCADE, related_name="imports")
    kind = models.CharField(max_length=10, choices=[(k.value, k.value) for k in SourceKind])
    asked = models.JSONField()
    note = models.CharField(max_length=500, blank=True)
    # Whether the files of the version before stay.
    adds = models.BooleanField(default=False)
    state = models.CharField(
        max_length=10, choices=[(s.value, s.value) for s in ImportState], default=ImportState.WAITING.value
    )
    run = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, related_name="+")
    code = models.CharField(max_length=40, blank=True)
    # Why there is no version, in a sentence: also where nothing was new.
    message = models.CharField(max_length=700, blank=True)
    facts = models.JSONField(default=dict)
    files_count = models.PositiveIntegerField(default=0)
    files_bytes = models.BigIntegerField(default=0)
    # How far keeping is: bytes, and steps whose outcome lies beside the files.
    kept_bytes = models.BigIntegerField(default=0)
    steps = models.PositiveIntegerField(default=0)
    version = models.OneToOneField(
        "datasets.DatasetVersion", null=True, on_delete=models.SET_NULL, related_name="brought_by"
    )
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    # When it is looked at next: the plan or the queue may have said not yet.
    due_at = models.DateTimeField()
    lease = models.CharField(max_length=20, blank=True)
    leased_until = models.DateTimeField(null=True)
    # Set when its volume and files are gone from the machine.
    cleaned_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["dataset"],
                condition=models.Q(state__in=["waiting", "fetching", "keeping"]),
                name="one_live_import_of_a_dataset",
            )
        ]
        indexes = [
            models.Index(fields=["state", "due_at"]),
            models.Index(fields=["dataset", "-created_at"]),
            models.Index(fields=["cleaned_at", "ended_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
