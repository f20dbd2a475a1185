"""What was found in a file, on its page: waited for, shown, partial, failed, asked for again."""

import json
import re
from typing import Any

import pytest
from dataset_scenes import Data, at, make_data
from scenes import Scene, client_of

from factories.accounts import NOW
from studium.datasets import actions
from studium.datasets.access import version_for
from studium.datasets.models import Profile
from studium.datasets.profiles.packing import packed
from studium.datasets.states import ProfileState
from studium.storage import actions as storage

pytestmark = pytest.mark.django_db
COLUMN = {
    "type": "number", "missing": 1, "distinct": 2, "distinct_exact": True, "min": 1.5, "max": 20000, "mean": 3, "std": 1,
    "quantiles": [1.5, 2, 2.75, 4000, 20000], "histogram": {"edges": [0, 1, 2], "counts": [5, 0]}, "top": None, "length": None,
}  # fmt: skip
TEXT = {
    **COLUMN,
    "type": "text",
    "min": "<b>",
    "max": "z",
    "mean": None,
    "quantiles": None,
    "histogram": None,
    "top": [["<i>x</i>", 3], [None, 1]],
}
TABLE = {
    "name": "", "rows": 4, "columns_count": 300, "rows_exact": False,
    "columns": [{"name": "<script>alert(1)</script>", **COLUMN}, {"name": "word", **TEXT}],
    "head": [[1, "<img src=x>"], [None, "y"]],
}  # fmt: skip


@pytest.fixture
def data(scene: Scene) -> Data:
    return make_data(scene)


def give(scene: Scene, data: Data, state: ProfileState, found: Any = None, fault: str = "") -> None:
    version = version_for(scene.cast.owner, f"{data.team.team.slug}/{data.team.slug}")
    content = storage.put(packed({"tables/a.csv": found}), now=NOW).digest if found else ""
    Profile.objects.filter(version=version).update(state=state, content=content, fault=fault)


def page(scene: Scene, data: Data, who: str = "owner") -> str:
    return client_of(getattr(scene.cast, who)).get(at(data.team, "file/?path=tables/a.csv")).content.decode()


def test_columns_and_first_rows_are_shown_and_can_run_nothing(scene: Scene, data: Data) -> None:
    give(scene, data, ProfileState.READY, {"kind": "table", "format": "csv", "trouble": "", "tables": [TABLE]})
    shown = page(scene, data)
    assert "about 4 rows, 300 columns" in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "&lt;img src=x&gt;" in shown
    assert "<script>alert" not in shown
    assert "&lt;i&gt;x&lt;/i&gt;</b> 75 %" in shown
    assert "1.5 to 20,000, mean 3" in shown
    assert shown.count("half from 2 to 4000, median 2.75") == 1
    assert "0 to 1: 5</title>" in shown
    assert "298 more columns are not shown" in shown
    assert ">25 %<" in shown


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (ProfileState.WAITING, "about to be looked into"),
        (ProfileState.RUNNING, "being looked into"),
    ],
)
def test_the_page_waits_and_asks_by_itself(scene: Scene, data: Data, state: ProfileState, words: str) -> None:
    give(scene, data, state)
    shown = page(scene, data)
    assert words in shown
    assert 'hx-trigger="every 2s"' in shown
    assert "Look again" not in shown
    whole = client_of(scene.cast.owner).get(at(data.team)).content.decode()
    assert words in whole
    asks = f'id="facts" hx-get="{at(data.team)}?version=2" hx-trigger="every 3s" hx-select="#facts"'
    assert asks in whole
    give(scene, data, ProfileState.FAILED)
    assert asks not in client_of(scene.cast.owner).get(at(data.team)).content.decode()


def test_what_failed_is_said_and_can_be_asked_for_again(scene: Scene, data: Data) -> None:
    give(scene, data, ProfileState.FAILED, fault="Out of memory.")
    assert "Out of memory." in page(scene, data)
    assert "Look again" not in page(scene, data, "reader")
    form = {"version": "2", "path": "tables/a.csv"}
    assert client_of(scene.cast.reader).post(at(data.team, "profile/"), form).status_code == 403
    assert client_of(scene.cast.stranger).post(at(data.team, "profile/"), form).status_code == 404
    answer = client_of(scene.cast.teammate).post(at(data.team, "profile/"), form)
    assert answer.headers["Location"] == at(data.team, "file/?version=2&path=tables%2Fa.csv")
    assert "about to be looked into" in page(scene, data)


