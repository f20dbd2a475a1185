"""Search: what is indexed, what is found by what, and that nothing of it reaches who may not read it."""

import json

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from factories.accounts import NOW, Cast, make_user
from factories.notebooks import make_notebook, notebook_json
from studium.errors import BadInput
from studium.notebooks import actions as notebooks
from studium.notebooks.access import visible_to
from studium.notebooks.models import Notebook, SearchCache, Tag
from studium.notebooks.search import index
from studium.notebooks.search.actions import keep
from studium.notebooks.search.asked import understand
from studium.notebooks.search.contents import LAYOUT, Contents
from studium.notebooks.search.queries import Found, search
from studium.notebooks.search.reconcile import LATELY, index_changed, index_lately
from studium.notebooks.sharing import actions as sharing
from studium.notebooks.states import SharedRole, Visibility
from studium.notebooks.tags.actions import change_tags, set_tags
from studium.notebooks.tags.queries import tags_of, used_tags
from studium.storage import actions as storage

CODE = "import numpy as np\nscore = np.linalg.norm(my_frame.read_csv('a.csv'))"


def titles(found: Found) -> list[str]:
    return [hit.notebook.title for hit in found.hits]


def made(cast: Cast, title: str, *sources: str, visibility: Visibility = Visibility.TEAM) -> Notebook:
    return make_notebook(cast.owner, cast.team, title, content=notebook_json(*sources), visibility=visibility)


@pytest.fixture
def churn(cast: Cast) -> Notebook:
    notebook = made(cast, "Churn models", CODE, "# Vorhersage für Zürich\nnaïve 数据分析", "print('tail')")
    set_tags(cast.owner, notebook, ["Time-Series"], now=NOW)
    made(cast, "Other", "nothing of it")
    assert index_changed(NOW) == 2
    return notebook


@pytest.mark.parametrize(
    "text",
    [
        "churn",
        "CHUR",
        "models churn",
        "np.linalg.norm",
        "linalg",
        "my_frame.read_csv",
        "frame",
        "read_csv",
        "norm(my_frame",
        '"import numpy as np"',
        '"linalg norm"',
        "zurich",
        "ZÜRICH",
        "naive",
        "数据",
        "分析",
        "time-series",
        "series",
        "tag:time-series",
        "tag:TIME-SERIES churn",
        'tag:"time series"',
        "language:Python tail",
        "churn linalg zurich tail series",
        "churn (",
        '"churn',
    ],
)
def test_found(cast: Cast, churn: Notebook, text: str) -> None:
    assert titles(search(cast.owner, text)) == ["Churn models"]


@pytest.mark.parametrize(
    "text",
    [
        "hurn",
        "churn absent",
        '"norm linalg"',
        '"models import"',
        '"csv vorhersage"',
        '"churn mod"',
        "tag:time",
        "tag:...",
        "language:r",
        "by:nobody",
        '"',
        "*",
        "AND",
        "' OR 1=1 --",
        "title:churn",
        "数析",
        "\0",
        "",
    ],
)
def test_not_found(cast: Cast, churn: Notebook, text: str) -> None:
    assert titles(search(cast.owner, text)) == []


def test_a_name_finds_what_somebody_made(cast: Cast, churn: Notebook) -> None:
    assert set(titles(search(cast.owner, f"by:{cast.owner.username}"))) == {"Churn models", "Other"}
    assert titles(search(cast.owner, f"by:@{cast.owner.username.upper()} norm")) == ["Churn models"]


def test_a_hit_says_where_it_is(cast: Cast, churn: Notebook) -> None:
    (hit,) = search(cast.owner, "np.linalg.norm").hits
    assert hit.place is not None
    assert (hit.place.cell, hit.place.kind) == (1, "code")
    assert [part.text for part in hit.place.parts if part.hit] == ["np.linalg.norm"]
    (hit,) = search(cast.owner, "churn").hits
    assert [part.text for part in hit.title if part.hit] == ["Churn"]
    assert hit.place is None


