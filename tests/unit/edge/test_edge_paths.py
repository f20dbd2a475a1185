"""Reading paths: every spelling of a forbidden path is seen, and honest ones are left alone."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studium.edge import paths
from studium.edge.wsproxy import sendable


def spelled(draw: st.DrawFn, path: str) -> str:
    """Some spelling of a path: encoded at random, once or more, with empty and dot parts, in any case."""
    parts: list[str] = []
    for part in path.split("/")[1:]:
        parts += draw(st.lists(st.sampled_from(["", ".", "x/.."]), max_size=2))
        letters = []
        for letter in part:
            written = letter.upper() if draw(st.booleans()) else letter
            for _ in range(draw(st.integers(0, 2))):
                written = "".join(f"%{ord(character):02x}" for character in written)
            letters.append(written)
        parts.append("".join(letters) + draw(st.sampled_from(["", ";a=b"])))
    return draw(st.sampled_from(["/", "//", "/%2f", "\\", "/%5c"])) + "/".join(parts)


@st.composite
def terminals(draw: st.DrawFn) -> str:
    return spelled(draw, draw(st.sampled_from(["/api/terminals", "/terminals/websocket/1", "/base/api/terminals/x"])))


@st.composite
def internals(draw: st.DrawFn) -> str:
    return spelled(draw, draw(st.sampled_from(["/-", "/-/edge/resolve", "/-/x"])))


@given(terminals())
def test_every_spelling_of_a_terminal_is_seen(path: str) -> None:
    assert paths.is_terminal(path)


@given(internals())
def test_every_spelling_of_an_internal_path_is_seen(path: str) -> None:
    assert paths.is_internal(path)


@pytest.mark.parametrize(
    "path", ["/", "/lab", "/api/contents/terminals.ipynb", "/api/kernels", "/a/-/b", "/-x", "/lab/tree/%C3%A9"]
)
def test_honest_paths_are_left_alone(path: str) -> None:
    assert not paths.is_terminal(path)
    assert not paths.is_internal(path)
    assert not paths.climbs(path)


@pytest.mark.parametrize("path", ["/..", "/a/../b", "/%2e%2e/x", "/%252e./x", "/..;a/x", "/a\\..\\b", "/%25252525252e"])
def test_climbing_is_seen(path: str) -> None:
    assert paths.climbs(path)


@given(st.text())
def test_a_local_path_cannot_name_another_host(text: str) -> None:
    if paths.is_local(text):
        assert text.startswith("/")
        assert not text.startswith("//")
        assert "\\" not in text
        assert text == quote(text, safe="".join(chr(code) for code in range(0x21, 0x7F)))


@given(st.integers(-1, 70_000) | st.none())
def test_a_close_code_is_one_that_may_be_sent(code: int | None) -> None:
    sent = sendable(code)
    assert 1000 <= sent <= 1014 or 3000 <= sent <= 4999
    assert sent not in (1004, 1005, 1006)


@pytest.mark.parametrize(
    ("path", "logged"),
    [
        ("/login/link/kP3-_x9Qw7LmZr5TnB2vYc8d/", "/login/link/.../"),
        ("/join/kP3-_x9Qw7LmZr5TnB2vYc8dAAAA/", "/join/.../"),
        (
            "/accounts/password/reset/key/1-c3j5xd-0123456789abcdef0123456789abcdef/",
            "/accounts/password/reset/key/.../",
        ),
        ("/runs/abcdefghijkl/log/", "/runs/abcdefghijkl/log/"),
        ("/notebooks/team/my-notebook/", "/notebooks/team/my-notebook/"),
    ],
)
def test_secrets_in_paths_stay_out_of_the_log(path: str, logged: str) -> None:
    assert paths.loggable(path) == logged
