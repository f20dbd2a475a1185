"""Manifests: the same files are the same bytes, what is written is read again, and what leads out is refused."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factories.accounts import NOW  # noqa: F401 - the settings of the suite come with it
from studium.storage import manifests, stores
from studium.storage.manifests import Entry

digests = st.integers(0, 2**256 - 1).map(lambda number: f"{number:064x}")
names = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/"), min_size=1, max_size=20)
good = names.filter(lambda name: name not in (".", ".."))


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    path = "/".join(draw(st.lists(good, min_size=1, max_size=4)))
    chunks = draw(st.lists(digests, max_size=4))
    whole = chunks[0] if len(chunks) == 1 else draw(digests)
    size = draw(st.integers(1, 2**42)) if chunks else 0
    return Entry(path, size, whole, tuple(chunks), draw(st.integers(0, 2**32 - 1)))


@settings(max_examples=60, deadline=None)
@given(files=st.lists(entries(), min_size=1, max_size=8, unique_by=lambda entry: entry.path), order=st.randoms())
def test_what_is_written_is_read_and_order_changes_nothing(files: list[Entry], order: object) -> None:
    content = manifests.written(files)
    shuffled = list(files)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert manifests.written(shuffled) == content
    assert read(content) == sorted(files, key=lambda entry: entry.path)


def read(content: bytes) -> list[Entry]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stores, "read", lambda digest: content)
        return manifests.read("x")


def test_one_that_is_not_packed_names_blobs() -> None:
    found = read(json.dumps({"files": [{"path": "a", "size": 3, "digest": "d" * 64}]}).encode())
    assert found == [Entry("a", 3, "d" * 64, None)]


@pytest.mark.parametrize("path", ["", ".", "/a", "..", "../a", "a/..", "a/../../b", "//a"])
@pytest.mark.parametrize("packed", [True, False])
def test_a_path_that_leads_out_is_refused(path: str, packed: bool) -> None:
    with pytest.raises(ValueError, match="no path of a tree"):
        read(json.dumps({"files": [{"path": path, "size": 0, "digest": "d" * 64}], "packed": packed}).encode())


@pytest.mark.parametrize("content", [b"", b"[]", b'"x"', b"{}", b'{"files": [3]}', b'{"files": [{}]}', b"\xff"])
def test_what_is_no_manifest_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(ValueError):
        read(content)


def test_the_path_of_an_entry_stays_below_its_folder() -> None:
    entry = read(json.dumps({"files": [{"path": "a//b/./c", "size": 0, "digest": "d" * 64}]}).encode())[0]
    assert (Path("/top") / entry.path).is_relative_to("/top")
