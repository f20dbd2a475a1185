"""Output files on a version's page and on the notebook's own host: each kind shown, each limit kept, nobody else let in."""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.test import Client
from scenes import Scene, address, client_of

from factories.accounts import NOW
from factories.files import give_files
from factories.notebooks import notebook_json
from studium.config.options import options
from studium.notebooks.models import Notebook, Version
from studium.notebooks.versions import actions, previewing, reconcile
from studium.notebooks.versions.queries import OutputFile

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
Edge = Callable[..., HttpResponse]


def edge(notebook: Notebook, path: str, **headers: str) -> HttpResponse:
    """A request as the edge passes it on, once it has asked who may enter."""
    client = Client(headers={"host": "localhost", "X-Studium-Edge-Key": options().edge_key, **headers})
    return client.get(f"/-/documents/{notebook.label}/{path}")


def body(response: HttpResponse) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


def with_files(scene: Scene, files: dict[str, bytes]) -> Version:
    return give_files(scene.version_run, files)


def shown(scene: Scene, name: str, content: bytes) -> str:
    """The page that shows this one file."""
    with_files(scene, {name: content})
    response = edge(scene.notebook, "v/1/files/0/")
    assert response.status_code == 200
    return body(response).decode().partition("</head>")[2]


def test_a_table_shows_its_first_rows_with_numbers_to_the_right(scene: Scene) -> None:
    rows = "name,size\n" + "".join(f'"a, <b>{n}",{n}\n' for n in range(500))
    html = shown(scene, "data/table.csv", rows.encode())
    assert "<th>name</th>" in html
    assert '<td>a, &lt;b&gt;3</td><td class="right">3</td>' in html
    assert html.count("<tr>") == 201
    assert "Shown are the first 200 rows; all is in the file." in html


@pytest.mark.parametrize(
    ("name", "content"), [("a.tsv", "a,b\tc\n1,5\t2\n"), ("b.csv", "a,b;c\n1,5;2\n"), ("c.csv", "a,b|c\n1,5|2\nx|y\n")]
)
def test_tables_are_separated_as_they_are(scene: Scene, name: str, content: str) -> None:
    html = shown(scene, name, content.encode())
    assert "<th>a,b</th>" in html or '<th class="right">a,b</th>' in html
    assert "1,5</td>" in html


def test_a_wide_table_and_one_with_odd_bytes(scene: Scene) -> None:
    wide = ",".join(f"c{n}" for n in range(80)) + "\n" + ",".join("1" for _ in range(80))
    html = shown(scene, "w.csv", wide.encode())
    assert "50 of 80 columns" in html
    assert "c50" not in html
    assert "\ufffd" in shown(scene, "x.csv", b"a,b\n\xff\xfe,2\n")
    assert "does not read as a table" in shown(scene, "y.csv", b'a,b\n"' + b"x" * 200_000 + b'",2\n')


