"""Links by which anybody can take a file or an archive of a dataset: made on its page, taken up without signing in."""

from datetime import timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from studium.api.serving import served
from studium.config.options import options
from studium.datasets import archives, links
from studium.datasets.finding import begins_a_download, note_download
from studium.datasets.queries import file_of
from studium.errors import NotFound
from studium.lib import clock
from studium.web.requests import UserRequest, signed_in
from studium.web.views.datasets.showing import asked_version, lost

_LASTS = timedelta(hours=1)


@signed_in
@require_POST
def make(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """A link to the file at `?path=`, good for an hour; it is said above the file."""
    dataset, version = asked_version(request, team, slug)
    path = request.GET.get("path", "")
    if version is None:
        raise NotFound("dataset.no_version", "There are no files yet.", "Come back when there is a version.")
    token = links.make(request.user, version, path, archive=False, lasts=_LASTS, now=clock.now())
    messages.success(
        request,
        f"Whoever has this address can download the file for an hour: {options().platform_url}{links.address(token)}",
    )
    back = urlencode({"version": str(version.number), "path": path})
    return redirect(f"/datasets/{dataset.team.slug}/{dataset.slug}/file/?{back}")


@require_safe
def taken(request: HttpRequest, token: str) -> HttpResponseBase:
    """What a link leads to, as a download."""
    found = links.read(token, now=clock.now())
    version = found.version
    try:
        parts = None
        if found.archive:
            made = archives.archive_of(version, found.path)
            read, size, name, etag = (
                made.pieces, made.size, archives.name_of(version, found.path), archives.etag_of(version, found.path),
            )  # fmt: skip
        else:
            entry = file_of(version, found.path)
            if entry is None:
                raise NotFound("dataset.no_file", "There is no such file.", "Ask for a new link.")
            read, size, name, etag = entry.pieces, entry.size, entry.path.rpartition("/")[2], entry.digest
            parts = entry.parts
        if begins_a_download(request.method, request.headers.get("Range", ""), size):
            note_download(found.user, version.dataset, now=clock.now())
        answer = served(request, read, size=size, name=name, etag=etag, changed_at=version.created_at, parts=parts)
    except FileNotFoundError as error:
        raise lost() from error
    # The address is the key: it is told to no other site, and no search engine keeps it.
    answer["Referrer-Policy"], answer["X-Robots-Tag"] = "no-referrer", "noindex"
    return answer
