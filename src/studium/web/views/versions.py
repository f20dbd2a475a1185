"""Versions of a notebook: the listing, one version's page, the comparison of two, and what people do with them."""

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.text import get_valid_filename
from django.views.decorators.http import require_GET, require_POST, require_safe

from studium.api.serving import served_file
from studium.config.options import options
from studium.errors import NotFound
from studium.lib import clock
from studium.notebooks.access import may_change, may_see_runs, notebook_for
from studium.notebooks.actions import live_run
from studium.notebooks.inputs.queries import shown_of_version
from studium.notebooks.models import Notebook, Version
from studium.notebooks.versions import actions, queries
from studium.notebooks.versions.previewing import is_picture, seen
from studium.plans.estimates import cost_of
from studium.storage import actions as storage
from studium.web import policy
from studium.web.forms.running import options_of
from studium.web.paging import page
from studium.web.requests import UserRequest, signed_in
from studium.web.shown.charts import use_charts
from studium.web.shown.documents import DOCUMENT, entrance
from studium.web.shown.runs import options_words
from studium.web.shown.versions import shown_versions
from studium.web.views.notebooks import address, own_project, say_left_out


def place(version: Version, rest: str = "") -> str:
    return address(version.notebook, f"versions/{version.number}/{rest}")


@signed_in
@require_GET
def listing(request: UserRequest, team: str, slug: str) -> HttpResponse:
    notebook = notebook_for(request.user, f"{team}/{slug}")
    now = clock.now()
    found = page(request, queries.versions_of(notebook), "number")
    pinned = list(queries.versions_of(notebook).filter(pinned=True)) if found.first else []
    theirs = may_see_runs(request.user, notebook)
    context = {
        "now": now,
        "notebook": notebook,
        "url": address(notebook),
        "able": may_change(request.user, notebook),
        "rows": shown_versions(found.rows, theirs=theirs, now=now),
        "pinned": shown_versions(pinned, theirs=theirs, now=now),
        "page": found,
    }
    return render(request, "versions/list.html", context)


@signed_in
@require_GET
def show_version(request: UserRequest, team: str, slug: str, number: int) -> HttpResponse:
    notebook = notebook_for(request.user, f"{team}/{slug}")
    version = queries.version_of(notebook, number)
    response = render(request, "versions/show.html", _context(request, notebook, version))
    return _framing(response, notebook)


@signed_in
@require_GET
def body(request: UserRequest, team: str, slug: str, number: int) -> HttpResponse:
    """The part of the page that changes while the version is run and rendered."""
    notebook = notebook_for(request.user, f"{team}/{slug}")
    version = queries.version_of(notebook, number)
    if version.settled_at and (version.rendered or version.render_error):
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return render(request, "versions/body.html", _context(request, notebook, version))


def _context(request: UserRequest, notebook: Notebook, version: Version) -> dict[str, object]:
    now = clock.now()
    able = may_change(request.user, notebook)
    theirs = may_see_runs(request.user, notebook)
    (shown,) = shown_versions([version], theirs=theirs, now=now)
    files = queries.output_files(version)
    context: dict[str, object] = {
        "now": now,
        "notebook": notebook,
        "version": version,
        "shown": shown,
        "url": address(notebook),
        "here": place(version),
        "able": able,
        "theirs": theirs,
        "session": able and (live := live_run(notebook)) is not None and live.interactive,
        "files": files,
        "inputs": shown_of_version(request.user, version),
        "pictures": entrance(request, DOCUMENT + notebook.label, f"/v/{version.number}/files/", now=now)
        if any(is_picture(each) for each in files.files)
        else "",
        "previous": queries.versions_of(notebook).filter(number__lt=version.number).first(),
        "source": entrance(request, DOCUMENT + notebook.label, f"/v/{version.number}/", now=now)
        if version.rendered
        else "",
    }
    if version.run and shown.run:
        context["use"] = use_charts(version.run) if version.settled_at else None
        context["options"] = options_words(version.run.launch.options)
    if version.run and version.run.running_at:
        seconds = int(((version.run.ended_at or now) - version.run.running_at).total_seconds())
        context |= {"seconds": seconds, "cost": cost_of(version.run.machine_type.price_micros_hour, seconds)}
    return context


def _framing(response: HttpResponse, notebook: Notebook) -> HttpResponse:
    frames = [options().content_url(DOCUMENT + notebook.label)]
    response["Content-Security-Policy"] = policy.content_policy(frames=frames)
    return response


