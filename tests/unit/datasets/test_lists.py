"""Lists of files that are themselves sent as chunks."""

import json

import pytest

from studium.datasets import files
from studium.datasets.files import Brought, read_list
from studium.errors import BadInput

ROWS = [Brought("a", 1, "0" * 64, ["1" * 64]), Brought("Größe/b", 0, "2" * 64, [])]
TEXT = b"".join(
    json.dumps({"path": each.path, "size": each.size, "digest": each.digest, "chunks": each.chunks}).encode() + b"\n"
    for each in ROWS
)


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
@pytest.mark.parametrize("text", [TEXT, TEXT.removesuffix(b"\n")])
def test_a_list_is_read_however_it_is_cut(size: int, text: bytes) -> None:
    assert read_list(text[start : start + size] for start in range(0, len(text), size)) == ROWS


def test_no_list_has_no_files() -> None:
    assert read_list([]) == []


@pytest.mark.parametrize(
    "line",
    [b"{", b"3", b"{}", b'{"path": 1, "size": 1, "digest": "", "chunks": []}', b"\xff", b"[" * 100_000,
     b'{"path": "a", "size": "1", "digest": "", "chunks": []}', b'{"path": "a", "size": 1, "digest": "", "chunks": [1]}'],
)  # fmt: skip
def test_what_is_no_list_is_said(line: bytes) -> None:
    with pytest.raises(BadInput, match="Near its line 3"):
        read_list([TEXT + line])


def test_a_list_that_is_too_long_is_not_read_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_LONGEST_LIST", 1000)
    with pytest.raises(BadInput, match="too long"):
        read_list(iter([b"x" * 600, b"x" * 600]))
    monkeypatch.setattr(files, "MOST_FILES", 1)
    with pytest.raises(BadInput, match="too long"):
        read_list([TEXT])
