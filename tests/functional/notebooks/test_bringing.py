"""Datasets of what notebooks made: nothing is copied, nothing is lost, and lineage is told to those who may see it."""

import zipfile
from io import BytesIO

import pytest
from test_inputs import produce
from world import World

from factories.accounts import NOW, Cast
from factories.datasets import content_of, make_dataset, make_version
from studium.accounts.states import Visibility
from studium.datasets import actions as datasets
from studium.datasets.archives import archive_of
from studium.datasets.models import Dataset, DatasetVersion
from studium.datasets.queries import shared_bytes, versions_of
from studium.datasets.sources import keeping, reconcile
from studium.datasets.sources.models import Import
from studium.datasets.sources.states import ImportState
from studium.errors import NotFound, NotYet, Refused
from studium.notebooks.bringing import bring_again, from_notebook
from studium.notebooks.inputs import actions as inputs
from studium.notebooks.lineage import made_from, used_by
from studium.notebooks.models import Notebook, Version
from studium.notebooks.queries import stored_bytes
from studium.notebooks.takedowns import take_down
from studium.notebooks.versions import actions as versions
from studium.storage import reconcile as collecting
from studium.storage.models import Blob, Chunk

pytestmark = pytest.mark.django_db
FILES = {"a.csv": b"a,b\n1,2\n", "deep/b.bin": bytes(range(256)) * 9, "empty": b""}


@pytest.fixture
def dataset(cast: Cast, world: World) -> Dataset:
    return make_dataset(cast.owner, cast.team, now=world.now, visibility=Visibility.TEAM)


def settled(world: World, row: Import) -> Import:
    for _ in range(4):
        world.tick(1)
        reconcile.run_pass(world.engines, world.now, stored_bytes)
    row.refresh_from_db()
    return row


def brought(world: World, cast: Cast, dataset: Dataset, notebook: Notebook, number: int | None = None) -> Import:
    return settled(world, from_notebook(cast.owner, dataset, notebook, number, now=world.now))


def newest(dataset: Dataset) -> DatasetVersion:
    found = versions_of(dataset).first()
    assert found is not None
    return found


def test_the_files_are_shared_and_not_copied(world: World, cast: Cast, dataset: Dataset, notebook: Notebook) -> None:
    version = produce(world, cast.owner, notebook, FILES)
    blobs, before = set(Blob.objects.values_list("digest", flat=True)), stored_bytes(cast.team)
    row = brought(world, cast, dataset, notebook)
    made = newest(dataset)
    assert (row.state, row.version, row.kind) == (ImportState.DONE, made, "notebook")
    assert (row.files_count, row.files_bytes) == (3, made.files_bytes)
    assert content_of(made) == FILES
    assert Chunk.objects.count() == 0
    fresh = set(Blob.objects.values_list("digest", flat=True)) - blobs
    assert fresh == {made.manifest}, "the list of its files is all that is new"
    size = sum(map(len, FILES.values()))
    assert (made.shared_bytes, shared_bytes(cast.team), stored_bytes(cast.team)) == (size, size, before + size)
    with zipfile.ZipFile(BytesIO(b"".join(archive_of(made).pieces(0)))) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == FILES, "CRCs are right"
    assert version.number == row.asked["number"]


def test_they_outlive_the_notebook_and_go_with_the_version(
    world: World, cast: Cast, dataset: Dataset, notebook: Notebook
) -> None:
    version = produce(world, cast.owner, notebook, FILES)
    brought(world, cast, dataset, notebook)
    versions.delete_version(cast.owner, version, now=world.now)
    later = world.now + reconcile.timedelta(days=30)
    for _ in range(5):
        collecting.collect(later)
    made = newest(dataset)
    assert content_of(made) == FILES
    make_version(cast.owner, dataset, {"x": [b"x"]}, now=world.now)
    digests = [entry.digest for entry in keeping.manifests.read(made.manifest)]
    datasets.delete_version(cast.owner, made, now=world.now)
    for _ in range(5):
        collecting.collect(later + reconcile.timedelta(days=1))
    assert not Blob.objects.filter(digest__in=digests).exists()
    assert shared_bytes(cast.team) == 0


def test_files_stay_in_versions_made_of_versions(
    world: World, cast: Cast, dataset: Dataset, notebook: Notebook
) -> None:
    produce(world, cast.owner, notebook, FILES)
    brought(world, cast, dataset, notebook)
    before = newest(dataset)
    made = datasets.make_version_of(cast.owner, dataset, [], base=1, remove=["deep"], now=world.now)
    datasets.delete_version(cast.owner, before, now=world.now)
    for _ in range(5):
        collecting.collect(world.now + reconcile.timedelta(days=1))
    assert content_of(made) == {"a.csv": FILES["a.csv"], "empty": b""}


