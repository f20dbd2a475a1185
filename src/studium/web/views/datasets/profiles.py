"""What was found in a file of a version: the part of its page that waits for it, rows of its tables, asking for another look."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_http_methods

from studium.datasets.access import dataset_for, version_for
from studium.datasets.profiles import actions
from studium.datasets.profiles.queries import profile_of
from studium.errors import BadInput, NotFound
from studium.lib import clock
from studium.web.requests import UserRequest, signed_in
from studium.web.shown.datasets import entries_of, shown_file
from studium.web.shown.profiles import profile_beside, rows_beside
from studium.web.shown.rows import asked_in
from studium.web.views.datasets.showing import address, number_in


@signed_in
@require_http_methods(["GET", "POST"])
def profile(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """The part alone; a POST has the version looked into again."""
    name, given = f"{team}/{slug}", request.POST if request.method == "POST" else request.GET
    number = number_in(given.get("version", ""))
    if number is None:
        raise BadInput("dataset.version_number", "The address does not say which version.", "Go back, and try again.")
    if request.method == "POST":
        dataset_for(request.user, name, change=True)
    version = version_for(request.user, name, number)
    path = given.get("path", "")
    if request.method == "POST":
        actions.ask_again(request.user, version, now=clock.now())
        messages.success(request, "The files are looked into again.")
        query = urlencode([("version", number), ("path", path)])
        return redirect(address(version.dataset, f"file/?{query}" if path else f"?version={number}"))
    entry = next((each for each in entries_of(version) if each.path == path), None)
    if entry is None:
        raise NotFound("dataset.no_file", f"Version {number} has no such file.", "The dataset's page shows them.")
    context = {**profile_beside(request.user, version, entry), "kind": shown_file(entry).kind}
    return render(request, "datasets/profile.html", {**context, "url": address(version.dataset), "version": version})


@signed_in
@require_GET
def rows(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """The first rows of a table alone: those that are looked for, in the order that is asked for."""
    number = number_in(request.GET.get("version", ""))
    if number is None:
        raise BadInput("dataset.version_number", "The address does not say which version.", "Go back, and try again.")
    version, path = version_for(request.user, f"{team}/{slug}", number), request.GET.get("path", "")
    context = {
        "rows": rows_beside(profile_of(version), path, asked_in(request.GET)),
        "url": address(version.dataset),
        "query": urlencode([("version", number), ("path", path)]),
    }
    return render(request, "datasets/first_rows.html", context)
