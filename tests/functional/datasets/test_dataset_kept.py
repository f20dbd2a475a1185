"""Whatever is made and deleted in whatever order: what is stored is what live versions need, and those read back."""

import hashlib
import random
from datetime import timedelta

import pytest

from factories.accounts import NOW, make_user
from factories.compute import load_plans
from factories.datasets import make_dataset, make_version, seeded
from functional.crashes import check_kept, check_nothing_else, collect_all, settle
from studium.datasets import actions
from studium.datasets.models import DatasetVersion
from studium.errors import NotYet
from studium.storage import manifests

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_no_blocks")]


class Teams:
    """Two teams with datasets, that make and delete versions of files whose chunks they often have in common."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.people = [make_user(), make_user()]
        self.datasets = [make_dataset(person) for person in self.people for _ in range(2)]
        self.parts = [seeded(self.chance.randint(1, 4000), 100 * seed + number) for number in range(30)]
        self.expected: dict[int, dict[str, bytes]] = {}
        self.now = NOW

    def step(self) -> None:
        self.now += timedelta(minutes=self.chance.choice([1, 30, 90, 1500, 15_000]))
        act = self.chance.choice([self.make, self.make, self.make, self.delete, self.delete, self.clear, self.leave])
        act()
        if self.chance.random() < 0.6:
            collect_all(self.now)
        check_kept(self.expected)
        self.read_parts()

    def files(self) -> dict[str, list[bytes]]:
        chosen = [
            self.chance.choices(self.parts, k=self.chance.randint(0, 6)) for _ in range(self.chance.randint(1, 4))
        ]
        return {f"f{number}": parts for number, parts in enumerate(chosen)}

    def make(self) -> None:
        dataset, files = self.chance.choice(self.datasets), self.files()
        try:
            made = make_version(dataset.created_by, dataset, files, now=self.now)
        except NotYet as error:
            assert error.code == "dataset.unchanged"  # noqa: PT017 - chance may bring the same twice
            return
        self.expected[made.pk] = {path: b"".join(parts) for path, parts in files.items()}

    def delete(self) -> None:
        if self.expected:
            version = DatasetVersion.objects.get(pk=self.chance.choice(list(self.expected)))
            actions.delete_version(version.created_by, version, now=self.now)
            del self.expected[version.pk]

    def clear(self) -> None:
        """Delete a dataset; another comes in its place."""
        gone = self.datasets.pop(self.chance.randrange(len(self.datasets)))
        for version in DatasetVersion.objects.filter(dataset=gone):
            self.expected.pop(version.pk, None)
        actions.delete_dataset(gone.created_by, gone, now=self.now)
        self.datasets.append(make_dataset(gone.created_by, now=self.now))

    def leave(self) -> None:
        """Bring chunks and make nothing of them."""
        dataset = self.chance.choice(self.datasets)
        parts = self.chance.sample(self.parts, 3)
        described = [(hashlib.sha256(part).hexdigest(), len(part)) for part in parts]
        actions.bring(dataset.created_by, dataset, described, b"".join(parts), used=0, now=self.now)

    def read_parts(self) -> None:
        for version in DatasetVersion.objects.filter(pk__in=list(self.expected)[-2:]):
            for entry in manifests.read(version.manifest):
                whole = self.expected[version.pk][entry.path]
                start = self.chance.randint(0, len(whole))
                length = self.chance.randint(0, len(whole))
                assert b"".join(entry.pieces(start, length)) == whole[start : start + length]


@pytest.mark.parametrize("seed", range(6))
def test_what_is_stored_is_what_live_versions_need(seed: int) -> None:
    load_plans("open")
    teams = Teams(seed)
    for _ in range(40):
        teams.step()
    teams.now = settle(teams.now)
    check_kept(teams.expected)
    check_nothing_else()
    for dataset in teams.datasets:
        actions.delete_dataset(dataset.created_by, dataset, now=teams.now)
    settle(teams.now)
    check_kept({})
    check_nothing_else()