def test_titles_count_most(cast: Cast) -> None:
    made(cast, "Long", "weather " * 3 + "word " * 200)
    made(cast, "Weather", "x")
    index_changed(NOW)
    assert titles(search(cast.owner, "weather")) == ["Weather", "Long"]


def test_of_very_many_the_newest_and_those_with_it_in_the_title_are_ranked(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "MOST_RANKED", 2)
    for title in ("Weather", "Old", "New", "Newer"):
        made(cast, title, "weather")
        index_changed(NOW)
    assert titles(search(cast.owner, "weather"))[0] == "Weather"
    assert set(titles(search(cast.owner, "weather"))) == {"Weather", "New", "Newer"}


def test_what_changes_is_found_and_what_went_is_not(cast: Cast, churn: Notebook) -> None:
    notebooks.replace_document(cast.owner, churn, notebook_json("fresh = 1"), now=NOW)
    notebooks.update_notebook(cast.owner, churn, now=NOW, title="Renamed")
    later = NOW + LATELY
    assert index_lately(later) == 0, "that is no longer lately"
    assert index_lately(NOW) == 1
    assert index_changed(later) == 0
    change_tags(cast.owner, churn, now=NOW, add=["new"], remove=["time-series"])
    for text in ("fresh", "renamed", "new", "tag:new"):
        assert titles(search(cast.owner, text)) == ["Renamed"]
    for text in ("linalg", "churn", "tag:time-series", "series"):
        assert titles(search(cast.owner, text)) == []


def test_a_deleted_notebook_is_gone_at_once(cast: Cast, churn: Notebook) -> None:
    notebooks.delete_notebook(cast.owner, churn, now=NOW)
    assert not SearchCache.objects.filter(notebook=churn).exists()
    assert titles(search(cast.owner, "churn")) == []
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM notebooks_search")
            assert cursor.fetchone() == (1,)


def test_one_that_was_read_while_it_was_deleted_is_not_kept(cast: Cast, churn: Notebook) -> None:
    notebooks.delete_notebook(cast.owner, churn, now=NOW)
    assert not keep(churn, Contents("left over", "c"))
    SearchCache.objects.create(notebook=churn, document="x", title="x", layout=LAYOUT, body="left over", kinds="c")
    assert index_changed(NOW) == 1
    assert not SearchCache.objects.filter(notebook=churn).exists()


def test_the_cache_is_made_anew_from_nothing_and_of_an_older_layout(cast: Cast, churn: Notebook) -> None:
    SearchCache.objects.all().delete()
    assert titles(search(cast.owner, "linalg")) == []
    assert index_changed(NOW) == 2
    assert titles(search(cast.owner, "linalg")) == ["Churn models"]
    SearchCache.objects.update(layout=LAYOUT - 1)
    assert index_changed(NOW) == 2


def test_hostile_documents_are_found_by_their_title_and_hold_nobody_up(cast: Cast) -> None:
    made(cast, "Good", "findme")
    hostile = made(cast, "Broken", "x")
    deep = b"[" * 100_000
    nul = json.dumps(
        {"nbformat": 4, "metadata": {}, "cells": [{"cell_type": "code", "source": "nul\0here \ud800 end"}]}
    )
    for content in (b"\xff\xfe no json", deep, nul.encode()):
        blob = storage.put(content, now=NOW)
        Notebook.objects.filter(pk=hostile.pk).update(document=blob.digest)
        assert index_changed(NOW)
        assert titles(search(cast.owner, "broken")) == ["Broken"]
        assert titles(search(cast.owner, "findme")) == ["Good"]
    assert titles(search(cast.owner, "nul here end")) == ["Broken"]
    gone = Notebook.objects.filter(pk=hostile.pk)
    gone.update(document="0" * 64)
    assert index_changed(NOW) == 1
    assert titles(search(cast.owner, "broken")) == ["Broken"]


