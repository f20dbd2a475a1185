"""What the columns of a table of a dataset are, in the words of those who may change it."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from studium.datasets import actions
from studium.datasets.access import dataset_for
from studium.datasets.models import Dataset
from studium.datasets.profiles.queries import profile_of, told_of
from studium.datasets.queries import newest_of
from studium.errors import NotFound
from studium.lib import clock
from studium.web.requests import UserRequest, signed_in
from studium.web.views.datasets.showing import address

# A form has as many fields at most.
_MOST = 500
LONGEST = 1000


@signed_in
@require_http_methods(["GET", "POST"])
def columns(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """A line for each column of one file. Fields are numbered, since names of columns may be anything."""
    dataset = dataset_for(request.user, f"{team}/{slug}", change=True)
    given = request.POST if request.method == "POST" else request.GET
    path = given.get("path", "")
    names = _names(dataset, path)
    if request.method == "POST":
        # What the form was made of is in it: a version may have come meanwhile.
        asked = zip(request.POST.getlist("name"), request.POST.getlist("said"), strict=False)
        said = {name: text for name, text in asked if name in names}
        actions.describe_columns(request.user, dataset, path, said, now=clock.now())
        messages.success(request, "The words for columns are saved.")
        return redirect(address(dataset, f"file/?{urlencode([('path', path)])}"))
    told = dataset.columns.get(path, {})
    context = {
        "dataset": dataset,
        "url": address(dataset),
        "path": path,
        "rows": [(name, kind, told.get(name, "")) for name, kind in names.items()][:_MOST],
        "more": max(0, len(names) - _MOST),
        "longest": LONGEST,
    }
    return render(request, "datasets/columns.html", context)


def _names(dataset: Dataset, path: str) -> dict[str, str]:
    """Names and types of the columns of a file: those found in the newest version, and those that were spoken of before."""
    version = newest_of([dataset]).get(dataset.pk)
    found = told_of(profile_of(version), path) if version else None
    known = {
        str(each["name"]): str(each.get("type") or "")
        for t in (found or {"tables": []})["tables"]
        for each in t["columns"]
    }
    known |= {name: "" for name in dataset.columns.get(path, {}) if name not in known}
    if not known:
        raise NotFound(
            "dataset.no_table",
            "No columns are known of such a file in the newest version.",
            "Its page says how far looking into it is.",
        )
    return known
