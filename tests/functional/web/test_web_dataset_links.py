"""Links to download without signing in: what they give, how long, and that they end with the right to read."""

import io
import zipfile
from datetime import timedelta

import pytest
from scenes import Scene, client_of

from factories.team_datasets import make_dataset_version, make_team_dataset
from studium.accounts.states import Visibility
from studium.datasets import links
from studium.datasets.models import Dataset, DatasetVersion
from studium.errors import BadInput, NotFound
from studium.lib import clock

FILES = {"a.csv": b"a,b\n1,2\n", "deep/größe.txt": b"x" * 100}
HOUR = timedelta(hours=1)


@pytest.fixture
def version(scene: Scene) -> DatasetVersion:
    return make_dataset_version(make_team_dataset(scene.cast.owner, scene.cast.team, "Linked"), FILES)


def address(version: DatasetVersion, path: str = "a.csv", *, archive: bool = False) -> str:
    owner = version.dataset.created_by
    return links.address(links.make(owner, version, path, archive=archive, lasts=HOUR, now=clock.now()))


def got(url: str, **headers: str):  # type: ignore[no-untyped-def]
    return client_of(None).get(url, headers=headers)


def test_anybody_downloads_a_file_a_part_of_it_and_an_archive(version: DatasetVersion) -> None:
    whole = got(address(version, "deep/größe.txt"))
    assert (whole.status_code, whole.getvalue()) == (200, FILES["deep/größe.txt"])
    assert "attachment" in whole["Content-Disposition"]
    assert (whole["Referrer-Policy"], whole["X-Robots-Tag"]) == ("no-referrer", "noindex")
    part = got(address(version), Range="bytes=2-3")
    assert (part.status_code, part.getvalue()) == (206, b"b\n")
    packed = got(address(version, "", archive=True)).getvalue()
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == FILES


def test_it_is_over_in_time_and_with_the_right_to_read(
    scene: Scene, version: DatasetVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = scene.cast.stranger
    Dataset.objects.filter(pk=version.dataset_id).update(visibility=Visibility.PUBLIC)
    now = clock.now()
    url = links.address(links.make(stranger, version, "a.csv", archive=False, lasts=HOUR, now=now))
    assert got(url).status_code == 200
    Dataset.objects.filter(pk=version.dataset_id).update(visibility=Visibility.TEAM)
    assert got(url).status_code == 404, "who made it may not read it any more"
    Dataset.objects.filter(pk=version.dataset_id).update(visibility=Visibility.PUBLIC)
    assert got(url).status_code == 200
    type(stranger).objects.filter(pk=stranger.pk).update(is_active=False)
    assert got(url).status_code == 404
    mine = address(version)
    monkeypatch.setattr(clock, "now", lambda: now + HOUR + timedelta(seconds=2))
    assert got(mine).status_code == 404
    with pytest.raises(NotFound, match="is over"):
        links.read(mine.split("/")[2], now=clock.now())


def test_nothing_of_it_can_be_changed(version: DatasetVersion) -> None:
    url = address(version)
    token = url.split("/")[2]
    for wrong in (token[:-1], token[1:], "x", token.replace(":", "."), token + "x"):
        assert got(links.address(wrong)).status_code == 404, wrong
    assert client_of(None).post(url).status_code == 405
    for lasts in (timedelta(seconds=59), timedelta(days=7, seconds=1)):
        with pytest.raises(BadInput, match="a minute to seven days"):
            links.make(version.dataset.created_by, version, "a.csv", archive=False, lasts=lasts, now=clock.now())


@pytest.mark.parametrize(("who", "status"), [("owner", 302), ("teammate", 302), ("reader", 302), ("stranger", 404)])
def test_made_on_the_page_by_who_may_read(scene: Scene, version: DatasetVersion, who: str, status: int) -> None:
    at = f"/datasets/{scene.cast.team.slug}/{version.dataset.slug}/"
    client = client_of(getattr(scene.cast, who))
    answer = client.post(f"{at}link/?version=1&path=a.csv")
    assert answer.status_code == status
    if status == 302:
        said = client.get(answer["Location"]).content.decode()
        assert "can download the file for an hour: " in said
        url = said.partition("for an hour: ")[2].partition("/links/")[2].partition("/")[0]
        assert got(links.address(url)).status_code == 200
        assert client.post(f"{at}link/?version=1&path=nothing").status_code == 404