def test_other_files_say_what_they_are(scene: Scene, data: Data) -> None:
    members = [{"path": "a/<b>.csv", "size": 2048}]
    found = {"kind": "archive", "format": "zip", "trouble": "It breaks off.", "members": members, "members_count": 5}
    give(scene, data, ProfileState.READY, {**found, "members_bytes": 4096})
    shown = page(scene, data)
    assert "a/&lt;b&gt;.csv" in shown
    assert "4 more are not listed" in shown
    assert "It breaks off." in shown
    assert "<dt>Files inside</dt><dd>5</dd>" in shown


def test_croissant_stands_in_the_page_and_nothing_in_it_gets_out(scene: Scene, data: Data) -> None:
    hostile = "</script><script>alert(1)</script>&<!--"
    actions.change_card(scene.cast.owner, data.team, now=NOW, subtitle="x", card=hostile)
    shown = client_of(scene.cast.owner).get(at(data.team)).content.decode()
    inside = shown.partition('<script type="application/ld+json">')[2].partition("</script>")[0]
    said = json.loads(inside)
    assert said["description"] == hostile
    assert "<" not in inside
    assert said["conformsTo"].endswith("/1.1")
    whole = client_of(scene.cast.reader).get(at(data.team, "croissant/?version=1"))
    assert whole.headers["Content-Type"] == "application/ld+json"
    assert whole.json()["version"] == "1.0.0"
    assert client_of(scene.cast.stranger).get(at(data.team, "croissant/")).status_code == 404


def test_what_would_help_is_for_those_who_can(scene: Scene, data: Data) -> None:
    shown = client_of(scene.cast.owner).get(at(data.bare)).content.decode()
    assert "What would help" in shown
    assert "Bring files." in shown
    reader = client_of(scene.cast.reader).get(at(data.team)).content.decode()
    assert "What would help" not in reader
    assert "of 10" in reader


def first_rows(scene: Scene, data: Data, rest: str) -> list[str]:
    html = client_of(scene.cast.owner).get(at(data.team, f"rows/?version=2&path=tables/a.csv{rest}")).content.decode()
    assert html.startswith('<div id="rows-')
    return re.findall(r"<tr><td[^>]*>(\d+)", html)


def test_first_rows_are_searched_and_sorted(scene: Scene, data: Data) -> None:
    columns = [{"name": "id", "type": "integer"}, {"name": "a & b", "type": "text"}]
    head = [[n, f"word {n % 7} <b>"] for n in range(250)]
    table = {"rows": 4000, "rows_exact": True, "columns_count": 2, "columns": columns, "head": head}
    one_more = {**table, "rows": 250, "head": head[:3]}
    give(scene, data, ProfileState.READY, {"kind": "table", "format": "csv", "tables": [table, one_more]})
    client = client_of(scene.cast.owner)
    assert first_rows(scene, data, "") == [str(n) for n in range(100)]
    assert first_rows(scene, data, "&after=200") == [str(n) for n in range(200, 250)]
    assert first_rows(scene, data, "&q=WORD+241") == ["241"]
    found = first_rows(scene, data, "&q=word&sort=id&desc=1")
    assert found == [str(n) for n in reversed(range(150, 250))]
    assert first_rows(scene, data, "&table=1") == ["0", "1", "2"]
    assert first_rows(scene, data, "&sort=of+another+version") == [str(n) for n in range(100)]
    shown = client.get(at(data.team, "rows/?version=2&path=tables/a.csv&q=24&sort=a+%26+b&desc=1")).content.decode()
    assert "13 among the first 250 rows of 4,000" in shown
    assert 'aria-sort="descending"><a href' in shown
    assert 'q=24&amp;sort=a+%26+b" hx-get' in shown
    assert 'name="sort" value="a &amp; b" form="rows-form-0"' in shown
    assert "<b>" not in shown
    nothing = client.get(at(data.team, "rows/?version=2&path=tables/a.csv&q=nowhere")).content.decode()
    assert "None of the first 250 rows of 4,000" in nothing
    # Without a script it is the page itself that is asked.
    whole = client.get(at(data.team, "file/?version=2&path=tables/a.csv&table=1&q=2+word")).content.decode()
    assert "1 among the first 3 rows of 250" in whole
    assert "1 to 100 of the first 250 rows of 4,000" in whole
    for who, status in ((scene.cast.reader, 200), (scene.cast.stranger, 404), (data.invited, 200)):
        asked = client_of(who).get(at(data.team, "rows/?version=2&path=tables/a.csv"))
        assert asked.status_code == status


