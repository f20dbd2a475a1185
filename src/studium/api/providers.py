"""Storage providers of teams: made, tested, looked through, and their files read and written."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from ninja import Path, Query, Router, Status

from studium.accounts.states import Scope
from studium.api.auth import ApiRequest, allow
from studium.api.long_answers import LongAnswer
from studium.api.notebooks import RAW
from studium.api.serving import served
from studium.api.shapes.providers import (
    NewProvider,
    ProviderEntry,
    ProviderListing,
    ProviderSettings,
    ProviderShape,
    ProviderStep,
    ProviderTest,
)
from studium.errors import BadInput
from studium.lib import clock
from studium.lib.units import size_words
from studium.storage.providers import actions, files, queries, testing
from studium.storage.providers.access import provider_for, team_with_providers
from studium.storage.providers.remote import Entry, tag

router = Router(tags=["providers"])
_ALL = "/teams/{slug}/providers"
_ONE = _ALL + "/{name}"
_FILE = _ONE + "/files/{path:path}"
_BYTES = {"requestBody": {"required": True, "content": {"application/octet-stream": RAW}}}
_PIECE = 1024 * 1024
# One that breaks off is sent again from its beginning, and holds one of few threads meanwhile.
MOST_BYTES = 5 * 1024**3


@router.get(_ALL, response=list[ProviderShape], auth=allow(Scope.READ), summary="Storage providers of a team")
def listing(request: ApiRequest, slug: str) -> list[ProviderShape]:
    """By name, for members."""
    return [ProviderShape.of(row) for row in queries.of_team(team_with_providers(request.auth.user, slug))]


@router.post(_ALL, response={201: ProviderShape}, auth=allow(Scope.TEAM), summary="Make a provider")
def make(request: ApiRequest, slug: str, body: NewProvider) -> Status[ProviderShape]:
    """Its server is not asked: test it afterwards."""
    user = request.auth.user
    team = team_with_providers(user, slug)
    return Status(201, ProviderShape.of(actions.make_provider(user, team, body.name, body.wanted(), now=clock.now())))


@router.get(_ONE, response=ProviderShape, auth=allow(Scope.READ), summary="A provider")
def one(request: ApiRequest, slug: str, name: str) -> ProviderShape:
    """What it was told, and how its last test went."""
    return ProviderShape.of(provider_for(request.auth.user, slug, name))


@router.put(_ONE, response=ProviderShape, auth=allow(Scope.TEAM), summary="Change a provider")
def change(request: ApiRequest, slug: str, name: str, body: ProviderSettings) -> ProviderShape:
    """Tell it all anew. Its kind stays."""
    user = request.auth.user
    found = provider_for(user, slug, name)
    return ProviderShape.of(actions.change_provider(user, found, body.wanted(), now=clock.now()))


@router.delete(_ONE, response={204: None}, auth=allow(Scope.TEAM), summary="Remove a provider")
def remove(request: ApiRequest, slug: str, name: str) -> Status[None]:
    """What lies in its bucket stays there."""
    user = request.auth.user
    actions.remove_provider(user, provider_for(user, slug, name), now=clock.now())
    return Status(204, None)


@router.post(_ONE + "/test", response=ProviderTest, auth=allow(Scope.WRITE), summary="Test a provider")
def test(request: ApiRequest, slug: str, name: Path[str]) -> ProviderTest:
    """Secrets, connection, listing, reading, and writing where it is written: step by step, within ten seconds."""
    user = request.auth.user
    tried = testing.run_test(user, provider_for(user, slug, name), now=clock.now())
    return ProviderTest(ok=all(each.error is None for each in tried), steps=[ProviderStep.of(each) for each in tried])


@router.get(_ONE + "/files", response=ProviderListing, auth=allow(Scope.READ), summary="Files of a provider")
def folder(
    request: ApiRequest,
    slug: str,
    name: str,
    path: Annotated[str, Query("", description="A folder; the topmost when empty.")],
    after: Annotated[str, Query("", max_length=1100, description="`after` of the part before.")],
    recursive: Annotated[bool, Query(False, description="All files below it, instead of files and folders in it.")],
    limit: Annotated[int, Query(100, ge=1, le=files.MOST_LISTED, description="How many entries at most.")],
) -> ProviderListing:
    """A part of a folder, by name."""
    look = files.below if recursive else files.look
    return ProviderListing.of(look(provider_for(request.auth.user, slug, name), path, after, limit))


@router.get(
    _FILE,
    auth=allow(Scope.READ),
    summary="A file of a provider",
    openapi_extra={"responses": {200: {"description": "The bytes", "content": {"application/octet-stream": RAW}}}},
)
def read(request: ApiRequest, slug: str, name: str, path: str) -> HttpResponseBase:
    """The bytes, in part with `Range`."""
    return download(request, *files.stream(provider_for(request.auth.user, slug, name), path))


@router.put(
    _FILE, response=ProviderEntry, auth=allow(Scope.WRITE), summary="Write a file to a provider", openapi_extra=_BYTES
)
def write(request: ApiRequest, slug: str, name: str, path: str) -> ProviderEntry:
    """At most 5 GiB in one request. It is there whole or not at all."""
    user = request.auth.user
    found = provider_for(user, slug, name)
    return ProviderEntry.of(files.put(user, found, path, body_of(request), now=clock.now()))


@router.delete(_FILE, response={204: None}, auth=allow(Scope.WRITE), summary="Delete a file of a provider")
def delete(request: ApiRequest, slug: str, name: str, path: str) -> Status[None]:
    """In its bucket, for good."""
    user = request.auth.user
    files.delete(user, provider_for(user, slug, name), path, now=clock.now())
    return Status(204, None)


def download(request: HttpRequest, entry: Entry, reading: files.Reading) -> HttpResponseBase:
    """The bytes as a file to keep. Where the server does not tell its size it is sent as it comes."""
    if entry.size >= 0:
        told = f"{entry.size}-{entry.changed_at.timestamp() if entry.changed_at else ''}"
        changed = entry.changed_at or datetime(1970, 1, 1, tzinfo=UTC)
        etag = entry.etag or tag(told)
        return served(request, reading, size=entry.size, name=entry.name, etag=etag, changed_at=changed)
    response = StreamingHttpResponse(LongAnswer(lambda: reading(0, None)), content_type="application/octet-stream")
    response["Content-Disposition"] = "attachment"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


def body_of(request: HttpRequest) -> Iterator[bytes]:
    """The body as it comes. Raises BadInput for one that is too large, and one that ends before it is complete."""
    told = request.headers.get("Content-Length", "") or ("" if "Transfer-Encoding" in request.headers else "0")
    length = int(told) if told.isascii() and told.isdigit() and len(told) < 16 else -1
    if not 0 <= length <= MOST_BYTES:
        raise BadInput(
            "provider.file_size",
            f"Files of up to {size_words(MOST_BYTES)} are taken, with their length said before.",
            "Write a larger one with a program of the provider's own.",
            {"limit_bytes": MOST_BYTES},
        )
    return _pieces(request, length)


def _pieces(request: HttpRequest, length: int) -> Iterator[bytes]:
    left = length
    while left:
        piece = request.read(min(_PIECE, left))
        if not piece:
            raise BadInput("input.cut_short", "The request ended before it was complete.", "Send it again.")
        left -= len(piece)
        yield piece
