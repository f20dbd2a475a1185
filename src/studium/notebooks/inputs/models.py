"""What a notebook is set to read, and what a version's run was given."""

from typing import TYPE_CHECKING, Union

from django.db import models

from studium.accounts.models import User
from studium.datasets.models import Dataset, DatasetVersion
from studium.storage.providers.models import Provider

if TYPE_CHECKING:
    from studium.notebooks.models import Notebook, Version


class Input(models.Model):
    """The files of a dataset, or the output files of a notebook, shown to a notebook's runs as `/datasets/<name>`.

    `number` is a version of it; without one the newest is followed, of a notebook the newest that ended well.
    """

    notebook = models.ForeignKey("notebooks.Notebook", on_delete=models.CASCADE, related_name="inputs")
    name = models.CharField(max_length=80)
    source = models.ForeignKey("notebooks.Notebook", null=True, on_delete=models.CASCADE, related_name="input_of")
    dataset = models.ForeignKey(Dataset, null=True, on_delete=models.CASCADE, related_name="input_of")
    number = models.PositiveIntegerField(null=True)
    added_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["notebook", "name"], name="one_input_of_a_name"),
            models.CheckConstraint(
                condition=models.Q(source=None, dataset__isnull=False) | models.Q(source__isnull=False, dataset=None),
                name="an_input_is_of_one_thing",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def origin(self) -> Union[Dataset, "Notebook"]:
        """What is read."""
        found = self.dataset or self.source
        assert found is not None
        return found


class ProviderInput(models.Model):
    """A storage provider of the team, shown to a notebook's runs as `/providers/<name>`. Without `provider` it was removed.

    Its name is that of no `Input` of the notebook.
    """

    notebook = models.ForeignKey("notebooks.Notebook", on_delete=models.CASCADE, related_name="provider_inputs")
    name = models.CharField(max_length=80)
    provider = models.ForeignKey(Provider, null=True, on_delete=models.SET_NULL, related_name="input_of")
    added_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["notebook", "name"], name="one_provider_input_of_a_name")]

    def __str__(self) -> str:
        return self.name


class VersionInput(models.Model):
    """What a version's run was shown under a name. `title` and `number` say what it was when it is gone."""

    version = models.ForeignKey("notebooks.Version", on_delete=models.CASCADE, related_name="inputs")
    name = models.CharField(max_length=80)
    source = models.ForeignKey("notebooks.Version", null=True, on_delete=models.SET_NULL, related_name="input_of")
    dataset = models.ForeignKey(DatasetVersion, null=True, on_delete=models.SET_NULL, related_name="input_of")
    title = models.CharField(max_length=200)
    number = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "name"], name="one_version_input_of_a_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def origin(self) -> Union[DatasetVersion, "Version", None]:
        """The version that was read, None where it is gone."""
        return self.dataset or self.source
