"""Rendered documents for the edge: served only below `/-/documents/`, which no public request reaches."""

import hmac

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.urls import path

from studium.config.options import options
from studium.notebooks.models import Notebook
from studium.storage import actions as storage

_REVALIDATE = "private, no-cache"
_NOT_YET = b"<!doctype html><meta charset=utf-8><title>Rendering</title><p>This notebook is being rendered. Reload in a moment."


def document(request: HttpRequest, label: str) -> HttpResponse:
    """The newest rendered page of a notebook, revalidated by its digest."""
    given = request.headers.get("X-Studium-Edge-Key", "")
    if not hmac.compare_digest(given.encode(), options().edge_key.encode()):
        raise Http404
    notebook = Notebook.objects.filter(label=label, deleted_at=None).only("rendered").first()
    if notebook is None:
        raise Http404
    if not notebook.rendered:
        return HttpResponse(_NOT_YET, status=503, headers={"Retry-After": "1"})
    tag = f'"{notebook.rendered}"'
    if request.headers.get("If-None-Match") == tag:
        return HttpResponseNotModified(headers={"ETag": tag, "Cache-Control": _REVALIDATE})
    return HttpResponse(storage.get(notebook.rendered), headers={"ETag": tag, "Cache-Control": _REVALIDATE})


urlpatterns = [
    path("<str:label>/", document),
    path("<str:label>/<path:rest>", lambda request, label, rest: document(request, label)),
]