def test_the_newest_is_followed_and_a_number_stays(
    world: World, cast: Cast, dataset: Dataset, notebook: Notebook
) -> None:
    produce(world, cast.owner, notebook, FILES)
    first = brought(world, cast, dataset, notebook)
    same = settled(world, bring_again(cast.owner, first, now=world.now))
    assert (same.state, same.code, same.version) == (ImportState.DONE, "import.unchanged", None)
    produce(world, cast.owner, notebook, {"new": b"n"})
    assert settled(world, bring_again(cast.owner, same, now=world.now)).state == ImportState.DONE
    assert content_of(newest(dataset)) == {"new": b"n"}
    fixed = brought(world, cast, dataset, notebook, 1)
    assert content_of(newest(dataset)) == FILES
    with pytest.raises(NotYet):
        bring_again(cast.owner, fixed, now=world.now)


def test_what_cannot_be_brought_is_said(world: World, cast: Cast, dataset: Dataset, notebook: Notebook) -> None:
    with pytest.raises(NotYet):
        from_notebook(cast.owner, dataset, notebook, now=world.now)
    produce(world, cast.owner, notebook, FILES)
    with pytest.raises(NotYet):
        from_notebook(cast.owner, dataset, notebook, 7, now=world.now)
    Notebook.objects.filter(pk=notebook.pk).update(visibility=Visibility.PUBLIC)
    taken = take_down(cast.operator, notebook, "Private data", now=world.now)
    with pytest.raises(Refused):
        from_notebook(cast.owner, dataset, taken, now=world.now)
    assert not Import.objects.exists()


def test_again_asks_whether_the_notebook_may_still_be_read(
    world: World, cast: Cast, dataset: Dataset, notebook: Notebook
) -> None:
    produce(world, cast.owner, notebook, FILES)
    row = brought(world, cast, dataset, notebook)
    with pytest.raises(NotFound):
        bring_again(cast.stranger, row, now=world.now)


def test_a_version_says_what_it_was_made_from(world: World, cast: Cast, dataset: Dataset, notebook: Notebook) -> None:
    raw = make_dataset(cast.owner, cast.team, "Raw", now=world.now)
    make_version(cast.owner, raw, {"r": [b"r"]}, now=world.now)
    inputs.add_input(cast.owner, notebook, raw, now=world.now)
    produce(world, cast.owner, notebook, FILES)
    Dataset.objects.filter(pk=dataset.pk).update(visibility=Visibility.PUBLIC)
    brought(world, cast, dataset, notebook)
    made = newest(dataset)
    told = made_from(cast.owner, made)
    assert told is not None
    assert (told.kind, told.words) == ("notebook", f"{notebook.title}, version 1")
    assert told.page == f"/notebooks/{cast.team.slug}/{notebook.slug}/versions/1/"
    assert [(each.title, each.number) for each in told.inputs] == [("Raw", 1)]
    seen = made_from(cast.teammate, made)
    assert seen is not None
    assert [each.title for each in seen.inputs] == [""], "the private dataset is not theirs to know"
    hidden = made_from(cast.stranger, made)
    assert hidden is not None
    assert (hidden.notebook, hidden.page, hidden.inputs) == (None, "", ())
    assert notebook.title not in hidden.words
    by_hand = make_version(cast.owner, raw, {"r": [b"other"]}, now=world.now)
    assert made_from(cast.owner, by_hand) is None


def test_who_reads_a_dataset_is_told_to_those_who_may_see_them(
    world: World, cast: Cast, dataset: Dataset, notebook: Notebook
) -> None:
    Dataset.objects.filter(pk=dataset.pk).update(visibility=Visibility.PUBLIC)
    make_version(cast.owner, dataset, {"r": [b"r"]}, now=world.now)
    inputs.add_input(cast.owner, notebook, dataset, now=world.now)
    given = produce(world, cast.owner, notebook, FILES)
    make_version(cast.owner, dataset, {"r": [b"other"]}, now=world.now)
    produce(world, cast.owner, notebook, FILES)
    [use] = used_by(cast.owner, dataset)
    assert (use.notebook, use.now, use.follows, use.versions) == (notebook, True, True, [2, 1])
    [first] = used_by(cast.owner, dataset, number=1)
    assert (first.now, first.versions) == (False, [given.number])
    inputs.remove_input(cast.owner, notebook, dataset.slug, now=world.now)
    [use] = used_by(cast.teammate, dataset)
    assert (use.now, use.versions) == (False, [2, 1])
    assert used_by(cast.stranger, dataset) == []
    Version.objects.all().delete()
    assert used_by(cast.owner, dataset) == []
    assert world.now >= NOW