@signed_in
@require_GET
def compare(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """Two versions cell by cell, in a frame of the notebook's own host."""
    notebook = notebook_for(request.user, f"{team}/{slug}")
    left = queries.version_of(notebook, queries.number_in(request.GET.get("left", "")))
    right = queries.version_of(notebook, queries.number_in(request.GET.get("right", "")))
    now = clock.now()
    path = f"/compare/{left.number}/{right.number}/"
    context = {
        "now": now,
        "notebook": notebook,
        "url": address(notebook),
        "left": left,
        "right": right,
        "source": entrance(request, DOCUMENT + notebook.label, path, now=now),
    }
    return _framing(render(request, "versions/compare.html", context), notebook)


@signed_in
@require_POST
def save(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """Save a version, quick or with a run of all cells."""
    notebook = notebook_for(request.user, f"{team}/{slug}", change=True)
    note, now = request.POST.get("note", ""), clock.now()
    if request.POST.get("how") == "run":
        machine, how = request.POST.get("machine", ""), options_of(request.POST)
        version = actions.save_and_run(request.user, notebook, machine, now=now, note=note, options=how)
        messages.success(request, f"Version {version.number} is in the queue. You can close every page: it runs on.")
    else:
        version = actions.save_quick(request.user, notebook, now=now, note=note)
        messages.success(request, f"Saved as version {version.number}.")
    return redirect(place(version))


@signed_in
@require_POST
def change(request: UserRequest, team: str, slug: str, number: int) -> HttpResponse:
    """Pin, unpin, or write another note."""
    notebook = notebook_for(request.user, f"{team}/{slug}", change=True)
    version = queries.version_of(notebook, number)
    pinned = {"pin": True, "unpin": False}.get(request.POST.get("do", ""))
    note = request.POST.get("note")
    actions.update_version(request.user, version, now=clock.now(), note=note, pinned=pinned)
    return redirect(place(version))


@signed_in
@require_POST
def restore(request: UserRequest, team: str, slug: str, number: int) -> HttpResponse:
    notebook = notebook_for(request.user, f"{team}/{slug}", change=True)
    actions.restore(request.user, queries.version_of(notebook, number), now=clock.now())
    messages.success(request, f"The notebook has the content of version {number} again.")
    return redirect(address(notebook))


@signed_in
@require_POST
def run_again(request: UserRequest, team: str, slug: str, number: int) -> HttpResponse:
    """The same source in the same environment with the same options, as a new version."""
    notebook = notebook_for(request.user, f"{team}/{slug}", change=True)
    again = queries.version_of(notebook, number)
    made = actions.save_and_run(
        request.user,
        notebook,
        request.POST.get("machine", ""),
        now=clock.now(),
        note=f"Version {number} again",
        again=again,
    )
    return redirect(place(made))


@signed_in
@require_POST
def copy(request: UserRequest, team: str, slug: str, number: int) -> HttpResponse:
    notebook = notebook_for(request.user, f"{team}/{slug}")
    version = queries.version_of(notebook, number)
    made = actions.copy(request.user, notebook, own_project(request), now=clock.now(), version=version)
    say_left_out(request, [row.name for row in version.inputs.all()], made)
    return redirect(address(made))


@signed_in
@require_GET
def download(request: UserRequest, team: str, slug: str, number: int) -> HttpResponse:
    notebook = notebook_for(request.user, f"{team}/{slug}")
    version = queries.version_of(notebook, number)
    name = get_valid_filename(f"{notebook.slug}-v{number}.ipynb")
    return HttpResponse(
        storage.get(version.document),
        content_type="application/x-ipynb+json",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Content-Security-Policy": "sandbox"},
    )


@signed_in
@require_GET
def view_file(request: UserRequest, team: str, slug: str, number: int, at: int) -> HttpResponse:
    """One output file, shown in a frame of the notebook's own host. Files are numbered in the order of their paths."""
    notebook = notebook_for(request.user, f"{team}/{slug}")
    version = queries.version_of(notebook, number)
    files = queries.output_files(version).files
    if not 0 <= at < len(files):
        raise NotFound("version.no_file", "There is no such output file.", "The version's page lists those there are.")
    now = clock.now()
    context = {
        "now": now,
        "notebook": notebook,
        "version": version,
        "file": files[at],
        "kind": seen(files[at]).kind,
        "url": address(notebook),
        "here": place(version),
        "at": at,
        "count": len(files),
        "source": entrance(request, DOCUMENT + notebook.label, f"/v/{number}/files/{at}/", now=now),
    }
    return _framing(render(request, "versions/file.html", context), notebook)


@signed_in
@require_safe
def output_file(request: UserRequest, team: str, slug: str, number: int, path: str) -> HttpResponseBase:
    """One output file as a download that no browser shows as a page, whole or a part of it."""
    version = queries.version_of(notebook_for(request.user, f"{team}/{slug}"), number)
    found = queries.output_file(version, path)
    return served_file(request, found, changed_at=version.created_at)
