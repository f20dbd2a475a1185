"""What pages of datasets show, and what their forms do."""

import io
import re
import zipfile

import pytest
from dataset_scenes import FILES, PNG, Data, at, bring, make_data
from scenes import Scene, client_of

from factories.accounts import NOW
from factories.compute import load_plans
from factories.notebooks import make_notebook
from studium.accounts.states import SharedRole, Visibility
from studium.community import actions as community
from studium.datasets import actions
from studium.datasets.models import Dataset, DatasetCollaborator
from studium.datasets.queries import tags_of
from studium.datasets.subjects import subject_of
from studium.datasets.takedowns import take_down
from studium.notebooks.inputs import actions as inputs
from studium.plans.actions import assign_plan
from studium.web.shown import datasets as shown


@pytest.fixture
def data(scene: Scene) -> Data:
    return make_data(scene)


def seen(scene: Scene, path: str, who: str = "owner") -> str:
    return client_of(getattr(scene.cast, who)).get(path).content.decode()


def test_what_each_list_has(scene: Scene, data: Data) -> None:
    def titles(who: str, query: str) -> set[str]:
        page = seen(scene, f"/datasets/?{query}", who)
        return {each for each in ("Team data", "Quiet data", "Open data", "Bare data") if f">{each}</a>" in page}

    assert titles("owner", "") == {"Team data", "Quiet data", "Open data", "Bare data"}
    assert titles("teammate", "") == set()
    assert titles("teammate", "show=team") == {"Team data", "Open data", "Bare data"}
    assert titles("stranger", "show=team") == set()
    assert titles("stranger", "show=public") == {"Open data"}
    assert titles("owner", "show=team&tag=weather") == {"Team data", "Open data"}
    assert titles("owner", "show=team&q=data+about") == {"Team data"}
    assert "Nothing found" in seen(scene, "/datasets/?q=nothing+like+it")
    assert "studium datasets create DIR" in seen(scene, "/datasets/", "stranger")


def test_home_has_those_changed_last_and_the_search_at_the_top_finds_them(scene: Scene, data: Data) -> None:
    home = seen(scene, "/")
    assert f'<a href="{at(data.team)}">Team data</a>' in home
    assert '<a href="/datasets/new/">New dataset</a>' in home
    assert "No datasets of yours yet" in seen(scene, "/", "stranger")
    found = seen(scene, "/notebooks/?q=data+about")
    assert f'<a href="{at(data.team)}">Team data</a>' in found
    assert "Open data" not in found
    assert "/datasets/?show=team&amp;q=data+about" in found
    outside = seen(scene, "/notebooks/?q=data", "stranger")
    assert f'<a href="{at(data.public)}">Open data</a>' in outside
    assert "Team data" not in outside
    assert "Quiet data" not in outside
    assert "Open data" not in seen(scene, "/notebooks/?q=data&show=mine", "stranger")


def test_a_row_says_what_there_is(scene: Scene, data: Data) -> None:
    community.vote(scene.cast.teammate, subject_of(data.team), now=NOW)
    page = seen(scene, "/datasets/?show=team&q=team")
    for part in ("Ours", "Version 2", "8 files", "1 vote", "team", f"{data.team.team.slug}/team-data"):
        assert part in page


def test_making_one_leads_to_where_files_are_added(scene: Scene) -> None:
    client = client_of(scene.cast.teammate)
    assert scene.cast.team.name in client.get("/datasets/new/").content.decode()
    form = {"title": "Bikes", "team": scene.cast.team.slug, "visibility": "team", "licence": "CC0-1.0"}
    response = client.post("/datasets/new/", form)
    made = Dataset.objects.get(title="Bikes")
    assert response["Location"] == at(made, "add/")
    assert (made.team, made.visibility, made.licence) == (scene.cast.team, "team", "CC0-1.0")
    reader = client_of(scene.cast.reader).post("/datasets/new/", form)
    assert reader.status_code == 400, "a reader may not make things in the team"


def test_a_plan_that_allows_no_such_visibility_says_so(scene: Scene) -> None:
    load_plans("gradient")
    assign_plan(scene.cast.operator, scene.cast.team, "gradient-free", now=NOW)
    form = {"title": "Bikes", "team": scene.cast.team.slug, "visibility": "private"}
    response = client_of(scene.cast.owner).post("/datasets/new/", form)
    assert response.status_code == 422
    assert "not private" in response.content.decode()


