"""Answers become dataclasses: tolerant of a newer server, strict about what this client needs."""

from datetime import UTC, datetime

import pytest

from studium.client import ApiError, StudiumClientError
from studium.client.decode import decode, encode
from studium.client.shapes import Invitation, LogPart, Page, Team, Waited
from studium.client.transport import clean_url, is_local

TEAM = {"slug": "lab", "name": "Lab", "personal": False, "role": "owner", "plan": "open"}


def test_fields_of_a_newer_server_are_ignored() -> None:
    assert decode(Team, {**TEAM, "colour": "blue"}).slug == "lab"


@pytest.mark.parametrize(
    "data",
    [
        {},
        {**TEAM, "personal": "no"},
        {**TEAM, "name": None},
        [],
        None,
        "text",
        {k: v for k, v in TEAM.items() if k != "plan"},
    ],
)
def test_what_is_missing_or_wrong_is_said(data: object) -> None:
    with pytest.raises(ApiError) as caught:
        decode(Team, data)
    assert caught.value.code == "client.not_understood"


def test_the_missing_field_is_named() -> None:
    with pytest.raises(ApiError, match=r"Team\.name is missing"):
        decode(Team, {"slug": "lab"})


def test_pages_lists_nothing_and_times() -> None:
    page = decode(Page[Team], {"items": [TEAM, TEAM], "next_cursor": ""})
    assert [team.slug for team in page.items] == ["lab", "lab"]
    assert decode(list[Team], [TEAM])[0].name == "Lab"
    wait = {"place": None, "expected_at": "2026-03-04T12:00:00Z", "at_most_at": None}
    waited = decode(Waited, {**wait, "reason": "", "waits_for": "", "words": ""})
    assert waited.expected_at == datetime(2026, 3, 4, 12, tzinfo=UTC)


def test_encoding_is_the_inverse() -> None:
    data = {
        "id": 1, "role": "member", "email": "", "created_by": "ann", "created_at": "2026-03-04T12:00:00Z",
        "expires_at": "2026-03-11T12:00:00.250000Z", "url": "",
    }  # fmt: skip
    assert encode(decode(Invitation, data)) == data
    assert encode([LogPart(text="a", offset=0, next_offset=1, ended=False)])[0]["text"] == "a"


@pytest.mark.parametrize(
    ("given", "clean"),
    [
        ("http://localhost:8000", "http://localhost:8000"),
        ("localhost:8000/notebooks/", "http://localhost:8000"),
        (" https://studium.example.org/ ", "https://studium.example.org"),
    ],
)
def test_addresses_are_made_clean(given: str, clean: str) -> None:
    assert clean_url(given) == clean


@pytest.mark.parametrize("given", ["", "ftp://host", "http://", "http://user:secret@host", "http://host:port"])
def test_addresses_that_are_none(given: str) -> None:
    with pytest.raises(StudiumClientError):
        clean_url(given)


def test_only_localhost_is_this_machine() -> None:
    assert is_local("localhost")
    assert is_local("a.b.localhost")
    assert not is_local("localhost.example.org")
    assert not is_local("notlocalhost")
