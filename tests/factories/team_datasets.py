"""Datasets that a whole team sees, of files given whole: for tests that care for what is around them."""

import hashlib
import io
from collections.abc import Mapping

from factories.datasets import make_dataset
from studium.accounts.models import Team, User
from studium.accounts.states import Visibility
from studium.datasets import actions
from studium.datasets.files import Brought
from studium.datasets.models import Dataset, DatasetVersion
from studium.lib import clock
from studium.storage.chunks.actions import bring_stream


def make_team_dataset(actor: User, team: Team, title: str = "Churn") -> Dataset:
    """One without a version."""
    return make_dataset(actor, team, title, now=clock.now(), visibility=Visibility.TEAM)


def make_dataset_version(dataset: Dataset, files: Mapping[str, bytes], *, note: str = "") -> DatasetVersion:
    """The next version, of these files."""
    brought = []
    for path, content in files.items():
        digest, size, chunks = bring_stream(actions.owner_of(dataset), io.BytesIO(content), now=clock.now())
        assert digest == hashlib.sha256(content).hexdigest()
        brought.append(Brought(path, size, digest, chunks))
    return actions.make_version(dataset.created_by, dataset, brought, now=clock.now(), note=note)
