"""Datasets are found by what they are like; downloads count each person once a day; what is trending fades."""

from datetime import datetime, timedelta

import pytest
from django.test import Client

from factories.accounts import NOW, Cast, make_user
from factories.datasets import make_dataset, make_version, seeded
from factories.notebooks import make_notebook
from studium.accounts.models import User
from studium.accounts.states import Visibility
from studium.community import actions as community
from studium.datasets.files import endings_in
from studium.datasets.finding import FIELDS, Order, Sought, begins_a_download, downloads, found, note_download
from studium.datasets.models import Dataset, DatasetVersion
from studium.datasets.reconcile import note_endings
from studium.datasets.subjects import subject_of
from studium.notebooks import trends
from studium.notebooks.inputs import actions as inputs
from studium.storage.manifests import Entry

pytestmark = pytest.mark.django_db


@pytest.fixture
def three(cast: Cast) -> dict[str, Dataset]:
    """A small table, large pictures, and one without a version."""

    def made(title: str, **card: object) -> Dataset:
        return make_dataset(cast.owner, cast.team, title, visibility=Visibility.PUBLIC, **card)

    table = made("Table", licence="CC0-1.0", tags=["weather"])
    pictures = made("Pictures", licence="MIT")
    make_version(cast.owner, table, {"a.csv": [b"a,b\n"], "deep/B.CSV": [b"c\n"], "README": [b"r"]})
    make_version(cast.owner, pictures, {"x.png": [seeded(5000)], "y.tar.gz": [b"z"]}, now=NOW + timedelta(days=10))
    return {"Table": table, "Pictures": pictures, "Empty": made("Empty")}


def names(
    user: User, order: Order = Order.CHANGED, now: datetime = NOW + timedelta(days=11), **sought: object
) -> list[str]:
    rows = found(user, "public", Sought(**sought), now=now)  # type: ignore[arg-type]
    return [row.title for row in rows.order_by(f"-{FIELDS[order]}", "title")]


@pytest.mark.parametrize(
    ("sought", "wanted"),
    [
        ({}, ["Pictures", "Empty", "Table"]),
        ({"ending": "csv"}, ["Table"]),
        ({"ending": "*.CSV"}, ["Table"]),
        ({"ending": "gz"}, ["Pictures"]),
        ({"ending": "cs"}, []),
        ({"licence": "cc0-1.0"}, ["Table"]),
        ({"tag": "weather"}, ["Table"]),
        ({"smallest": 5000}, ["Pictures"]),
        ({"largest": 5000}, ["Table"]),
        ({"days": 2}, ["Pictures"]),
        ({"words": "pict"}, ["Pictures"]),
        ({"by": "nobody"}, []),
        ({"votes": 1}, []),
    ],
)
def test_each_filter_narrows_down(
    cast: Cast, three: dict[str, Dataset], sought: dict[str, object], wanted: list[str]
) -> None:
    assert names(cast.stranger, **sought) == wanted


def test_orders(cast: Cast, three: dict[str, Dataset]) -> None:
    community.vote(cast.stranger, subject_of(three["Table"]), now=NOW)
    note_download(cast.stranger, three["Empty"], now=NOW)
    trends.note_trends(NOW)
    assert names(cast.owner, votes=1) == ["Table"]
    assert names(cast.owner, Order.VOTES)[0] == "Table"
    assert names(cast.owner, Order.DOWNLOADS)[0] == "Empty"
    assert names(cast.owner, Order.SIZE) == ["Pictures", "Table", "Empty"]
    assert names(cast.owner, Order.TRENDING) == ["Table", "Empty", "Pictures"]


def test_strangers_find_what_is_public_alone(cast: Cast, three: dict[str, Dataset]) -> None:
    Dataset.objects.filter(pk=three["Table"].pk).update(visibility=Visibility.PRIVATE)
    Dataset.objects.filter(pk=three["Pictures"].pk).update(taken_down_at=NOW)
    assert names(cast.stranger) == ["Empty"]
    assert names(cast.owner) == ["Empty"], "what is taken down is not listed as public for anybody"


