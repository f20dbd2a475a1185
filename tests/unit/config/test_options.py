"""Settings refuse nonsense, derive addresses, and each one is documented."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from studium.config.databases import database
from studium.config.options import Options

PAGE = Path(__file__).parents[3] / "docs" / "operators" / "settings.md"


@pytest.mark.parametrize("name", sorted(Options.model_fields))
def test_every_setting_is_documented(name: str) -> None:
    assert f"`STUDIUM_{name.upper()}`" in PAGE.read_text()


def test_content_has_hosts_of_its_own() -> None:
    options = Options(host="localhost", port=8123)
    assert options.platform_url == "http://localhost:8123"
    assert options.content_url("abc") == "http://abc.localhost:8123"


def test_a_front_with_tls_and_another_domain() -> None:
    options = Options(public_url="https://studium.example.org/", content_domain="studium-content.example")
    assert options.platform_host == "studium.example.org"
    assert options.content_url("abc") == "https://abc.studium-content.example"


@pytest.mark.parametrize(("name", "value"), [("port", 0), ("port", 70000), ("host", "http://x"), ("web_threads", 0)])
def test_nonsense_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError):
        Options(**{name: value})


def test_a_key_is_made_once(tmp_path: Path) -> None:
    first, second = Options(home=tmp_path), Options(home=tmp_path)
    assert first.key("x") == second.key("x") != first.key("y")
    assert (tmp_path / "keys" / "x").stat().st_mode & 0o777 == 0o600


def test_the_edge_derives_the_same_key(tmp_path: Path) -> None:
    from studium.edge.grants import load_keys

    options = Options(home=tmp_path)
    assert load_keys(options.edge_key_file).edge == options.edge_key


def test_databases() -> None:
    assert database("postgresql://u:p%40@db:5433/name", Path("/x"))["PASSWORD"] == "p@"
    assert database("", Path("/x"))["NAME"] == "/x/studium.sqlite3"
    with pytest.raises(ValueError, match="mysql"):
        database("mysql://x/y", Path("/x"))