def test_a_table_larger_than_what_is_read_ends_at_a_whole_row(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(previewing, "HEAD", 20)
    html = shown(scene, "cut.csv", b"a,b\n" + b"1,22222\n" * 10)
    assert html.count('<td class="right">22222</td>') == 2
    assert "the first 2 rows" in html


def test_text_json_markdown_and_code(scene: Scene) -> None:
    assert "&lt;i&gt;" in shown(scene, "notes.txt", b"a <i> b")
    assert '<span class="k-k">def</span>' in shown(scene, "train.py", b"def f(): pass")
    html = shown(scene, "metrics.json", b'{"loss":0.5,"<b>":[1]}')
    assert "0.5" in html
    assert html.count("\n") > 6, "a line for each value"
    assert "&lt;b&gt;" in html
    assert '<span class="k-err">jso</span>' in shown(scene, "broken.json", b"{not json"), "as it is"
    assert ">Title</h1>" in shown(scene, "README.md", b"# Title\n\n<script>x</script>")
    assert "<script" not in shown(scene, "README.md", b"# Title\n\n<script>x</script>")
    assert "plain" in shown(scene, "Makefile", b"plain text without an ending")


def test_long_text_is_shown_by_its_beginning(scene: Scene) -> None:
    html = shown(scene, "long.log", b"a line\n" * 200_000 + b"the end")
    assert "This is the beginning" in html
    assert "the end" not in html
    assert len(html) < 200_000
    assert "line cut here" in shown(scene, "one.txt", b"y" * 400_000)


def test_a_notebook_among_the_files_is_rendered_with_its_pictures(scene: Scene) -> None:
    import base64

    found = json.loads(notebook_json("plot()"))
    picture = base64.b64encode(PNG * 8).decode()
    found["cells"][0]["outputs"] = [{"output_type": "display_data", "metadata": {}, "data": {"image/png": picture}}]
    html = shown(scene, "result.ipynb", json.dumps(found).encode())
    assert "plot" in html
    name = html.partition('src="parts/')[2].partition('"')[0]
    part = edge(scene.notebook, f"v/1/files/0/parts/{name}")
    assert (part.status_code, part["Content-Type"]) == (200, "image/png")
    assert body(part) == PNG * 8
    assert "its text is not JSON" in shown(scene, "no.ipynb", b"no notebook")


def test_html_is_shown_in_a_frame_without_origin(scene: Scene) -> None:
    html = shown(scene, "report.html", b"<h1>Report</h1><script>alert(1)</script>")
    assert "<script" not in html
    assert 'sandbox="allow-scripts"' in html
    name = html.partition('src="parts/')[2].partition('"')[0]
    part = edge(scene.notebook, f"v/1/files/0/parts/{name}")
    assert b"<h1>Report</h1><script>alert(1)</script>" in body(part)
    assert part["X-Studium-Policy"].startswith("sandbox allow-scripts; default-src 'none'; script-src http")
    assert edge(scene.notebook, f"v/1/files/0/parts/{name}", **{"Sec-Fetch-Dest": "document"}).status_code == 404
    assert edge(scene.notebook, f"v/1/files/0/parts/{name}", **{"Sec-Fetch-Dest": "iframe"}).status_code == 200


SHOWN = [
    ("a.png", "<img ", "image/png"),
    ("A.JPG", "<img ", "image/jpeg"),
    ("a.svg", "<img ", "image/svg+xml"),
    ("a.mp3", "<audio ", "audio/mpeg"),
    ("a.mp4", "<video ", "video/mp4"),
    ("a.pdf", "<iframe ", "application/pdf"),
]


def test_what_a_browser_shows_is_served_as_it_is(scene: Scene) -> None:
    for name, element, media in SHOWN:
        assert element in shown(scene, name, b"some bytes")
        raw = edge(scene.notebook, "v/1/files/0/raw")
        assert (raw.status_code, raw["Content-Type"], body(raw)) == (200, media, b"some bytes")
        assert "script-src" not in raw["X-Studium-Policy"]
        assert ("sandbox" in raw["X-Studium-Policy"]) == (media != "application/pdf")
        again = edge(scene.notebook, "v/1/files/0/raw", **{"If-None-Match": raw["ETag"]})
        assert again.status_code == 304


def test_nothing_else_is_served_as_it_is(scene: Scene) -> None:
    names = ["a.html", "a.csv", "a.txt", "a.py", "a.xml", "a.xhtml", "a.js", "png", "a.png.html"]
    with_files(scene, dict.fromkeys(names, b"<script>alert(1)</script>"))
    for number, name in enumerate(sorted(names)):
        assert edge(scene.notebook, f"v/1/files/{number}/raw").status_code == 404, name


PIECES = [
    ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
    ("bytes=4-", 206, b"456789", "bytes 4-9/10"),
    ("bytes=-3", 206, b"789", "bytes 7-9/10"),
    ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
    ("bytes=10-", 416, b"", "bytes */10"),
    ("bytes=5-2", 416, b"", "bytes */10"),
    ("bytes=-0", 416, b"", "bytes */10"),
    ("bytes=-", 416, b"", "bytes */10"),
    ("bytes=0-1,3-4", 200, b"0123456789", None),
    ("lines=1-2", 200, b"0123456789", None),
]


def test_players_ask_for_pieces(scene: Scene) -> None:
    with_files(scene, {"film.mp4": b"0123456789"})
    for asked, status, got, said in PIECES:
        found = edge(scene.notebook, "v/1/files/0/raw", Range=asked)
        assert (found.status_code, body(found), found.get("Content-Range")) == (status, got, said), asked


def test_the_edge_sends_long_films_by_itself(scene: Scene) -> None:
    """A player that is paused would hold a thread of the web process as long as its page is open."""
    content = bytes(4) + b"ftypisom" + bytes(3_000_000)
    with_files(scene, {"film.mp4": content})
    digest = hashlib.sha256(content).hexdigest()
    found = edge(scene.notebook, "v/1/files/0/raw", Range="bytes=100-", **{"X-Studium-Sends": "1"})
    assert body(found).decode() == f"sha256/{digest[:2]}/{digest} 100 {len(content) - 100}\n"
    assert (found.status_code, found["Content-Type"]) == (206, "video/mp4")
    assert (found["X-Studium-Files"], found["ETag"]) == (str(len(content) - 100), f'"{digest}"')
    assert found["Content-Range"] == f"bytes 100-{len(content) - 1}/{len(content)}"
    assert found["X-Studium-Policy"].startswith("sandbox")
    for asked in ("bytes=0-99", "bytes=9999999-"):
        assert "X-Studium-Files" not in edge(scene.notebook, "v/1/files/0/raw", Range=asked, **{"X-Studium-Sends": "1"})


def test_files_that_cannot_be_shown_say_why(scene: Scene) -> None:
    huge = OutputFile(path="a.png", size=10**9, digest="0" * 64)
    assert previewing.seen(huge).kind == "too_large"
    assert "is empty" in shown(scene, "nothing.txt", b"")
    assert "no preview of this kind" in shown(scene, "model.bin", b"\0\1\2")
    assert "no preview of this kind" in shown(scene, "latin.txt", b"caf\xe9" + b" " * 100)
    page = client_of(scene.cast.owner).get(address(scene.notebook, "versions/1/view/0/")).content.decode()
    assert "No preview of this kind of file" in page
    assert "<iframe" not in page
    with_files(scene, {"a.json": b"\0" * 10})
    assert previewing.seen(OutputFile(path="a.json", size=10**8, digest=digest_of(scene))).kind == "none"


def digest_of(scene: Scene) -> str:
    from studium.notebooks.versions.queries import output_files

    return output_files(scene.version_run).files[0].digest


def test_a_preview_is_made_once_and_let_go_of(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    with_files(scene, {"a.csv": b"a,b\n1,2\n"})
    first = body(edge(scene.notebook, "v/1/files/0/"))
    monkeypatch.setattr(previewing, "run_bounded", lambda *_, **__: pytest.fail("it is there already"))
    assert body(edge(scene.notebook, "v/1/files/0/")) == first
    assert reconcile.forget_comparisons(NOW + timedelta(days=6)) == 0
    assert reconcile.forget_comparisons(NOW + timedelta(days=8)) == 1


def test_a_file_that_is_too_much_to_read_says_so(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    from studium.notebooks.bounded import Bounds

    monkeypatch.setattr(previewing, "BOUNDS", Bounds(memory_bytes=2048 * 1024**2, seconds=20, answer_bytes=10))
    with_files(scene, {"a.csv": b"a,b\n1,2\n"})
    response = edge(scene.notebook, "v/1/files/0/")
    assert response.status_code == 503
    assert b"too much memory" in body(response)
    assert edge(scene.notebook, f"v/1/files/0/parts/{'0' * 24}.png").status_code == 404


def test_the_versions_page_lists_files_and_shows_pictures_in_a_row(scene: Scene) -> None:
    with_files(scene, {"plots/a <b>.png": PNG, "table.csv": b"a\n1\n", "z.png": b""})
    page = client_of(scene.cast.owner).get(address(scene.notebook, "versions/1/")).content.decode()
    here = address(scene.notebook, "versions/1/")
    assert f'<a href="{here}view/0/">plots/a &lt;b&gt;.png</a>' in page
    assert f'href="{here}files/table.csv"' in page
    assert 'class="strip"' in page
    row = body(edge(scene.notebook, "v/1/files/")).decode()
    assert row.count("<img ") == 1, "the empty one is no picture"
    assert 'src="0/raw"' in row
    assert f'href="{options().platform_url}{here}view/0/"' in row
    with_files(scene, {"table.csv": b"a\n1\n"})
    assert 'class="strip"' not in client_of(scene.cast.owner).get(here).content.decode()


def test_a_files_page_leads_to_its_neighbours(scene: Scene) -> None:
    with_files(scene, {"a.txt": b"a", "b.txt": b"b", "c.txt": b"c"})
    here = address(scene.notebook, "versions/1/view/")
    client = client_of(scene.cast.owner)
    middle = client.get(f"{here}1/").content.decode()
    assert "output file 2 of 3" in middle
    assert f'href="{here}0/"' in middle
    assert f'href="{here}2/"' in middle
    assert 'rel="prev"' not in client.get(f"{here}0/").content.decode()
    assert 'rel="next"' not in client.get(f"{here}2/").content.decode()
    assert client.get(f"{here}3/").status_code == 404


def test_only_the_edge_reaches_what_is_served_to_content_hosts(scene: Scene) -> None:
    with_files(scene, {"a.png": PNG})
    for path in (
        "v/1/files/",
        "v/1/files/0/",
        "v/1/files/0/raw",
        "parts/x.png",
        "v/1/parts/x.png",
        "compare/1/1/parts/x.png",
    ):
        address = f"/-/documents/{scene.notebook.label}/{path}"
        assert Client(headers={"host": "localhost"}).get(address).status_code == 404
        assert Client(headers={"host": "localhost", "X-Studium-Edge-Key": "x"}).get(address).status_code == 404


def test_a_part_belongs_to_its_rendering_and_a_file_to_its_version(scene: Scene) -> None:
    with_files(scene, {"a.png": PNG})
    while reconcile.render_settled(NOW):
        pass
    for notebook, path in (
        (scene.notebook, f"v/1/parts/{'0' * 24}.png"),
        (scene.notebook, f"v/1/parts/{scene.version_run.files}.png"),
        (scene.notebook, f"parts/{scene.notebook.document}"),
        (scene.public, "v/1/files/0/raw"),
        (scene.notebook, "v/2/files/0/raw"),
        (scene.notebook, "v/1/files/1/raw"),
    ):
        assert edge(notebook, path).status_code == 404, path


def test_parts_of_documents_versions_and_comparisons(scene: Scene) -> None:
    import base64

    from studium.notebooks import actions as notebooks
    from studium.notebooks.reconcile import render_changed

    found = json.loads(notebook_json("plot()"))
    picture = base64.b64encode(PNG * 8).decode()
    found["cells"][0]["outputs"] = [{"output_type": "display_data", "metadata": {}, "data": {"image/png": picture}}]
    notebooks.replace_document(scene.cast.owner, scene.public, json.dumps(found).encode(), now=NOW)
    scene.public.refresh_from_db()
    actions.save_quick(scene.cast.owner, scene.public, now=NOW)
    while render_changed(NOW) or reconcile.render_settled(NOW):
        pass
    for place in ("", "v/2/", "compare/1/2/"):
        html = body(edge(scene.public, place)).decode()
        name = html.partition('src="parts/')[2].partition('"')[0]
        part = edge(scene.public, f"{place}parts/{name}")
        assert (part.status_code, body(part)) == (200, PNG * 8), place
        assert part["X-Studium-Policy"].startswith("sandbox; default-src 'none'")
        assert edge(scene.public, f"{place}parts/{name}", **{"If-None-Match": part["ETag"]}).status_code == 304
    assert edge(scene.public, f"v/1/parts/{name}").status_code == 404, "the version before has no such picture"


def test_libraries_are_files_of_ours_and_no_others(scene: Scene) -> None:
    client = Client(headers={"host": "localhost"})
    own = client.get("/-/documents/lib/fenced.js")
    assert own.status_code == 200
    assert own["Content-Type"].startswith("text/javascript")
    assert b"failed" in body(own)
    for name in ("..", "fenced.css", "nothing.js", "%2e%2e%2fstudium.js", ".js"):
        assert client.get(f"/-/documents/lib/{name}").status_code == 404, name
