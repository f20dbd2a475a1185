"""What a server's Git LFS says is read strictly, and files of a workspace are opened where they stand."""

import io
import json
import os
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from studium.outbound import spelling
from unit.environments.inside_modules import load

sys.modules.setdefault("spelling", spelling)
for needed in ("fetch_errors", "fetch_calls", "fetch_names", "fetch_urls", "git_clean", "git_tree", "lfs_pointer"):
    load(needed)
batch, files = load("lfs_batch"), load("workspace_file")
content, sending = load("lfs_content"), load("send_lfs")
Pointer, FetchError = sys.modules["lfs_pointer"].Pointer, sys.modules["fetch_errors"].FetchError
A, B = Pointer("a" * 64, 5), Pointer("b" * 64, 7)
Remote = sys.modules["git_clean"].Remote


def server(url: str = "https://git.example.org/r.git", **variables: str) -> Any:
    return batch.Batch(Remote(url, "http://127.0.0.1:9", variables), seconds=1, pause=0)


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"{", b"null", b"[]", b"7", b'"objects"', b"{}", b'{"objects": null}', b'{"objects": 7}', b'{"objects": [7]}',
        b'{"objects": [{}]}', b'{"objects": ["oid"]}', b'{"objects": [[]]}', b"\xff\xfe", b'{"objects": [{"oid": ' + b"9" * 9999,
        b"[" * 100_000, b'{"objects": {"oid": 1}}',
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_refused(answer: bytes) -> None:
    with pytest.raises(FetchError) as refused:
        batch._understood(answer, [A])
    assert refused.value.code == "git.lfs"


def test_each_has_what_was_told_of_it_in_the_order_of_asking() -> None:
    objects = [{"oid": B.oid, "n": 1}, {"oid": "c" * 64, "n": 2}, {"oid": B.oid, "n": 3}]
    told = batch._understood(json.dumps({"objects": objects}).encode(), [A, B])
    assert [each for each, _ in told] == [A, B]
    assert told[1][1]["n"] == 3
    assert sending._is_lacking(told[0][1]), "a server that says nothing of a file does not have it"


def test_no_other_way_of_transfer_is_taken() -> None:
    with pytest.raises(FetchError):
        batch._understood(b'{"transfer": "tus", "objects": []}', [])
    assert batch._understood(b'{"transfer": "basic", "objects": []}', []) == []


@pytest.mark.parametrize(
    ("told", "lacking"),
    [
        ({}, False),
        ({"actions": None}, False),
        ({"actions": {}}, False),
        ({"actions": {"verify": {}}}, False),
        ({"actions": {"upload": {}}}, True),
        ({"actions": {"upload": None}}, True),
        ({"actions": []}, True),
        ({"actions": "none"}, True),
        ({"actions": 0}, True),
        ({"error": {}}, True),
        ({"error": ""}, True),
        ({"error": False, "actions": {}}, True),
    ],
)
def test_only_a_plain_answer_says_that_the_server_has_it(told: dict[str, Any], lacking: bool) -> None:
    assert sending._is_lacking(told) is lacking


def test_headers_are_those_that_a_file_may_want() -> None:
    given: dict[Any, Any] = {
        "Authorization": "x", "X-Amz-Date": "y", "host": "h", "Content-Length": "1", "CONNECTION": "close",
        "Transfer-Encoding": "chunked", "Proxy-Authorization": "p", "Expect": "100-continue", "Bad name": "x", "X-Line": "a\nb",
        "X-Long": "x" * 9000, "X-É": "x", "X-Letter": "é", "X-Number": 7, 3: "x",
    }  # fmt: skip
    action = server().action({"href": "https://a.example/x", "header": given})
    assert action.headers == {"Authorization": "x", "X-Amz-Date": "y", "X-Number": "7", "3": "x"}
    assert action.chunked
    assert not server().action({"href": "https://a.example/x", "header": ["Transfer-Encoding"]}).chunked
    many = {f"X-{number}": "x" for number in range(1000)}
    assert len(server().action({"href": "https://a.example/x", "header": many}).headers) == 30


@pytest.mark.parametrize(
    ("href", "fine"),
    [
        ("https://elsewhere.example/x?sig=1", True),
        ("http://git.example.org/x", False),
        ("http://git.internal:8080/x", True),
        ("http://git.internal:8081/x", False),
        ("//elsewhere.example/x", False),
        ("https://u@elsewhere.example/x", False),
        ("", False),
        (None, False),
    ],
)
def test_addresses_are_reached_by_https_or_are_the_servers_own(href: str | None, fine: bool) -> None:
    asked = server("http://git.internal:8080/r.git")
    if fine:
        assert asked.action({"href": href}).target.url == href
    else:
        with pytest.raises(FetchError):
            asked.action({"href": href})


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://git.example.org/r.git", True),
        ("https://GIT.example.org:443/other", True),
        ("http://git.example.org/r.git", False),
        ("https://git.example.org:8443/r.git", False),
        ("https://evil.example.org/r.git", False),
    ],
)
def test_the_secret_is_for_the_repositorys_own_server(url: str, shown: bool) -> None:
    given = {"STUDIUM_GIT_URL": "https://git.example.org/r.git", "STUDIUM_GIT_SECRET": "T", "T": "secret"}
    assert bool(server(url, **given)._secret()) is shown


@pytest.mark.parametrize("size", [1, 10, 1 << 20, (1 << 20) + 1, 3 << 20])
def test_nothing_but_the_content_is_ever_whole(size: int) -> None:
    whole = os.urandom(size)
    pointer = Pointer(sha256(whole).hexdigest(), size)
    assert b"".join(content.pieces(io.BytesIO(whole), pointer)) == whole
    for other in (whole[:-1], whole + b"!", whole[:-1] + bytes([whole[-1] ^ 1]), bytes([whole[0] ^ 1]) + whole[1:]):
        came: list[bytes] = []
        with pytest.raises(content.ChangedError):
            came.extend(content.pieces(io.BytesIO(other), pointer))
        assert sum(map(len, came)) < size


def test_only_plain_files_below_the_workspace_open(tmp_path: Path) -> None:
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    (tree / "a").mkdir(parents=True)
    outside.mkdir()
    for place in (tree / "a/plain", outside / "plain"):
        place.write_bytes(b"x")
    (tree / "link").symlink_to(outside / "plain")
    (tree / "within").symlink_to("a/plain")
    (tree / "folder").symlink_to(outside)
    os.mkfifo(tree / "pipe")

    def opens(path: str) -> bool:
        with files.plain_file(tree, path) as stream:
            return stream is not None and stream.read() == b"x"

    assert opens("a/plain")
    for path in ("link", "within", "folder/plain", "pipe", "a", "", "none", "a/../a/plain", "../outside/plain",
                 "/a/plain", "a//plain", "./a/plain", "a/plain/", "a\0", str(outside / "plain")):  # fmt: skip
        assert not opens(path), path
    before = len(os.listdir("/proc/self/fd"))
    for path in ("a/plain", "folder/plain", "pipe", "a", "none"):
        opens(path)
    assert len(os.listdir("/proc/self/fd")) == before