def test_the_page(scene: Scene, data: Data) -> None:
    page = seen(scene, at(data.team), "reader")
    for part in ("About <em>it</em>.", "CC0: public domain", "weather", "Version 2", "tables/", "2 files", "sky.png"):
        assert part in page
    assert at(data.team, "settings/") not in page
    assert ">New version<" not in page
    old = seen(scene, at(data.team, "?version=1"))
    assert "model.bin" in old
    assert "is the newest" in old
    assert "model.bin" not in page
    assert "No files yet" in seen(scene, at(data.bare))


def test_a_card_runs_nothing(scene: Scene, data: Data) -> None:
    card = "<script>alert(1)</script> [x](javascript:alert(1)) ![p](https://example.org/p.png)"
    actions.change_card(scene.cast.owner, data.team, now=NOW, card=card, sources=card)
    page = seen(scene, at(data.team))
    assert "<script>alert" not in page
    assert 'href="javascript' not in page
    assert "<img" not in page.split('id="files"')[0]


def test_folders(scene: Scene, data: Data) -> None:
    page = seen(scene, at(data.team, "?version=1&path=tables"))
    assert "a.csv" in page
    assert "deep/" in page
    assert "readme.md" not in page.split('id="files"')[1]
    assert "/ tables" in page


def test_a_large_folder_is_shown_in_parts(scene: Scene, data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown, "ROWS_A_PAGE", 3)

    def part(path: str) -> tuple[list[str], list[str]]:
        files = seen(scene, path).split('id="files"')[1].split("</section>")[0]
        return re.findall(r">([\w .]+(?:/|\.\w+))</[ab]>", files), re.findall(r"after=(\d+)#files", files)

    first = at(data.team, "?version=1&path=")
    assert part(first) == (["tables/", "drawing.svg", "model.bin"], ["3"])
    assert part(f"{first}&after=3") == (["nothing.txt", "page.html", "readme.md"], ["0", "6"])
    assert part(f"{first}&after=6") == (["sky.png"], ["3"])
    assert part(f"{first}&after=900") == (["sky.png"], ["3"])


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("readme.md", "/-/enter?ticket="),
        ("page.html", "&lt;script&gt;alert(1)"),
        ("drawing.svg", "&lt;svg xmlns"),
        ("model.bin", "about to be looked into"),
        ("nothing.txt", "This file is empty"),
        ("sky.png", "<img src="),
        ("tables/a.csv", "1,Ada"),
    ],
)
def test_a_file(scene: Scene, data: Data, path: str, part: str) -> None:
    page = seen(scene, at(data.team, f"file/?version=1&path={path}"))
    assert part in page
    assert "<script>alert" not in page
    entry = next(each for each in shown.entries_of(data.first) if each.path == path)
    assert entry.digest in page


def test_a_long_text_is_shown_by_its_beginning(scene: Scene, data: Data) -> None:
    lines = b"".join(b"line %d\n" % number for number in range(5000))
    wide = "é".encode() * shown.HEAD_BYTES
    bring(scene.cast.owner, data.bare, {"long.txt": lines, "wide.txt": wide, "short.txt": b"no end"})
    page = seen(scene, at(data.bare, "file/?path=long.txt"))
    assert f"line {shown.HEAD_LINES - 1}\n" in page
    assert f"line {shown.HEAD_LINES}\n" not in page
    assert "Its beginning" in page
    assert "é" * 100 in seen(scene, at(data.bare, "file/?path=wide.txt"))
    whole = seen(scene, at(data.bare, "file/?path=short.txt"))
    assert "no end" in whole
    assert "Its beginning" not in whole


def test_a_download(scene: Scene, data: Data) -> None:
    client, url = client_of(scene.cast.owner), at(data.team, "download/?path=new+file.txt")
    response = client.get(url)
    assert response.getvalue() == b"new\n"
    assert response["Content-Disposition"] == 'attachment; filename="new file.txt"'
    assert client.get(url, headers={"If-None-Match": response["ETag"]}).status_code == 304
    part = client.get(url, headers={"Range": "bytes=1-2"})
    assert (part.status_code, part.getvalue(), part["Content-Range"]) == (206, b"ew", "bytes 1-2/4")
    picture = client.get(at(data.team, "picture/?path=sky.png"))
    assert (picture.getvalue(), picture["Content-Type"], picture["Content-Disposition"]) == (PNG, "image/png", "inline")


