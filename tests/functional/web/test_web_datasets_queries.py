"""Pages of datasets cost a fixed number of queries, however many datasets, versions, files and people there are."""

from collections.abc import Callable

import pytest
from dataset_scenes import FILES, Data, at, bring, make_data
from django.db import connection
from django.test.utils import CaptureQueriesContext
from scenes import Scene, client_of

from factories.accounts import NOW, make_user
from studium.accounts.states import SharedRole, Visibility
from studium.community import actions as community
from studium.datasets import actions, uploading
from studium.datasets.subjects import subject_of

# page: where, and how many queries at most
BOUNDS: dict[str, tuple[Callable[[Data], str], int]] = {
    "mine": (lambda d: "/datasets/", 10),
    "team": (lambda d: "/datasets/?show=team", 10),
    "public": (lambda d: "/datasets/?show=public&tag=weather", 10),
    "a dataset": (lambda d: at(d.team), 30),
    "a file": (lambda d: at(d.team, "file/?path=tables/a.csv"), 9),
    "versions": (lambda d: at(d.team, "versions/"), 8),
    "compare": (lambda d: at(d.team, "compare/?left=1&right=2"), 11),
    "settings": (lambda d: at(d.team, "settings/"), 11),
    "add": (lambda d: at(d.team, "add/"), 9),
    "from elsewhere": (lambda d: at(d.team, "from/"), 17),
    "narrowed": (lambda d: "/datasets/?show=public&ending=txt&smallest=1&sort=trending&votes=0", 10),
    "comments": (lambda d: at(d.team, "comments/"), 20),
    "bookmarks": (lambda d: "/bookmarks/", 13),
}


@pytest.fixture
def data(scene: Scene) -> Data:
    return make_data(scene)


def queries_of(scene: Scene, data: Data, name: str) -> int:
    client, url = client_of(scene.cast.owner), BOUNDS[name][0](data)
    client.get(url)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(url).status_code == 200
    return len(seen)


def grow(scene: Scene, data: Data) -> None:
    owner = scene.cast.owner
    for number in range(8):
        made = actions.create_dataset(
            owner,
            scene.cast.team,
            f"More {number}",
            now=NOW,
            visibility=Visibility.PUBLIC,
            tags=["weather", f"t{number}"],
        )
        bring(owner, made, {"a.txt": b"%d" % number})
        bring(owner, data.team, {**FILES, f"more/{number}.txt": b"%d" % number})
        uploading.begin(owner, data.team, f"begun {number}", 9, fingerprint="", used=0, now=NOW)
        person = make_user()
        actions.share(owner, data.team, person, SharedRole.READER, now=NOW)
        community.vote(person, subject_of(made), now=NOW)
        said = community.comment(person, subject_of(data.team), "Hm", now=NOW)
        community.comment(owner, subject_of(data.team), "Yes", now=NOW, parent=said.pk)
        community.bookmark(owner, subject_of(made), now=NOW)


def test_queries_do_not_grow(scene: Scene, data: Data, subtests: pytest.Subtests) -> None:
    person = make_user()
    actions.share(scene.cast.owner, data.team, person, SharedRole.READER, now=NOW)
    said = community.comment(person, subject_of(data.team), "Hm", now=NOW)
    community.comment(scene.cast.owner, subject_of(data.team), "Yes", now=NOW, parent=said.pk)
    community.bookmark(scene.cast.owner, subject_of(data.team), now=NOW)
    before = {name: queries_of(scene, data, name) for name in BOUNDS}
    grow(scene, data)
    for name, (_, most) in BOUNDS.items():
        with subtests.test(name):
            after = queries_of(scene, data, name)
            assert after <= before[name] + 1  # a page of a listing may begin to look one row further
            assert after <= most
