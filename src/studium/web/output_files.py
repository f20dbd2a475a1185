"""Output files of versions and files of datasets on the content hosts: as they are where a browser shows them so, else as pages."""

import re
from html import escape

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from studium.api.serving import given
from studium.config.options import options
from studium.lib import clock
from studium.lib.units import size_words
from studium.notebooks.models import Version
from studium.notebooks.render.shell import whole
from studium.notebooks.rendered import page_of, part_of
from studium.notebooks.versions import previewing
from studium.notebooks.versions.previewing import File, PreviewError, Seen
from studium.notebooks.versions.queries import OutputFile, output_files
from studium.web import fenced

_REVALIDATE = {"Cache-Control": "private, no-cache"}
MOST_PICTURES = 100
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
_WORDS = {
    "empty": "This file is empty.",
    "too_large": "This file is too large to be shown here. It can be downloaded.",
    "none": "There is no preview of this kind of file. It can be downloaded.",
}


def file_at(version: Version, number: int) -> OutputFile:
    """The file of this number, in the order of paths. Raises Http404."""
    files = output_files(version).files
    if not 0 <= number < len(files):
        raise Http404
    return files[number]


def pictures(version: Version, place: str) -> HttpResponse:
    """The pictures among the files in a row. `place` is where the platform shows each."""
    shown = [(n, file) for n, file in enumerate(output_files(version).files) if previewing.is_picture(file)]
    items = "".join(
        f'<a target="_top" href="{escape(place + str(n))}/" title="{escape(file.path)}, {size_words(file.size)}">'
        f'<img loading="lazy" src="{n}/raw" alt=""><span>{escape(file.path.rpartition("/")[2])}</span></a>'
        for n, file in shown[:MOST_PICTURES]
    )
    return HttpResponse(whole("Pictures", "", f'<div class="strip">{items}</div>'), headers=_REVALIDATE)


def preview(request: HttpRequest, file: File, *, beside: bool = False) -> HttpResponse:
    """The page that shows a file. It is asked for in a frame of the platform's page about it. `beside` says that the files
    beside it are served next to this page.
    """
    seen = previewing.seen(file)
    if seen.kind in _WORDS:
        return HttpResponse(_page(file, f'<p class="note">{_WORDS[seen.kind]}</p>'), headers=_REVALIDATE)
    if seen.media:
        return HttpResponse(_page(file, _element(seen, file)), headers=_REVALIDATE)
    try:
        digest = previewing.preview(file, seen.kind, now=clock.now(), beside=beside)
    except PreviewError as error:
        return HttpResponse(_page(file, f'<p class="note">{escape(str(error))}</p>'), status=503)
    return HttpResponse(page_of(digest), headers=_REVALIDATE)


def part(request: HttpRequest, file: File, name: str, origin: str) -> HttpResponse:
    """A picture or a frame of a preview."""
    seen = previewing.seen(file)
    if seen.media or seen.kind in _WORDS:
        raise Http404
    try:
        found = part_of(previewing.preview(file, seen.kind, now=clock.now()), name)
    except PreviewError:
        raise Http404 from None
    response = fenced.part_response(request, found.kind, found.content, origin) if found else None
    if response is None:
        raise Http404
    response["Cache-Control"] = _REVALIDATE["Cache-Control"]
    return response


def raw(request: HttpRequest, file: File) -> HttpResponseBase:
    """The bytes of a picture, sound, film or PDF, or a piece of them, as players ask for it. Of no other kind of file."""
    seen = previewing.seen(file)
    if not seen.media:
        raise Http404
    tag = f'"{file.digest}"'
    headers = {**_REVALIDATE, "ETag": tag, "Accept-Ranges": "bytes", fenced.POLICY_HEADER: _policy(seen)}
    if request.headers.get("If-None-Match") == tag:
        return HttpResponse(status=304, headers=headers)
    start, end, status = 0, file.size, 200
    if wanted := _RANGE.fullmatch(request.headers.get("Range", "")):
        found = _between(wanted[1], wanted[2], file.size)
        if found is None:
            return HttpResponse(status=416, headers={**headers, "Content-Range": f"bytes */{file.size}"})
        (start, end), status = found, 206
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
    # A player that is paused holds what it asked for as long as its page is open.
    response = given(request, file.pieces, file.parts, start, end, status=status, content_type=seen.media)
    for name, value in headers.items():
        response[name] = value
    return response


def _policy(seen: Seen) -> str:
    if seen.kind == "pdf":  # the browser's own reader does not open in a sandboxed page
        return f"default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'self' {options().platform_url}"
    return fenced.media_policy()


def _between(first: str, last: str, size: int) -> tuple[int, int] | None:
    """Where a piece begins and ends; None where there is nothing of it."""
    if not first:
        return (max(0, size - int(last)), size) if last and int(last) else None
    start, end = int(first), min(int(last) + 1 if last else size, size)
    return (start, end) if start < end else None


def _element(seen: Seen, file: File) -> str:
    name = escape(file.path.rpartition("/")[2])
    if seen.kind == "picture":
        return f'<section class="sheet"><img src="raw" alt="{name}"></section>'
    if seen.kind == "sound":
        return f'<audio controls preload="metadata" src="raw" title="{name}"></audio>'
    if seen.kind == "film":
        return f'<video controls preload="metadata" src="raw" title="{name}"></video>'
    return f'<iframe class="pdf" src="raw" title="{name}"></iframe>'


def _page(file: File, body: str) -> bytes:
    return whole(file.path.rpartition("/")[2], "", body)
