"""Files of datasets for the edge, each on the content host of its dataset: players, PDF, rendered notebooks and markdown.

Files are numbered in the order of their paths. Served only below `/-/documents/`, which no public request reaches.
"""

import hmac
import posixpath

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import path as route
from django.utils.http import urlencode

from studium.config.options import options
from studium.datasets.models import DatasetVersion
from studium.errors import Broken
from studium.notebooks.versions import previewing
from studium.storage.manifests import Entry
from studium.web import output_files
from studium.web.shown.datasets import entries_of, framed
from studium.web.shown.documents import DATA

_LOST = "<!doctype html><meta charset=utf-8><title>Not there</title><p>This file cannot be read from the store."


def preview(request: HttpRequest, dataset: str, number: int, at: int) -> HttpResponse:
    """The page that shows a file."""
    try:
        return output_files.preview(request, _file(request, dataset, number, at)[0], beside=True)
    except FileNotFoundError:
        return HttpResponse(_LOST, status=503)


def raw(request: HttpRequest, dataset: str, number: int, at: int) -> HttpResponseBase:
    """The bytes of a sound, film or PDF, or a piece of them."""
    try:
        return output_files.raw(request, _file(request, dataset, number, at)[0])
    except FileNotFoundError:
        return HttpResponse(_LOST, status=503)


def part(request: HttpRequest, dataset: str, number: int, at: int, name: str) -> HttpResponse:
    """A picture or a frame of a rendered notebook."""
    try:
        origin = options().content_url(DATA + dataset)
        return output_files.part(request, _file(request, dataset, number, at)[0], name, origin)
    except FileNotFoundError:
        raise Http404 from None


def beside(request: HttpRequest, dataset: str, number: int, at: int) -> HttpResponseBase:
    """What a markdown file names relative to itself, within its version: a picture in it, else the page of the file or folder."""
    file, version, entries = _file(request, dataset, number, at)
    asked = request.GET.get("path", "")
    path = posixpath.normpath(
        posixpath.join("" if asked.startswith("/") else posixpath.dirname(file.path), asked.lstrip("/"))
    )
    if previewing.kind_by_name(file) != "markdown" or path.startswith("../"):
        raise Http404
    found = next((each for each in entries if each.path == path), None)
    followed = request.headers.get("Sec-Fetch-Dest", "") == "document"
    if found is not None and previewing.is_picture(found) and not followed:
        try:
            return output_files.raw(request, found)
        except FileNotFoundError:
            return HttpResponse(_LOST, status=503)
    if found is None and not any(each.path.startswith(f"{path}/") for each in entries):
        raise Http404
    of = version.dataset
    query = urlencode([("version", str(version.number)), ("path", path)])
    place = f"/datasets/{of.team.slug}/{of.slug}/{'file/' if found else ''}"
    return HttpResponseRedirect(f"{options().platform_url}{place}?{query}")


def _file(request: HttpRequest, dataset: str, number: int, at: int) -> tuple[Entry, DatasetVersion, list[Entry]]:
    """The file, if it is one that is shown so, with its version and all files of that. Raises Http404."""
    given = request.headers.get("X-Studium-Edge-Key", "")
    if not hmac.compare_digest(given.encode(), options().edge_key.encode()):
        raise Http404
    rows = DatasetVersion.objects.filter(dataset=dataset, number=number, deleted_at=None, dataset__deleted_at=None)
    version = rows.select_related("dataset__team").first()
    try:
        entries = entries_of(version) if version else []
    except Broken:
        raise Http404 from None
    if version is None or not 0 <= at < len(entries) or not framed(entries[at]):
        raise Http404
    return entries[at], version, entries


urlpatterns = [route("", preview), route("raw", raw), route("beside", beside), route("parts/<str:name>", part)]
