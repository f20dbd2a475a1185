"""Files of datasets for the edge, each on the content host of its dataset: players, PDF, rendered notebooks and markdown.

Files are numbered in the order of their paths. Served only below `/-/documents/`, which no public request reaches.
"""

import hmac

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import path

from studium.config.options import options
from studium.datasets.models import DatasetVersion
from studium.errors import Broken
from studium.storage.manifests import Entry
from studium.web import output_files
from studium.web.shown.datasets import entries_of, framed
from studium.web.shown.documents import DATA

_LOST = "<!doctype html><meta charset=utf-8><title>Not there</title><p>This file cannot be read from the store."


def preview(request: HttpRequest, dataset: str, number: int, at: int) -> HttpResponse:
    """The page that shows a file."""
    try:
        return output_files.preview(request, _file(request, dataset, number, at))
    except FileNotFoundError:
        return HttpResponse(_LOST, status=503)


def raw(request: HttpRequest, dataset: str, number: int, at: int) -> HttpResponseBase:
    """The bytes of a sound, film or PDF, or a piece of them."""
    try:
        return output_files.raw(request, _file(request, dataset, number, at))
    except FileNotFoundError:
        return HttpResponse(_LOST, status=503)


def part(request: HttpRequest, dataset: str, number: int, at: int, name: str) -> HttpResponse:
    """A picture or a frame of a rendered notebook."""
    try:
        origin = options().content_url(DATA + dataset)
        return output_files.part(request, _file(request, dataset, number, at), name, origin)
    except FileNotFoundError:
        raise Http404 from None


def _file(request: HttpRequest, dataset: str, number: int, at: int) -> Entry:
    """The file, if it is one that is shown so. Raises Http404."""
    given = request.headers.get("X-Studium-Edge-Key", "")
    if not hmac.compare_digest(given.encode(), options().edge_key.encode()):
        raise Http404
    rows = DatasetVersion.objects.filter(dataset=dataset, number=number, deleted_at=None, dataset__deleted_at=None)
    version = rows.first()
    try:
        entries = entries_of(version) if version else []
    except Broken:
        raise Http404 from None
    if not 0 <= at < len(entries) or not framed(entries[at]):
        raise Http404
    return entries[at]


urlpatterns = [path("", preview), path("raw", raw), path("parts/<str:name>", part)]
