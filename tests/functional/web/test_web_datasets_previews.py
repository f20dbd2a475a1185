"""Files of datasets shown where they lie: players, PDF, notebooks and markdown on the dataset's own host, pictures in a grid."""

import io
import json
import re
import wave

import pytest
from dataset_scenes import PNG, Data, at, bring, make_data
from django.http import HttpResponse
from django.test import Client
from scenes import Scene, client_of
from test_web_datasets_profiles import give
from test_web_edge_answers import allowed, ask

from factories.accounts import NOW
from factories.datasets import make_version
from factories.notebooks import notebook_json
from studium.config.options import options
from studium.datasets import actions
from studium.datasets.models import Dataset, Profile
from studium.datasets.states import ProfileState
from studium.storage.models import Hold
from studium.web.shown import datasets as shown

pytestmark = pytest.mark.django_db


def sound() -> bytes:
    held = io.BytesIO()
    with wave.open(held, "wb") as tone:
        tone.setparams((1, 1, 8000, 0, "NONE", ""))
        tone.writeframes(bytes(range(256)) * 8)
    return held.getvalue()


SEEN = {
    "film.mp4": b"\0\0\0\x18ftypisom" + bytes(500),
    "notes.md": b"# Title\n\n<script>alert(1)</script>\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
    "out.ipynb": notebook_json("print(6 * 7)"),
    "paper.pdf": b"%PDF-1.4\n" + bytes(200),
    "tone.wav": sound(),
    "zero.bin": bytes(10),
}


@pytest.fixture
def data(scene: Scene) -> Data:
    made = make_data(scene)
    bring(scene.cast.owner, made.bare, SEEN)
    Profile.objects.update(state=ProfileState.FAILED, fault="")
    return made


def edge(dataset: Dataset, path: str, **headers: str) -> HttpResponse:
    """A request as the edge passes it on, once it has asked who may enter."""
    client = Client(headers={"host": "localhost", "X-Studium-Edge-Key": options().edge_key, **headers})
    return client.get(f"/-/documents/data/{dataset.pk}/v/1/files/{path}")


def number(name: str) -> int:
    return sorted(SEEN).index(name)


def page(scene: Scene, data: Data, name: str) -> str:
    return client_of(scene.cast.owner).get(at(data.bare, f"file/?path={name}")).content.decode()


@pytest.mark.parametrize("name", ["film.mp4", "notes.md", "out.ipynb", "paper.pdf", "tone.wav"])
def test_a_file_is_framed_from_its_datasets_host(scene: Scene, data: Data, name: str) -> None:
    response = client_of(scene.cast.owner).get(at(data.bare, f"file/?path={name}"))
    host = options().content_url(f"data-{data.bare.pk}")
    assert f'<iframe src="{host}/-/enter?ticket=' in response.content.decode()
    assert f"frame-src {host};" in response["Content-Security-Policy"]
    alone = re.search(r'href="(/open/[^"]+)"', response.content.decode())
    assert alone is not None
    answer = client_of(scene.cast.owner).get(alone[1])
    granted = ask("redeem", ticket=answer["Location"].partition("ticket=")[2], label=f"data-{data.bare.pk}")
    assert granted is not None
    assert granted["path"] == f"/v/1/files/{number(name)}/{'raw' if name == 'paper.pdf' else ''}"
    assert client_of(scene.cast.stranger).get(alone[1]).status_code == 404


def test_who_may_enter_the_host_of_a_datasets_files(scene: Scene, data: Data) -> None:
    label = f"data-{data.bare.pk}"
    answer = client_of(scene.cast.owner).get(f"/open/{label}?path=/v/1/files/0/")
    granted = ask("redeem", ticket=answer["Location"].partition("ticket=")[2], label=label)
    assert granted is not None
    assert allowed(label, granted["user"])
    assert not allowed(f"data-{data.quiet.pk}x", granted["user"])
    assert not allowed(scene.notebook.label + "x", granted["user"])
    outside = client_of(scene.cast.stranger).get(f"/open/data-{data.public.pk}?path=/v/1/files/0/")
    stranger = ask("redeem", ticket=outside["Location"].partition("ticket=")[2], label=f"data-{data.public.pk}")
    assert stranger is not None
    assert allowed(f"data-{data.public.pk}", stranger["user"])
    assert not allowed(label, stranger["user"])
    target = ask("resolve", label=label)
    assert target is not None
    assert target["path_prefix"] == f"/-/documents/data/{data.bare.pk}"
    assert target["content_security_policy"].startswith("default-src 'none'; style-src")
    assert "script-src" not in target["content_security_policy"]
    actions.delete_dataset(scene.cast.owner, data.bare, now=NOW)
    assert ask("resolve", label=label) is None
    assert not allowed(label, granted["user"])
    assert edge(data.bare, "0/").status_code == 404