def test_numbers_of_rows_are_as_the_file_has_them(scene: Scene, data: Data) -> None:
    columns = [{"name": name, "type": "integer"} for name in ("user_id", "at", "mixed", "none")]
    head = [[1234567, 1700000000.25, "x", None], [None, 12345.0, 20000, None], [True, 1.0, None, None]]
    table = {"rows": 3, "rows_exact": True, "columns_count": 4, "columns": columns, "head": head[:2]}
    other = {**table, "head": head[2:]}
    give(scene, data, ProfileState.READY, {"kind": "table", "format": "csv", "tables": [table, other]})
    get = client_of(scene.cast.owner).get
    shown = get(at(data.team, "rows/?version=2&path=tables/a.csv")).content.decode()
    assert '<tr><td class="num">1234567</td><td class="num">1700000000.25</td><td>x</td><td></td></tr>' in shown
    assert '<td class="num">12345.0</td><td class="num">20000</td>' in shown
    assert [
        name for name in ("user_id", "at", "mixed", "none") if re.search(f'<th class="num"><a [^>]*>{name}<', shown)
    ] == [
        "user_id",
        "at",
    ]
    truth = get(at(data.team, "rows/?version=2&path=tables/a.csv&table=1")).content.decode()
    assert '<tr><td>true</td><td class="num">1.0</td>' in truth


def test_tables_of_two_versions_are_compared(scene: Scene, data: Data) -> None:
    def told(version: int, rows: int, *columns: tuple[str, str]) -> None:
        table = {
            "name": "",
            "rows": rows,
            "columns": [{"name": name, "type": kind} for name, kind in columns],
            "head": [],
        }
        content = storage.put(packed({"tables/a.csv": {"kind": "table", "tables": [table]}}), now=NOW).digest
        rows_of = Profile.objects.filter(version__dataset=data.team, version__number=version)
        assert rows_of.update(state=ProfileState.READY, content=content)

    told(1, 1, ("id", "integer"), ("<b>", "text"))
    client, url = client_of(scene.cast.owner), at(data.team, "compare/?left=1&right=2")
    shown = client.get(url).content.decode()
    assert "version 2 are being looked into" in shown
    assert 'hx-trigger="every 2s"' in shown
    told(2, 12345, ("id", "number"), ("name", "text"))
    part = client.get(at(data.team, "compare/tables/?left=1&right=2")).content.decode()
    assert part.startswith('<section class="card" id="tables"><header>')
    assert "integer, now number" in part
    assert '<span class="tag bad">removed</span> <code>&lt;b&gt;</code> text' in part
    assert '<span class="tag good">added</span> <code>name</code> text' in part
    assert "12,345" in part
    assert part[20:200] in client.get(url).content.decode()


def test_a_look_that_is_missing_is_asked_for_by_those_who_may(scene: Scene, data: Data) -> None:
    profiles, url = Profile.objects.filter(version__dataset=data.team), at(data.team, "compare/?left=1&right=2")
    profiles.delete()
    assert "Version 1 was not looked into" in client_of(scene.cast.reader).get(url).content.decode()
    assert not profiles.exists()
    assert "both versions are being looked into" in client_of(scene.cast.teammate).get(url).content.decode()
    assert set(profiles.values_list("version__number", "state")) == {(1, "waiting"), (2, "waiting")}
    profiles.update(state=ProfileState.FAILED)
    client_of(scene.cast.teammate).get(url)
    assert set(profiles.values_list("state", flat=True)) == {"failed"}, "what failed is not asked for again and again"
