"""What is a word, what is asked, what is a tag, and what is shown of a place: pure, for any text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studium.community.tag_names import LONGEST, tag_name
from studium.notebooks.search.asked import MOST_TERMS, Asked, Term, understand
from studium.notebooks.search.contents import BREAK, MOST_CHARACTERS, MOST_WORDS, contents
from studium.notebooks.search.snippets import LENGTH, marked, place_in
from studium.notebooks.search.words import cleaned, words

TEXTS = st.text(max_size=200) | st.text(alphabet='tagbylanguage:"._ -x漢é\u0301\0\ud800', max_size=80)


def said(text: str) -> list[str]:
    return [word.text for word in words(text)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("np.linalg.norm", ["np", "linalg", "norm"]),
        ("read_csv()", ["read", "csv"]),
        ("DataFrame 3D x2", ["dataframe", "3d", "x2"]),
        ("Straße naïve ÉTÉ", ["strasse", "naive", "ete"]),
        ("数据 分析", ["数", "据", "分", "析"]),
        ("… --- !", []),
    ],
)
def test_words(text: str, wanted: list[str]) -> None:
    assert said(text) == wanted


@given(TEXTS)
def test_words_are_alike_wherever_they_stand(text: str) -> None:
    clean = cleaned(text)
    assert "\0" not in clean
    clean.encode()
    for word in words(clean):
        assert word.text == word.text.lower()
        assert word.text.isalnum()
        assert " " not in word.text
        assert said(clean[word.start : word.end]) == [word.text]
        # What was folded and is asked for again is the same word: folding is done once and for all.
        assert "".join(said(word.text)) == word.text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("churn", Asked((Term(("churn",), True),))),
        ("np x", Asked((Term(("np",), False), Term(("x",), False)))),
        ('"a b" c', Asked((Term(("a", "b"), False), Term(("c",), False)))),
        ("np.linalg.norm", Asked((Term(("np", "linalg", "norm"), True),))),
        ("tag:A language:R by:@Maria", Asked((), ("a",), ("r",), ("Maria",))),
        ('tag:"time series"', Asked((), ("time-series",))),
        ('"open end', Asked((Term(("open", "end"), False),))),
        ("other:thing", Asked((Term(("other", "thing"), True),))),
        ("tag:!", Asked(impossible=True)),
        ("?!", Asked(impossible=True)),
        (" \n\t", Asked()),
        ("", Asked()),
    ],
)
def test_understood(text: str, wanted: Asked) -> None:
    assert understand(text) == wanted


@given(st.text(max_size=2000) | TEXTS)
def test_any_text_means_something_bounded(text: str) -> None:
    asked = understand(text)
    parts = [*asked.terms, *asked.tags, *asked.languages, *asked.people]
    assert len(parts) <= MOST_TERMS
    assert all(term.words and all(word.isalnum() for word in term.words) for term in asked.terms)
    assert "\0" not in "".join([*asked.languages, *asked.people])
    assert asked.empty == (not text[:300].strip() or not cleaned(text[:300]).strip())


@given(TEXTS, TEXTS)
def test_what_is_shown_is_of_the_text(body: str, text: str) -> None:
    clean = cleaned(body).replace(BREAK, " ")
    terms = understand(text).terms
    together = "".join(part.text for part in marked(clean, terms))
    assert together.split() == clean.split()
    place = place_in(BREAK.join([clean, "second cell"]), "cm", terms)
    if place is not None:
        shown = "".join(part.text for part in place.parts)
        assert len(shown) <= LENGTH + 4
        assert all(
            part.text in clean + "second cell" or part.text.strip("… ") == "" or " " in part.text
            for part in place.parts
        )
        assert bool(terms) <= any(part.hit for part in place.parts)


def test_the_cell_with_most_of_it_is_shown() -> None:
    body = BREAK.join(["alpha", "", "beta", "alpha beta " + "x " * 500, "alpha beta"])
    place = place_in(body, "cmmcc", understand("alpha beta").terms)
    assert place is not None
    assert (place.cell, place.kind) == (4, "code")
    assert place.parts[-1].text == " …"
    assert place_in(body, "cmmcc", understand("gamma").terms) is None
    later = place_in("y " * 300 + "\nfound it here", "c", understand("found").terms)
    assert later is not None
    assert [part.text for part in later.parts] == ["… ", "found", " it here"]


@given(st.text(max_size=60))
def test_a_tag_is_written_in_one_way(text: str) -> None:
    name = tag_name(text)
    assert tag_name(name) == name
    assert tag_name(text.upper()) == tag_name(text.lower()) or len(text.upper()) != len(text)
    assert len(name) <= LONGEST
    assert not any(char.isspace() for char in name)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Time Series", "time-series"),
        ("#C++", "c++"),
        ("Zürich", "zürich"),
        ("a_b.c", "a_b.c"),
        ("--", ""),
        ("<b>", "b"),
    ],
)
def test_tags(text: str, wanted: str) -> None:
    assert tag_name(text) == wanted


def test_contents_are_bounded_and_keep_the_numbers_of_cells() -> None:
    cells = [
        {"cell_type": kind, "source": source} for kind, source in (("code", "a"), ("markdown", ""), ("raw", "b\fc"))
    ]
    found = contents(json.dumps({"nbformat": 4, "metadata": {}, "cells": cells}).encode())
    assert found.body.split(BREAK) == ["a", "", "b c"]
    assert found.kinds == "cmr"
    many = [{"cell_type": "code", "source": "word " * 5000} for _ in range(9)]
    found = contents(json.dumps({"nbformat": 4, "metadata": {}, "cells": many}).encode())
    assert len(found.body) <= MOST_CHARACTERS + len(found.kinds)
    assert len(said(found.body)) <= MOST_WORDS