@pytest.mark.parametrize("path", ["//example.org/", "/-/documents/x", "/v/1/files/0/../", "/v/1/files/0/raw?x", ""])
def test_a_tab_opens_nothing_but_files(scene: Scene, data: Data, path: str) -> None:
    answer = client_of(scene.cast.owner).get(f"/open/data-{data.bare.pk}", {"path": path})
    assert answer["Location"] == at(data.bare)


def test_players_get_the_pieces_they_ask_for(data: Data) -> None:
    place, content = f"{number('tone.wav')}/raw", SEEN["tone.wav"]
    whole = edge(data.bare, place)
    assert (whole["Content-Type"], b"".join(whole)) == ("audio/wav", content)
    assert whole["X-Studium-Policy"].startswith("sandbox")
    for asked, start, end in (("bytes=100-199", 100, 200), ("bytes=2000-", 2000, len(content)), ("bytes=-7", -7, None)):
        part = edge(data.bare, place, Range=asked)
        assert (part.status_code, b"".join(part)) == (206, content[start:end])
    assert edge(data.bare, place, Range="bytes=99999-").status_code == 416
    assert '<audio controls preload="metadata" src="raw"' in edge(data.bare, f"{number('tone.wav')}/").content.decode()
    assert "<video controls" in edge(data.bare, f"{number('film.mp4')}/").content.decode()
    assert edge(data.bare, f"{number('film.mp4')}/raw")["Content-Type"] == "video/mp4"


def test_only_what_is_framed_is_on_that_host(data: Data) -> None:
    for place in (f"{number('zero.bin')}/", f"{number('zero.bin')}/raw", f"{number('notes.md')}/raw", "99/"):
        assert edge(data.bare, place).status_code == 404
    without = Client(headers={"host": "localhost"}).get(f"/-/documents/data/{data.bare.pk}/v/1/files/0/")
    assert without.status_code == 404


def test_markdown_and_notebooks_are_rendered_elsewhere_and_once(data: Data) -> None:
    html = edge(data.bare, f"{number('notes.md')}/").content.decode()
    assert ">Title</h1>" in html
    assert "<td>1</td>" in html
    assert "<script" not in html
    held = Hold.objects.filter(holder__startswith="preview:").count()
    assert "print" in edge(data.bare, f"{number('out.ipynb')}/").content.decode()
    assert Hold.objects.filter(holder__startswith="preview:").count() == held + 1
    edge(data.bare, f"{number('out.ipynb')}/")
    assert Hold.objects.filter(holder__startswith="preview:").count() == held + 1


def test_markdown_shows_pictures_and_links_of_its_own_version(scene: Scene, data: Data) -> None:
    text = b"![A](../pics/a%20b.png) ![B](/pics/a%20b.png) ![C](https://example.org/x.png) [D](more.csv) [E](../pics) [F](../../x)"
    files = {"docs/read.md": text, "docs/more.csv": b"a\n1\n", "pics/a b.png": PNG}
    made = bring(scene.cast.owner, data.bare, files)
    here = f"/-/documents/data/{data.bare.pk}/v/{made.number}/files/{sorted(files).index('docs/read.md')}/"
    client = Client(headers={"host": "localhost", "X-Studium-Edge-Key": options().edge_key})
    html = client.get(here).content.decode()
    assert re.findall(r'<img src="([^"]*)"', html) == [
        "beside?path=..%2Fpics%2Fa%20b.png",
        "beside?path=%2Fpics%2Fa%20b.png",
    ]
    assert "Picture not shown: https://example.org/x.png" in html
    for path in re.findall(r'<img src="([^"]*)"', html):
        answer = client.get(here + path)
        assert (answer["Content-Type"], b"".join(answer)) == ("image/png", PNG)  # type: ignore[arg-type]
        assert answer["X-Studium-Policy"].startswith("sandbox")
    links = re.findall(r'<a href="([^"]*)"', html)
    assert links == ["beside?path=more.csv", "beside?path=..%2Fpics", "beside?path=..%2F..%2Fx"]
    of = f"{options().platform_url}{at(data.bare)}"
    assert client.get(here + links[0])["Location"] == f"{of}file/?version={made.number}&path=docs%2Fmore.csv"
    assert client.get(here + links[1])["Location"] == f"{of}?version={made.number}&path=pics"
    assert client.get(here + links[2]).status_code == 404
    followed = client.get(here + "beside?path=../pics/a%20b.png", headers={"Sec-Fetch-Dest": "document"})
    assert followed["Location"].startswith(f"{of}file/?")
    other = here.replace("/1/", "/0/")
    assert client.get(other + "beside?path=read.md").status_code == 404
    assert Client(headers={"host": "localhost"}).get(here + "beside?path=more.csv").status_code == 404


