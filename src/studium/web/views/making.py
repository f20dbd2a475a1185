"""Making notebooks: blank, from a file, or from the gallery."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from studium.errors import StudiumError
from studium.lib import clock
from studium.notebooks import actions
from studium.notebooks.gallery import GalleryEntry, gallery, read_gallery
from studium.notebooks.models import Notebook
from studium.notebooks.states import Visibility
from studium.web.forms.notebooks import NewNotebook, projects_to_write
from studium.web.requests import UserRequest, signed_in
from studium.web.shown.gallery import entry as gallery_entry
from studium.web.views.notebooks import address, own_project


@signed_in
@require_http_methods(["GET", "POST"])
def new(request: UserRequest) -> HttpResponse:
    projects = projects_to_write(request.user)
    if request.method == "GET":
        source = request.GET.get("from", "")
        entry = gallery_entry(source) if source else None
        wanted = request.GET.get("project", "")
        form = NewNotebook(
            projects=projects, initial={"source": source, "title": entry.title if entry else "", "project": wanted}
        )
        return _form(request, form, entry)
    form = NewNotebook(request.POST, request.FILES, projects=projects)
    if not form.is_valid():
        return _form(request, form, None, 400)
    try:
        return redirect(address(_make(request, form)))
    except StudiumError as error:
        form.add_error(None, f"{error.message} {error.next_step}")
        return _form(request, form, None, error.status)


def _make(request: UserRequest, form: NewNotebook) -> Notebook:
    data = form.cleaned_data
    entry = gallery_entry(data["source"]) if data["source"] else None
    content = form.content()
    if content is None and entry is not None:
        content = read_gallery(entry.slug)
    return actions.create_notebook(
        request.user,
        form.chosen_project,
        form.wanted_title(),
        content,
        now=clock.now(),
        visibility=Visibility(data["visibility"]) if data["visibility"] else None,
        internet=data["internet"],
        gallery_slug=entry.slug if entry else "",
        language=data["language"] if content is None else "",
    )


def _form(request: UserRequest, form: NewNotebook, entry: GalleryEntry | None, status: int = 200) -> HttpResponse:
    context = {"form": form, "entry": entry, "gallery": gallery()}
    return render(request, "notebooks/new.html", context, status=status)


@signed_in
@require_GET
def show_gallery(request: UserRequest) -> HttpResponse:
    return render(request, "notebooks/gallery.html", {"gallery": gallery()})


@signed_in
@require_POST
def copy_from_gallery(request: UserRequest, slug: str) -> HttpResponse:
    """Copy and edit in one click, into the user's own team."""
    entry = gallery_entry(slug)
    made = actions.create_notebook(
        request.user,
        own_project(request),
        entry.title,
        read_gallery(entry.slug),
        now=clock.now(),
        gallery_slug=entry.slug,
    )
    return redirect(address(made))