def test_a_large_document_is_read_in_the_bounded_child_and_cut(cast: Cast) -> None:
    words = " ".join(f"w{n}" for n in range(30_000))
    made(cast, "Large", "first", words, "x = 1 # " + "y" * 2_000_000, "last")
    index_changed(NOW)
    assert titles(search(cast.owner, "first w15000")) == ["Large"]
    assert titles(search(cast.owner, '"w15000 w15001"')) == ["Large"]
    assert titles(search(cast.owner, "w29999")) == []
    assert len(SearchCache.objects.get().body) <= 200_000


# Leaks: one notebook of each visibility holds the word, and one is shared. Who finds which?
FINDS = {
    "owner": {"private", "team", "public", "shared"},
    "teammate": {"team", "public"},
    "reader": {"team", "public"},
    "stranger": {"public"},
    "collaborator": {"public", "shared"},
}


@pytest.mark.parametrize("who", FINDS)
@pytest.mark.parametrize("text", ["secretword", "hidden", "tag:covert", "by:{owner}", '"secretword stands"'])
def test_nobody_finds_what_they_may_not_read(cast: Cast, who: str, text: str) -> None:
    person = make_user() if who == "collaborator" else getattr(cast, who)
    for name in ("private", "team", "public", "shared"):
        visibility = Visibility.PRIVATE if name == "shared" else Visibility(name)
        notebook = made(cast, f"hidden {name}", "secretword stands here", visibility=visibility)
        set_tags(cast.owner, notebook, ["covert"], now=NOW)
        if name == "shared" and who == "collaborator":
            sharing.share(cast.owner, notebook, person, SharedRole.READER, now=NOW)
    index_changed(NOW)
    wanted = {f"hidden {name}" for name in FINDS[who]}
    asked = text.format(owner=cast.owner.username)
    found = search(person, asked)
    assert set(titles(found)) == wanted
    assert found.following == 0
    paged = []
    for offset in range(len(wanted)):
        page = search(person, asked, offset=offset, limit=1)
        paged += titles(page)
        assert page.following == (offset + 1 if offset + 1 < len(wanted) else 0), "no page tells of more than there is"
    assert sorted(paged) == sorted(wanted)
    assert dict(used_tags(visible_to(person))).get("covert", 0) == len(wanted)
    assert search(person, asked, which="public").hits[0].notebook.visibility == "public"


def test_a_deactivated_person_finds_nothing(cast: Cast, churn: Notebook) -> None:
    cast.owner.is_active = False
    assert titles(search(cast.owner, "churn")) == []


def test_offsets_beyond_all_are_empty(cast: Cast, churn: Notebook) -> None:
    for offset in (-1, 1, 999, 1000, 10**9):
        assert search(cast.owner, "churn", offset=offset) == Found([], 0)


@pytest.mark.django_db
@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(['"', "tag:", "a*", "^", "NEAR(", "'", "\\", ":*", "&", "<->", "x"])).map("".join)
)
def test_no_text_is_an_error(text: str) -> None:
    asked = understand(text)
    if asked.terms:
        assert index.matching(Notebook.objects.all(), asked.terms, offset=0, limit=5) == []


def test_tags_are_set_changed_and_bounded(cast: Cast, notebook: Notebook) -> None:
    assert change_tags(cast.owner, notebook, now=NOW, add=["Zeitreihe Ö", "#C++", "c++"]) == ["c++", "zeitreihe-ö"]
    assert change_tags(cast.owner, notebook, now=NOW, add=["b"], remove=["C++", "none"]) == ["b", "zeitreihe-ö"]
    assert set_tags(cast.owner, notebook, ["only"], now=NOW) == ["only"]
    assert tags_of([notebook]) == {notebook.pk: ["only"]}
    with pytest.raises(BadInput):
        change_tags(cast.owner, notebook, now=NOW, add=[f"t{n}" for n in range(10)])
    with pytest.raises(BadInput):
        change_tags(cast.owner, notebook, now=NOW, add=["..."])
    assert Tag.objects.count() == 1
