"""Of a dataset's card what is more than text: the cover, and what columns are."""

import pytest
from dataset_scenes import Data, at, make_data
from django.core.files.uploadedfile import SimpleUploadedFile
from scenes import Scene, client_of
from test_web_datasets_profiles import give

from factories.accounts import NOW
from factories.pictures import picture_png
from studium.api.croissant import described
from studium.datasets import actions
from studium.datasets.access import dataset_for
from studium.datasets.covers import MOST_BYTES
from studium.datasets.models import Dataset
from studium.datasets.states import ProfileState
from studium.storage.models import Hold

pytestmark = pytest.mark.django_db
SECRET = ((b"tEXt", b"Comment\0SECRET"),)
TABLE = {
    "rows": 2,
    "columns": [
        {"name": "id", "type": "integer"},
        {"name": '<b> "x"', "type": "text"},
        {"name": "age", "type": "number"},
    ],
    "head": [[1, "a", 2.5]],
}


@pytest.fixture
def data(scene: Scene) -> Data:
    return make_data(scene)


def picture(content: bytes) -> dict[str, SimpleUploadedFile]:
    return {"cover": SimpleUploadedFile("evil.svg", content, "image/svg+xml")}


def fresh(data: Data) -> Dataset:
    return Dataset.objects.get(pk=data.team.pk)


def test_a_cover_is_brought_shown_and_taken_away(scene: Scene, data: Data) -> None:
    client = client_of(data.editor)
    assert client.get(at(data.team, "cover/")).status_code == 404
    answer = client.post(at(data.team, "cover/change/"), picture(picture_png(beside=SECRET)))
    assert answer["Location"] == at(data.team, "settings/#cover")
    shown = client_of(scene.cast.reader).get(at(data.team, "cover/"))
    assert (shown.status_code, shown["Content-Type"], shown["Content-Disposition"]) == (200, "image/png", "inline")
    assert shown["Content-Security-Policy"].startswith("sandbox")
    assert shown["X-Content-Type-Options"] == "nosniff"
    assert shown.getvalue() == picture_png()
    tag = {"If-None-Match": shown["ETag"]}
    assert client.get(at(data.team, "cover/"), headers=tag).status_code == 304
    place = f'src="{at(data.team, "cover/")}?{fresh(data).cover[:12]}"'
    for page in (at(data.team), at(data.team, "settings/"), "/datasets/?show=shared"):
        assert place in client.get(page).content.decode()
    client.post(at(data.team, "cover/change/"), picture(picture_png(9, 9)))
    assert Hold.objects.filter(holder__endswith=":cover").count() == 1
    client.post(at(data.team, "cover/change/"), {"do": "remove"})
    assert client.get(at(data.team, "cover/")).status_code == 404
    assert place not in client.get(at(data.team)).content.decode()
    assert not Hold.objects.filter(holder__endswith=":cover").exists()


def test_what_is_no_cover_is_refused_and_the_old_one_stays(scene: Scene, data: Data) -> None:
    client = client_of(scene.cast.owner)
    client.post(at(data.team, "cover/change/"), picture(picture_png()))
    before = fresh(data).cover
    for bad in (picture(b"<svg/>"), picture(bytes(MOST_BYTES + 9)), {}, {"cover": "text"}):
        assert client.post(at(data.team, "cover/change/"), bad).status_code == 400
    assert fresh(data).cover == before


def test_the_cover_of_a_deleted_dataset_goes(scene: Scene, data: Data) -> None:
    actions.set_cover(scene.cast.owner, data.team, picture_png(), now=NOW)
    actions.delete_dataset(scene.cast.owner, data.team, now=NOW)
    assert not Hold.objects.filter(holder=f"dataset:{data.team.pk}:cover").exists()
    assert client_of(scene.cast.owner).get(at(data.team, "cover/")).status_code == 404


def test_columns_are_described_beside_the_table_and_in_croissant(scene: Scene, data: Data) -> None:
    give(scene, data, ProfileState.READY, {"kind": "table", "format": "csv", "tables": [TABLE]})
    client = client_of(data.editor)
    settings = client.get(at(data.team, "settings/")).content.decode()
    assert "settings/columns/?path=tables%2Fa.csv" in settings
    assert "0 of 3 said" in settings
    page = client.get(at(data.team, "settings/columns/?path=tables/a.csv")).content.decode()
    assert "&lt;b&gt; &quot;x&quot;" in page
    assert page.count('name="said"') == 3
    form = {
        "path": "tables/a.csv",
        "name": ["id", '<b> "x"', "age", "other"],
        "said": ["Its number", "An <i>x</i>", "", "No"],
    }
    answer = client.post(at(data.team, "settings/columns/"), form)
    assert answer["Location"] == at(data.team, "file/?path=tables%2Fa.csv")
    assert fresh(data).columns == {"tables/a.csv": {"id": "Its number", '<b> "x"': "An <i>x</i>"}}
    shown = client.get(answer["Location"]).content.decode()
    assert "<small>Its number</small>" in shown
    assert "An &lt;i&gt;x&lt;/i&gt;" in shown
    assert "2 of 3 said" in client.get(at(data.team, "settings/")).content.decode()
    version = dataset_for(scene.cast.owner, data.team.pk).versions.get(number=2)
    fields = described(version)["recordSet"][0]["field"]
    assert [each["description"] for each in fields] == ["Its number", "An <i>x</i>", "age"]
    # An empty text takes back what was said; what is said of other files stays.
    actions.describe_columns(scene.cast.owner, data.team, "other.csv", {"y": "Y"}, now=NOW)
    client.post(at(data.team, "settings/columns/"), {"path": "tables/a.csv", "name": ["id"], "said": [""]})
    assert fresh(data).columns == {"other.csv": {"y": "Y"}, "tables/a.csv": {'<b> "x"': "An <i>x</i>"}}


def test_only_tables_have_columns_to_describe(scene: Scene, data: Data) -> None:
    assert client_of(scene.cast.owner).get(at(data.team, "settings/columns/?path=readme.md")).status_code == 404
    assert client_of(scene.cast.owner).get(at(data.bare, "settings/columns/?path=a.csv")).status_code == 404
