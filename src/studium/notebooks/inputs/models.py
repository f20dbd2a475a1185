"""What a notebook is set to read, and what a version's run was given."""

from django.db import models

from studium.accounts.models import User


class Input(models.Model):
    """The output files of a notebook's version, shown to another one's runs as `/datasets/<name>`.

    `number` is a version of `source`; without one the newest that ended well is followed.
    """

    notebook = models.ForeignKey("notebooks.Notebook", on_delete=models.CASCADE, related_name="inputs")
    name = models.CharField(max_length=80)
    source = models.ForeignKey("notebooks.Notebook", on_delete=models.CASCADE, related_name="input_of")
    number = models.PositiveIntegerField(null=True)
    added_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["notebook", "name"], name="one_input_of_a_name")]

    def __str__(self) -> str:
        return self.name


class VersionInput(models.Model):
    """What a version's run was shown under a name. `title` and `number` say what it was when `source` is gone."""

    version = models.ForeignKey("notebooks.Version", on_delete=models.CASCADE, related_name="inputs")
    name = models.CharField(max_length=80)
    source = models.ForeignKey("notebooks.Version", null=True, on_delete=models.SET_NULL, related_name="input_of")
    title = models.CharField(max_length=200)
    number = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "name"], name="one_version_input_of_a_name")]

    def __str__(self) -> str:
        return self.name
