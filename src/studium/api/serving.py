"""Bytes that come, and bytes that can be asked for in part and kept by who has them: as RFC 9110 says."""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, http_date, parse_http_date_safe

from studium.api.long_answers import SHORT, LongAnswer
from studium.errors import BadInput
from studium.notebooks.versions.previewing import File
from studium.storage.stores import Part

_PIECE = 1024 * 1024
# The edge says that it sends parts of the store's files itself, and is told how many bytes they have; as in `studium.edge.parts`.
_SENDS, _FILES = "X-Studium-Sends", "X-Studium-Files"
Parts = Callable[[int, int], Sequence[Part] | None]
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def received(request: HttpRequest, most: int) -> bytes:
    """A body of bytes, whatever other bodies may have. Raises BadInput for more than `most`."""
    pieces, size = list[bytes](), 0
    # The server gathers a large body in one go three to eight times slower than in pieces.
    while piece := request.read(_PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > most:
            raise BadInput(
                "input.body_too_large", f"At most {most // 1024**2} MiB are taken at a time.", "Send smaller pieces."
            )
    return b"".join(pieces)


def served(
    request: HttpRequest,
    read: Callable[[int, int], Iterator[bytes]],
    *,
    size: int,
    name: str,
    etag: str,
    changed_at: datetime,
    parts: Parts | None = None,
) -> HttpResponseBase:
    """All of it, the part that is asked for, or that the caller has it already. `read` takes an offset and a length, and so does
    `parts`, which says where these bytes lie in the store's folder, if they do: the edge then sends them, if it can.

    Always as a file to keep, never as a page.
    """
    quoted, stamp = f'"{etag}"', int(changed_at.timestamp())
    response: HttpResponseBase | None = get_conditional_response(request, etag=quoted, last_modified=stamp)
    if response is None:
        response = _answer(request, read, parts, size, quoted, stamp)
        response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response["ETag"], response["Last-Modified"] = quoted, http_date(stamp)
    response["Accept-Ranges"] = "bytes"
    # A cache may keep it, but must ask each time whether the reader still may.
    response["Cache-Control"] = "private, no-cache"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


def served_file(request: HttpRequest, file: File, *, changed_at: datetime) -> HttpResponseBase:
    """As `served`, under its own name."""
    name = file.path.rpartition("/")[2]
    return served(
        request, file.pieces, size=file.size, name=name, etag=file.digest, changed_at=changed_at, parts=file.parts
    )


def _answer(
    request: HttpRequest,
    read: Callable[[int, int], Iterator[bytes]],
    parts: Parts | None,
    size: int,
    etag: str,
    stamp: int,
) -> HttpResponseBase:
    wanted = _part(request, size, etag, stamp)
    if wanted == "none":
        refused = HttpResponse(status=416)
        refused["Content-Range"] = f"bytes */{size}"
        return refused
    start, end = wanted if isinstance(wanted, tuple) else (0, size)
    response = given(
        request, read, parts, start, end, status=206 if wanted else 200, content_type="application/octet-stream"
    )
    if wanted:
        response["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return response


def given(
    request: HttpRequest,
    read: Callable[[int, int], Iterator[bytes]],
    parts: Parts | None,
    start: int,
    end: int,
    *,
    status: int,
    content_type: str,
) -> HttpResponseBase:
    """These bytes, or for the edge where they lie. Raises Busy where it would be one of too many long answers."""
    asked, named = request.method != "HEAD" and end > start, None
    if asked and parts is not None and end - start >= SHORT and _SENDS in request.headers:
        named = parts(start, end - start)
    response: HttpResponseBase
    if named is not None:
        lines = "".join(f"{each.path} {each.offset} {each.length}\n" for each in named)
        response = HttpResponse(lines, content_type=content_type, status=status)
        response[_FILES] = str(end - start)
    else:
        pieces: Iterator[bytes] = iter(())
        if asked and end - start >= SHORT:
            pieces = LongAnswer(lambda: read(start, end - start))
        elif asked:
            pieces = read(start, end - start)
        response = StreamingHttpResponse(pieces, content_type=content_type, status=status)
        response["Content-Length"] = str(end - start)
    return response


def _part(request: HttpRequest, size: int, etag: str, stamp: int) -> "tuple[int, int] | str":
    """From where to where, "" for all of it, "none" for a part that is not there. Several parts are answered with all."""
    match = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if match is None or not any(match.groups()) or not _unchanged(request.headers.get("If-Range", ""), etag, stamp):
        return ""
    first, last = match.groups()
    if not first:  # the last so many
        return (max(0, size - int(last)), size) if int(last) and size else "none"
    start, end = int(first), min(int(last) + 1, size) if last else size
    if last and int(last) < start:
        return ""
    return (start, end) if start < end else "none"


def _unchanged(condition: str, etag: str, stamp: int) -> bool:
    condition = condition.strip()
    return not condition or condition == etag or parse_http_date_safe(condition) == stamp
