"""Rendered documents for the edge: served only below `/-/documents/`, which no public request reaches."""

import hmac

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.urls import path

from studium.config.options import options
from studium.lib import clock
from studium.notebooks.models import Notebook, Version
from studium.notebooks.versions.actions import comparison
from studium.notebooks.versions.comparing import CompareError
from studium.storage import actions as storage

_REVALIDATE = "private, no-cache"
_PAGE = "<!doctype html><meta charset=utf-8><title>{0}</title><p>{1}"


def document(request: HttpRequest, label: str) -> HttpResponse:
    """The newest rendered page of a notebook, revalidated by its digest."""
    notebook = _notebook(request, label)
    if not notebook.rendered:
        return _later("This notebook is being rendered. Reload in a moment.")
    return _rendered(request, notebook.rendered)


def version(request: HttpRequest, label: str, number: int) -> HttpResponse:
    """The rendered page of one version; that of a running one follows its document."""
    found = _version(_notebook(request, label), number)
    if found.render_error:
        return HttpResponse(_PAGE.format("Not rendered", "This version could not be rendered; it can be downloaded."))
    if not found.rendered:
        return _later("This version is being rendered. Reload in a moment.")
    return _rendered(request, found.rendered)


def compared(request: HttpRequest, label: str, left: int, right: int) -> HttpResponse:
    """The page that compares two versions."""
    notebook = _notebook(request, label)
    sides = [_version(notebook, number).document for number in (left, right)]
    tag = f'"{sides[0][:32]}-{sides[1][:32]}"'
    if request.headers.get("If-None-Match") == tag:
        return HttpResponseNotModified(headers={"ETag": tag, "Cache-Control": _REVALIDATE})
    try:
        page = comparison(*sides, now=clock.now())
    except CompareError as error:
        return HttpResponse(_PAGE.format("Not compared", str(error)), status=503)
    return HttpResponse(page, headers={"ETag": tag, "Cache-Control": _REVALIDATE})


def _notebook(request: HttpRequest, label: str) -> Notebook:
    given = request.headers.get("X-Studium-Edge-Key", "")
    if not hmac.compare_digest(given.encode(), options().edge_key.encode()):
        raise Http404
    notebook = Notebook.objects.filter(label=label, deleted_at=None).only("rendered").first()
    if notebook is None:
        raise Http404
    return notebook


def _version(notebook: Notebook, number: int) -> Version:
    found = Version.objects.filter(notebook=notebook, number=number).first()
    if found is None:
        raise Http404
    return found


def _rendered(request: HttpRequest, digest: str) -> HttpResponse:
    tag = f'"{digest}"'
    if request.headers.get("If-None-Match") == tag:
        return HttpResponseNotModified(headers={"ETag": tag, "Cache-Control": _REVALIDATE})
    return HttpResponse(storage.get(digest), headers={"ETag": tag, "Cache-Control": _REVALIDATE})


def _later(words: str) -> HttpResponse:
    return HttpResponse(_PAGE.format("Rendering", words), status=503, headers={"Retry-After": "1"})


urlpatterns = [
    path("<str:label>/", document),
    path("<str:label>/v/<int:number>/", version),
    path("<str:label>/compare/<int:left>/<int:right>/", compared),
    path("<str:label>/<path:rest>", lambda request, label, rest: document(request, label)),
]
