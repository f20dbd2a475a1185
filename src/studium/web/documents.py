"""Rendered documents for the edge: served only below `/-/documents/`, which no public request reaches."""

import hmac

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.urls import include, path

from studium.config.options import options
from studium.lib import clock
from studium.notebooks.models import Notebook, Version
from studium.notebooks.rendered import page_of, part_of
from studium.notebooks.versions.actions import comparison
from studium.notebooks.versions.comparing import CompareError
from studium.web import fenced, output_files
from studium.web.shown.documents import DOCUMENT

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
        digest = comparison(*sides, now=clock.now())
    except CompareError as error:
        return HttpResponse(_PAGE.format("Not compared", str(error)), status=503)
    return HttpResponse(page_of(digest), headers={"ETag": tag, "Cache-Control": _REVALIDATE})


def document_part(request: HttpRequest, label: str, name: str) -> HttpResponse:
    """A picture or an interactive output of a notebook's page."""
    notebook = _notebook(request, label)
    return _part(request, notebook, notebook.rendered, name)


def version_part(request: HttpRequest, label: str, number: int, name: str) -> HttpResponse:
    notebook = _notebook(request, label)
    return _part(request, notebook, _version(notebook, number).rendered, name)


def compared_part(request: HttpRequest, label: str, left: int, right: int, name: str) -> HttpResponse:
    notebook = _notebook(request, label)
    sides = [_version(notebook, number).document for number in (left, right)]
    try:
        return _part(request, notebook, comparison(*sides, now=clock.now()), name)
    except CompareError:
        raise Http404 from None


def _part(request: HttpRequest, notebook: Notebook, digest: str, name: str) -> HttpResponse:
    """A part is named by its content, so it never changes; whether the reader still may see it is asked each time."""
    tag = f'"{name}"'
    part = part_of(digest, name) if digest else None
    if part and request.headers.get("If-None-Match") == tag:
        return HttpResponseNotModified(headers={"ETag": tag, "Cache-Control": _REVALIDATE})
    origin = options().content_url(DOCUMENT + notebook.label)
    response = fenced.part_response(request, part.kind, part.content, origin) if part else None
    if response is None:
        raise Http404
    response["Cache-Control"] = _REVALIDATE
    # A page of an output is put together anew, so it has no tag of its own.
    if part and part.kind in fenced.MEDIA:
        response["ETag"] = tag
    return response


def files(request: HttpRequest, label: str, number: int) -> HttpResponse:
    """The pictures among a version's output files."""
    notebook = _notebook(request, label)
    place = f"{options().platform_url}/notebooks/{notebook.team.slug}/{notebook.slug}/versions/{number}/view/"
    return output_files.pictures(_version(notebook, number), place)


def file(request: HttpRequest, label: str, number: int, at: int) -> HttpResponse:
    """One output file, shown."""
    return output_files.preview(request, output_files.file_at(_version(_notebook(request, label), number), at))


def file_part(request: HttpRequest, label: str, number: int, at: int, name: str) -> HttpResponse:
    notebook = _notebook(request, label)
    origin = options().content_url(DOCUMENT + notebook.label)
    return output_files.part(request, output_files.file_at(_version(notebook, number), at), name, origin)


def file_raw(request: HttpRequest, label: str, number: int, at: int) -> HttpResponseBase:
    """The bytes of one that a browser shows by itself."""
    return output_files.raw(request, output_files.file_at(_version(_notebook(request, label), number), at))


def library(request: HttpRequest, name: str) -> HttpResponseBase:
    """What draws outputs, for the frames of every content host; the edge asks for it without knowing who does."""
    found = fenced.library(request, name)
    if found is None:
        raise Http404
    return found


def _notebook(request: HttpRequest, label: str) -> Notebook:
    given = request.headers.get("X-Studium-Edge-Key", "")
    if not hmac.compare_digest(given.encode(), options().edge_key.encode()):
        raise Http404
    rows = Notebook.objects.filter(label=label, deleted_at=None).select_related("team")
    notebook = rows.only("rendered", "label", "slug", "team__slug").first()
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
    return HttpResponse(page_of(digest), headers={"ETag": tag, "Cache-Control": _REVALIDATE})


def _later(words: str) -> HttpResponse:
    return HttpResponse(_PAGE.format("Rendering", words), status=503, headers={"Retry-After": "1"})


urlpatterns = [
    path("lib/<str:name>", library),
    # No label is so short.
    path("data/<str:dataset>/v/<int:number>/files/<int:at>/", include("studium.web.dataset_documents")),
    path("<str:label>/", document),
    path("<str:label>/parts/<str:name>", document_part),
    path("<str:label>/v/<int:number>/", version),
    path("<str:label>/v/<int:number>/parts/<str:name>", version_part),
    path("<str:label>/v/<int:number>/files/", files),
    path("<str:label>/v/<int:number>/files/<int:at>/", file),
    path("<str:label>/v/<int:number>/files/<int:at>/raw", file_raw),
    path("<str:label>/v/<int:number>/files/<int:at>/parts/<str:name>", file_part),
    path("<str:label>/compare/<int:left>/<int:right>/", compared),
    path("<str:label>/compare/<int:left>/<int:right>/parts/<str:name>", compared_part),
    path("<str:label>/<path:rest>", lambda request, label, rest: document(request, label)),
]
