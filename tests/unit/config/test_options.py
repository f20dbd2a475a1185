"""Settings refuse nonsense, derive addresses, and each one is documented."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from studium.config.databases import database
from studium.config.options import Options, options
from studium.errors import BadInput

PAGE = Path(__file__).parents[3] / "docs" / "operators" / "settings.md"


@pytest.mark.parametrize("name", sorted(Options.model_fields))
def test_every_setting_is_documented(name: str) -> None:
    assert f"`STUDIUM_{name.upper()}`" in PAGE.read_text()


def test_content_has_hosts_of_its_own() -> None:
    made = Options(host="localhost", port=8123)
    assert made.platform_url == "http://localhost:8123"
    assert made.content_url("abc") == "http://abc.localhost:8123"


def test_a_front_with_tls_and_another_domain() -> None:
    made = Options(public_url="https://studium.example.org/", content_domain="studium-content.example")
    assert made.platform_host == "studium.example.org"
    assert made.content_url("abc") == "https://abc.studium-content.example"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", 0),
        ("port", 70000),
        ("host", "http://x"),
        ("web_threads", 0),
        ("google_token_url", "oauth2.googleapis.com"),
    ],
)
def test_nonsense_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError):
        Options(**{name: value})


def test_a_wrong_setting_is_a_sentence_that_does_not_say_what_was_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STUDIUM_HOME", str(tmp_path))
    monkeypatch.setenv("STUDIUM_PORT", "a-password-in-the-wrong-place")
    with pytest.raises(BadInput) as caught:
        options.__wrapped__()
    said = f"{caught.value.message} {caught.value.next_step}"
    assert said.startswith("STUDIUM_PORT is wrong: Input should be a valid integer")
    assert f"{tmp_path}/studium.env" in said
    assert "a-password" not in said


def test_a_key_is_made_once(tmp_path: Path) -> None:
    first, second = Options(home=tmp_path), Options(home=tmp_path)
    assert first.key("x") == second.key("x") != first.key("y")
    assert (tmp_path / "keys" / "x").stat().st_mode & 0o777 == 0o600


def test_the_edge_derives_the_same_key(tmp_path: Path) -> None:
    from studium.edge.grants import load_keys

    made = Options(home=tmp_path)
    assert load_keys(made.edge_key_file).edge == made.edge_key


def test_databases() -> None:
    assert database("postgresql://u:p%40@db:5433/name", Path("/x"))["PASSWORD"] == "p@"
    assert database("", Path("/x"))["NAME"] == "/x/studium.sqlite3"
    with pytest.raises(ValueError, match="mysql"):
        database("mysql://x/y", Path("/x"))