def test_a_person_counts_once_a_day(cast: Cast, three: dict[str, Dataset]) -> None:
    table = three["Table"]
    for minutes in (0, 1, 600):
        note_download(cast.stranger, table, now=NOW + timedelta(minutes=minutes))
    assert downloads([table]) == {table.pk: 1}
    note_download(cast.stranger, table, now=NOW + timedelta(days=1))
    note_download(cast.owner, table, now=NOW)
    assert downloads([table]) == {table.pk: 3}


@pytest.mark.parametrize(
    ("method", "said", "counts"),
    [
        ("GET", "", True), ("GET", "bytes=0-", True), ("GET", "bytes=0-99", True), ("HEAD", "", False), ("GET", "bytes=1-", False),
        ("GET", "bytes=0-98", False), ("GET", "bytes=-10", False), ("GET", "bytes=50-99", False),
    ],
)  # fmt: skip
def test_what_is_a_download(method: str, said: str, counts: bool) -> None:
    assert begins_a_download(method, said, 100) is counts


def test_ranges_of_one_download_count_once(cast: Cast, three: dict[str, Dataset], client: Client) -> None:
    table = three["Table"]
    client.force_login(cast.stranger)
    url = f"/datasets/{cast.team.slug}/{table.slug}/"
    for part in ("bytes=0-1", "bytes=2-3", "bytes=-1"):
        assert client.get(f"{url}download/?path=a.csv", headers={"Range": part}).status_code == 206
    assert downloads([table]) == {}, "a look at the beginning is none"
    client.get(f"{url}download/?path=a.csv")
    client.get(f"{url}download/?path=README")
    client.get(f"{url}archive/")
    assert downloads([table]) == {table.pk: 1}
    client.get(url)
    client.get(f"{url}file/?path=a.csv")
    assert downloads([table]) == {table.pk: 1}


def test_what_is_trending_fades(cast: Cast, three: dict[str, Dataset]) -> None:
    table, pictures = three["Table"], three["Pictures"]
    community.vote(cast.stranger, subject_of(table), now=NOW)
    notebook = make_notebook(cast.owner, cast.team)
    inputs.add_input(cast.owner, notebook, pictures, now=NOW)
    inputs.add_input(cast.owner, notebook, pictures, now=NOW, name="again")

    def figures(now: datetime) -> tuple[int, int]:
        trends.note_trends(now)
        kept = dict(Dataset.objects.values_list("pk", "trend_cache"))
        return kept[table.pk], kept[pictures.pk]

    assert figures(NOW) == (3000, 2000), "a person counts once a day"
    assert figures(NOW + trends.HALF_LIFE) == (1500, 1000)
    for _ in range(3):
        note_download(make_user(), pictures, now=NOW + trends.HALF_LIFE)
    first, second = figures(NOW + trends.HALF_LIFE)
    assert first < second
    assert figures(NOW + trends.LONGEST + trends.HALF_LIFE + timedelta(days=1)) == (0, 0)
    assert trends.note_trends(NOW + timedelta(days=365)) == 0


def test_endings_of_names() -> None:
    paths = ["a.CSV", "b.csv", "c.tar.gz", "noending", ".hidden", "x.toolongtobeanending", "d.ä", "e.p q", "f."]
    entries = [Entry(path, 1, "0" * 64, ()) for path in paths]
    assert endings_in(entries) == " csv gz hidden "
    assert endings_in([]) == " "


def test_versions_of_before_are_looked_at_once(cast: Cast, three: dict[str, Dataset]) -> None:
    DatasetVersion.objects.update(endings=None)
    assert names(cast.owner, ending="csv") == []
    assert note_endings(NOW) == 2
    assert names(cast.owner, ending="csv") == ["Table"]
    assert note_endings(NOW) == 0