def test_all_of_it_as_an_archive(scene: Scene, data: Data) -> None:
    response = client_of(scene.cast.owner).get(at(data.team, "archive/?version=1"))
    with zipfile.ZipFile(io.BytesIO(response.getvalue())) as found:
        assert {name: found.read(name) for name in found.namelist()} == FILES
    below = client_of(scene.cast.owner).get(at(data.team, "archive/?version=1&path=tables"))
    with zipfile.ZipFile(io.BytesIO(below.getvalue())) as found:
        assert sorted(found.namelist()) == ["a.csv", "deep/b.csv"]


def test_files_that_the_store_lost_are_said_to_be(scene: Scene, data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(digest: str) -> None:
        raise FileNotFoundError(digest)

    shown.remembered.forget()
    monkeypatch.setattr(shown.manifests, "read", lost)
    response = client_of(scene.cast.owner).get(at(data.team))
    assert response.status_code == 200, "the card is still read"
    assert "cannot be read from the store" in response.content.decode()
    assert client_of(scene.cast.owner).get(at(data.team, "file/?path=sky.png")).status_code == 500


def test_lists_of_files_are_remembered_and_not_all(scene: Scene, data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    read = shown.manifests.read
    monkeypatch.setattr(shown.manifests, "read", lambda digest: asked.append(digest) or read(digest))
    monkeypatch.setattr(shown, "remembered", shown._Remembered(len(FILES) + 3))
    one, two = data.team.versions.get(number=1), data.team.versions.get(number=2)
    for each in (one, one, two, two):
        assert len(shown.entries_of(each)) == each.files_count
    assert asked == [one.manifest, two.manifest]
    shown.entries_of(one)
    assert asked == [one.manifest, two.manifest, one.manifest], "both would be too many"


def test_comparing(scene: Scene, data: Data) -> None:
    page = seen(scene, at(data.team, "compare/?left=1&right=2"))
    for part in ("1 added", "1 removed", "1 changed", "6 the same", "new file.txt", "model.bin", "tables/a.csv"):
        assert part in page
    assert "The same files" in seen(scene, at(data.team, "compare/?left=2&right=2"))


def test_deleting_a_version(scene: Scene, data: Data) -> None:
    client = client_of(scene.cast.owner)
    assert client.post(at(data.team, "versions/2/delete/")).status_code == 302
    page = seen(scene, at(data.team, "versions/"))
    assert "Version 2, deleted" in page
    assert "model.bin" in seen(scene, at(data.team)), "the newest is the first again"
    assert client.get(at(data.team, "?version=2")).status_code == 404


def test_editing_the_card(scene: Scene, data: Data) -> None:
    client = client_of(data.editor)
    form = {
        "title": "Renamed",
        "subtitle": "Sub",
        "card": "Text",
        "tags": "rain, Wind rain",
        "licence": "MIT",
        "other_licence": "Our own",
        "frequency": "weekly",
        "sources": "There",
    }
    assert client.post(at(data.team, "settings/"), form).status_code == 302
    row = Dataset.objects.get(pk=data.team.pk)
    assert (row.title, row.subtitle, row.card, row.licence) == ("Renamed", "Sub", "Text", "Our own")
    assert (row.frequency, row.sources, tags_of([row])[row.pk]) == ("weekly", "There", ["rain", "wind"])
    page = client.get(at(row, "settings/")).content.decode()
    assert 'value="Our own"' in page
    refused = client.post(at(data.team, "settings/"), form | {"tags": "!!"})
    assert refused.status_code == 400
    assert "Renamed" in refused.content.decode()


def test_sharing(scene: Scene, data: Data) -> None:
    client, stranger = client_of(scene.cast.owner), scene.cast.stranger
    share = at(data.quiet, "sharing/add/")
    assert client.post(share, {"who": "nobody-here", "role": "reader"}).status_code == 404
    assert client_of(stranger).get(at(data.quiet)).status_code == 404
    part = client.post(share, {"who": stranger.username, "role": "reader"}, headers={"HX-Request": "true"})
    assert "<html" not in part.content.decode()
    assert f"{stranger.username} is reader of this dataset." in part.content.decode()
    assert client_of(stranger).get(at(data.quiet)).status_code == 200
    assert client_of(stranger).get(at(data.quiet, "add/")).status_code == 403
    client.post(at(data.quiet, "sharing/change/"), {"username": stranger.username, "do": "editor"})
    assert DatasetCollaborator.objects.get(dataset=data.quiet, user=stranger).role == SharedRole.EDITOR
    assert client_of(stranger).get(at(data.quiet, "add/")).status_code == 200
    client.post(at(data.quiet, "sharing/change/"), {"username": stranger.username, "do": "remove"})
    assert client_of(stranger).get(at(data.quiet)).status_code == 404


def test_who_reads_it(scene: Scene, data: Data) -> None:
    client = client_of(scene.cast.owner)
    assert client_of(scene.cast.stranger).get(at(data.team)).status_code == 404
    client.post(at(data.team, "visibility/"), {"visibility": "public"})
    assert client_of(scene.cast.stranger).get(at(data.team)).status_code == 200
    assert client.post(at(data.team, "visibility/"), {"visibility": "everybody"}).status_code == 400


def test_deleting_asks_first(scene: Scene, data: Data) -> None:
    client = client_of(scene.cast.owner)
    assert "its 2 versions" in client.get(at(data.team, "delete/")).content.decode()
    assert client.get(at(data.team)).status_code == 200
    client.post(at(data.team, "delete/"))
    assert client.get(at(data.team)).status_code == 404


def test_deleting_names_the_notebooks_that_read_it_as_far_as_they_may_be_seen(scene: Scene, data: Data) -> None:
    cast = scene.cast
    seen_one = make_notebook(cast.owner, cast.team, "Reads it", visibility=Visibility.TEAM)
    hidden = make_notebook(cast.stranger, cast.stranger.personal_team, "Hidden reader", visibility=Visibility.PRIVATE)
    url = at(data.public, "delete/")
    assert "Of those that you may see" not in seen(scene, url)
    for actor, notebook in ((cast.owner, seen_one), (cast.stranger, hidden)):
        inputs.add_input(actor, notebook, data.public, now=NOW)
    page = seen(scene, url)
    assert "Of those that you may see" in page
    assert f'<a href="/notebooks/{cast.team.slug}/{seen_one.slug}/">Reads it</a>' in page
    assert "Hidden reader" not in page


def test_only_those_who_may_change_it_are_told_to_mend_what_was_taken_down(scene: Scene, data: Data) -> None:
    take_down(scene.cast.operator, data.public, "Shows names", now=NOW)
    actions.share(scene.cast.owner, data.public, data.invited, SharedRole.READER, now=NOW)
    assert "Mend it, then ask" in seen(scene, at(data.public))
    page = client_of(data.invited).get(at(data.public)).content.decode()
    assert "Shows names" in page
    assert "Mend it" not in page


def test_people_talk_about_it(scene: Scene, data: Data) -> None:
    client = client_of(scene.cast.teammate)
    answer = client.post(at(data.team, "comments/"), {"text": "Since *when*?", "next": at(data.team)})
    assert answer["Location"].startswith(f"{at(data.team)}#c-")
    assert "Since <em>when</em>?" in seen(scene, at(data.team))
    told = scene.cast.owner.notifications.get(kind="comment", subject_kind="dataset", subject_id=data.team.pk)
    assert told.path.startswith(at(data.team))
    voted = client.post(at(data.team, "vote/"), {"do": "vote"}, headers={"HX-Request": "true"}).content.decode()
    assert "this dataset" in voted
    client.post(at(data.team, "bookmark/"), {"do": "mark"})
    marks = client.get("/bookmarks/").content.decode()
    assert at(data.team) in marks
    client.post("/bookmarks/remove/", {"id": data.team.pk, "kind": "dataset"})
    assert at(data.team) not in client.get("/bookmarks/").content.decode()
    public = client_of(scene.cast.stranger).get(at(data.public)).content.decode()
    assert at(data.public, "report/") in public
    assert at(data.public, "report/") not in client.get(at(data.public)).content.decode(), "it is their own team's"
    assert "Take down" in seen(scene, at(data.public), "operator")
    assert "Take down" not in public


def test_a_bookmark_of_what_is_gone(scene: Scene, data: Data) -> None:
    community.bookmark(scene.cast.stranger, subject_of(data.public), now=NOW)
    actions.change_visibility(scene.cast.owner, data.public, "private", now=NOW)  # type: ignore[arg-type]
    page = seen(scene, "/bookmarks/", "stranger")
    assert "A dataset that is not there for you any more" in page
    assert "Open data" not in page