def test_a_digest_that_somebody_claims_shows_nobody_elses_file(scene: Scene, data: Data) -> None:
    """Of a file in several chunks the digest is only said; who knows another's must not be shown what that one has."""
    secret, lie = [b"# Secret\n", b"words"], [b"# Mine\n", b"other"]
    make_version(scene.cast.owner, data.quiet, {"a.md": secret})
    entry = next(iter(shown.entries_of(data.quiet.versions.get(number=2))))
    owner = scene.cast.stranger
    other = actions.create_dataset(owner, owner.personal_team, "Claims", now=NOW)
    kept = make_version(owner, other, {"b.md": lie})
    chunks = list(shown.entries_of(kept)[0].chunks or ())
    actions.make_version(owner, other, [actions.Brought("a.md", sum(map(len, lie)), entry.digest, chunks)], now=NOW)

    def read(dataset: Dataset) -> str:
        client = Client(headers={"host": "localhost", "X-Studium-Edge-Key": options().edge_key})
        return client.get(f"/-/documents/data/{dataset.pk}/v/2/files/0/").content.decode()

    assert "Secret" in read(data.quiet)
    assert "Mine" in read(other)
    assert "Secret" not in read(other)


def test_what_is_not_what_it_is_called_is_said_to_be(scene: Scene, data: Data) -> None:
    false = {"a.pdf": b"no pdf", "b.mp3": b"<html>", "c.wav": bytes(100), "d.mp4": b"RIFF" + bytes(90), "e.flac": b"x"}
    bring(scene.cast.owner, data.bare, false)
    for name in false:
        said = page(scene, data, name)
        assert "Not what it is called" in said
        assert "<iframe" not in said


def test_a_damaged_file_has_its_reason_and_nothing_beside_it(scene: Scene, data: Data) -> None:
    bring(scene.cast.owner, data.team, {"tables/a.csv": b"\0\xff" * 90, "sky.png": PNG})
    give(scene, data, ProfileState.READY, {"kind": "table", "format": "csv", "trouble": "It breaks off.", "tables": []})
    client = client_of(scene.cast.owner)
    said = client.get(at(data.team, "file/?path=tables/a.csv")).content.decode()
    assert "It breaks off." in said
    assert "no preview" not in said
    # Of a file that nothing is known of, it is said that there is no preview; while that is found out, nothing.
    assert "There is no preview" in page(scene, data, "zero.bin")
    Profile.objects.update(state=ProfileState.RUNNING)
    assert "There is no preview" not in page(scene, data, "zero.bin")


def pictures(count: int) -> dict[str, bytes]:
    return {f"shots/{n:05}.png": PNG + b"%d" % n for n in range(count)}


def test_a_folder_of_pictures_is_a_grid_that_is_loaded_in_parts(scene: Scene, data: Data) -> None:
    bring(scene.cast.owner, data.bare, {**pictures(130), "shots/labels.csv": b"a\n1\n"})
    first = client_of(scene.cast.owner).get(at(data.bare, "?path=shots")).content.decode().split('id="files"')[1]
    assert first.count("<img ") == shown.TILES_A_PAGE
    assert first.count('loading="lazy"') == shown.TILES_A_PAGE
    assert "after=60" in first
    last = (
        client_of(scene.cast.owner).get(at(data.bare, "?path=shots&after=120")).content.decode().split('id="files"')[1]
    )
    assert last.count("<img ") == 10
    assert ">labels.csv</a>" in last
    as_list = client_of(scene.cast.owner).get(at(data.bare, "?path=shots&view=list")).content.decode()
    assert "<img " not in as_list.split('id="files"')[1]
    assert ">00129.png</a>" in as_list
    # Where most files are no pictures it begins as a list.
    assert "<img " not in client_of(scene.cast.owner).get(at(data.team)).content.decode().split('id="files"')[1]
    asked = client_of(scene.cast.owner).get(at(data.team, "?view=pictures")).content.decode().split('id="files"')[1]
    assert asked.count("<img ") == 1


def test_what_the_pictures_of_a_page_weigh_together_is_bounded(
    scene: Scene, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(scene.cast.owner, data.bare, pictures(10))
    monkeypatch.setattr(shown, "_TILES_BYTES", 3 * (len(PNG) + 1))
    html = client_of(scene.cast.owner).get(at(data.bare, "?path=shots")).content.decode().split('id="files"')[1]
    assert html.count("<img ") == 3
    assert html.count(".png</small>") == 10


def test_a_notebook_that_is_none_says_why(scene: Scene, data: Data) -> None:
    bring(scene.cast.owner, data.bare, {"a.ipynb": json.dumps({"cells": 3}).encode()})
    client = Client(headers={"host": "localhost", "X-Studium-Edge-Key": options().edge_key})
    html = client.get(f"/-/documents/data/{data.bare.pk}/v/2/files/0/").content.decode()
    assert "as every Jupyter notebook does" in html
