"""What people reported: leave it, or take it down; and what is taken down."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from studium.community.reports import actions, queries
from studium.community.states import WHY_WORDS, Why
from studium.datasets.access import dataset_for_operator
from studium.datasets.access import decided_by_operators as decided_datasets
from studium.datasets.models import Dataset
from studium.datasets.queries import taken_down as taken_down_datasets
from studium.datasets.subjects import KIND as DATASET
from studium.datasets.takedowns import put_back as put_dataset_back
from studium.datasets.takedowns import take_down as take_dataset_down
from studium.errors import StudiumError
from studium.lib import clock
from studium.notebooks.access import decided_by_operators, notebook_for_operator
from studium.notebooks.models import Notebook
from studium.notebooks.queries import taken_down
from studium.notebooks.subjects import KIND as NOTEBOOK
from studium.notebooks.takedowns import put_back, take_down
from studium.web.forms.community import TakeDownForm
from studium.web.paging import page
from studium.web.requests import UserRequest
from studium.web.views.admin import operators

_TABS = (("open", "Open"), ("all", "All"), ("down", "Taken down"), ("datasets", "Datasets taken down"))


@operators
@require_GET
def listing(request: UserRequest) -> HttpResponse:
    which = next((name for name, _ in _TABS if name == request.GET.get("show")), "open")
    context = {"now": clock.now(), "tabs": _TABS, "which": which, "open_reports": queries.open_reports()}
    if which == "down":
        found = page(request, taken_down(), "taken_down_at")
        return render(request, "admin/reports.html", context | {"page": found, "down": found.rows, "of": "notebook"})
    if which == "datasets":
        sets = page(request, taken_down_datasets(), "taken_down_at")
        return render(request, "admin/reports.html", context | {"page": sets, "down": sets.rows, "of": "dataset"})
    reports = page(request, queries.reports(only_open=which == "open"), "created_at")
    about: dict[tuple[str, str], Notebook | Dataset] = {}
    for kind, readable in ((NOTEBOOK, decided_by_operators()), (DATASET, decided_datasets())):
        if wanted := [row.subject_id for row in reports.rows if row.subject_kind == kind]:
            about |= {(kind, key): found for key, found in readable.in_bulk(wanted).items()}
    rows = [(row, WHY_WORDS[Why(row.why)], about.get((row.subject_kind, row.subject_id))) for row in reports.rows]
    return render(request, "admin/reports.html", context | {"page": reports, "rows": rows})


@operators
@require_POST
def dismiss(request: UserRequest, report: str) -> HttpResponse:
    """Leave it where it is; who reported it is told."""
    actions.dismiss(request.user, report, request.POST.get("answer", ""), now=clock.now())
    messages.success(request, "It stays; who reported it is told.")
    return redirect("/admin/reports/")


@operators
@require_http_methods(["GET", "POST"])
def down(request: UserRequest, notebook: str) -> HttpResponse:
    """Ask why, then take a notebook down."""
    found = notebook_for_operator(request.user, notebook)
    return _down(request, found, lambda reason: take_down(request.user, found, reason, now=clock.now()), "down")


@operators
@require_http_methods(["GET", "POST"])
def dataset_down(request: UserRequest, dataset: str) -> HttpResponse:
    """The same, of a dataset."""
    found = dataset_for_operator(request.user, dataset)

    def take(reason: str) -> None:
        take_dataset_down(request.user, found, reason, now=clock.now())

    return _down(request, found, take, "datasets")


def _down(request: UserRequest, found: Notebook | Dataset, take: Callable[[str], object], tab: str) -> HttpResponse:
    form, status = TakeDownForm(request.POST or None), 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                take(form.cleaned_data["reason"])
            except StudiumError as error:
                form.add_error(None, f"{error.message} {error.next_step}")
                status = error.status
            else:
                messages.success(request, f"{found.title} is taken down. Its team is told why.")
                return redirect(f"/admin/reports/?show={tab}")
    return render(request, "admin/take_down.html", {"subject": found, "form": form, "tab": tab}, status=status)


@operators
@require_POST
def back(request: UserRequest, notebook: str) -> HttpResponse:
    """Put a notebook back."""
    found = notebook_for_operator(request.user, notebook)
    put_back(request.user, found, now=clock.now())
    messages.success(request, f"{found.title} is back as its team left it.")
    return redirect("/admin/reports/?show=down")


@operators
@require_POST
def dataset_back(request: UserRequest, dataset: str) -> HttpResponse:
    """Put a dataset back."""
    found = dataset_for_operator(request.user, dataset)
    put_dataset_back(request.user, found, now=clock.now())
    messages.success(request, f"{found.title} is back as its team left it.")
    return redirect("/admin/reports/?show=datasets")
