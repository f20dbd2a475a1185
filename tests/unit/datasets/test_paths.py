"""Paths and files that people bring: what could not lie below one folder is refused, what is merely odd is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories.datasets import sha256
from studium.datasets import files
from studium.datasets.files import Brought, check_paths, entries
from studium.errors import BadInput
from studium.storage.chunks.queries import Place

PLACES = {sha256(b"abc"): Place("b", 0, 3), sha256(b"de"): Place("b", 3, 2)}


@pytest.mark.parametrize(
    "path",
    [
        "", ".", "..", "/", "/etc/passwd", "a/", "a//b", "a/./b", "./a", "../a", "a/..", "a/../b", "a\x00b", "a\nb", "a\tb",
        "\x7f", "a\x85b", "\ud800", "a/\udfff.csv", "x" * 256, "é" * 128, "/".join("d" * 51), "/".join(["d" * 200] * 6),
        "/".join(["d" * 170] * 6),
    ],
)  # fmt: skip
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(BadInput) as refused:
        check_paths(["good", path])
    assert refused.value.code == "dataset.path"
    str(refused.value).encode()  # can be shown whatever the path was


@pytest.mark.parametrize(
    "path",
    [
        "a", "...", "..a", "a..", ".hidden", " ", "a b/c d.csv", "größe/数据/🙂.csv", "e\u0301", "\u00e9", "a\\b", "C:", "con",
        "-rf", "a'b\"c<d>", "%2e%2e", "\u202egnp.exe", "x" * 255, "é" * 127, "/".join("d" * 50), "/".join(["d" * 203] * 5),
    ],
)  # fmt: skip
def test_what_is_merely_odd_is_taken(path: str) -> None:
    check_paths([path])


def test_two_that_exclude_each_other_are_refused() -> None:
    for paths in (["a", "a"], ["a/b", "a"], ["a", "a/b/c"], ["a/b", "a/b/c/d", "z"]):
        with pytest.raises(BadInput):
            check_paths(paths)
    check_paths(["a", "A", "a.b", "b/a", "B/a", "a b", "e\u0301", "\u00e9"])


def test_none_and_too_many_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="at least one"):
        check_paths([])
    monkeypatch.setattr(files, "MOST_FILES", 2)
    check_paths(["a", "b"])
    with pytest.raises(BadInput, match="at most 2"):
        check_paths(["a", "b", "c"])


@given(st.lists(st.text(alphabet="ab/.", max_size=6), min_size=1, max_size=6))
def test_what_is_taken_can_be_laid_down(paths: list[str]) -> None:
    """Whatever passes names as many files below one folder: told by putting them into one."""
    try:
        check_paths(paths)
    except BadInput:
        return
    tree: dict[str, object] = {}
    for path in paths:
        *folders, name = path.split("/")
        here = tree
        for folder in folders:
            assert folder not in ("", ".", "..")
            below = here.setdefault(folder, {})
            assert isinstance(below, dict)
            here = below
        assert name not in here
        assert name not in ("", ".", "..")
        here[name] = b""


def brought(size: int, digest: str, *chunks: str) -> Brought:
    return Brought("a.csv", size, digest, chunks)


def test_files_are_what_their_chunks_make() -> None:
    one, two = PLACES
    whole = sha256(b"abcde")
    found = entries(
        [brought(5, whole, one, two), brought(3, one, one), brought(0, sha256(b"")), brought(6, whole, one, one)],
        PLACES,
    )
    assert [each.size for each in found] == [5, 3, 0, 6]


@pytest.mark.parametrize(
    "given",
    [
        brought(4, sha256(b"abcde"), *PLACES),
        brought(6, sha256(b"abcde"), *PLACES),
        brought(3, sha256(b"other"), sha256(b"abc")),
        brought(0, sha256(b"abc")),
        brought(1, sha256(b"")),
        brought(-3, sha256(b"abc"), sha256(b"abc")),
        brought(5, "", *PLACES),
        brought(5, sha256(b"abcde").upper(), *PLACES),
        brought(5, sha256(b"abcde") + "\n", *PLACES),
        brought(5, '"\r\nSet-Cookie: a=b', *PLACES),
    ],
)
def test_files_that_are_not_what_is_said_are_refused(given: Brought) -> None:
    with pytest.raises(BadInput):
        entries([given], PLACES)
