"""What people reported: leave it, or take it down; and what is taken down."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from studium.community.reports import actions, queries
from studium.community.states import WHY_WORDS, Why
from studium.errors import StudiumError
from studium.lib import clock
from studium.notebooks.access import decided_by_operators, notebook_for_operator
from studium.notebooks.queries import taken_down
from studium.notebooks.takedowns import put_back, take_down
from studium.web.forms.community import TakeDownForm
from studium.web.paging import page
from studium.web.requests import UserRequest
from studium.web.views.admin import operators

_TABS = (("open", "Open"), ("all", "All"), ("down", "Taken down"))


@operators
@require_GET
def listing(request: UserRequest) -> HttpResponse:
    which = next((name for name, _ in _TABS if name == request.GET.get("show")), "open")
    context = {"now": clock.now(), "tabs": _TABS, "which": which, "open_reports": queries.open_reports()}
    if which == "down":
        found = page(request, taken_down(), "taken_down_at")
        return render(request, "admin/reports.html", context | {"page": found, "down": found.rows})
    reports = page(request, queries.reports(only_open=which == "open"), "created_at")
    notebooks = decided_by_operators().in_bulk([row.subject_id for row in reports.rows])
    rows = [(row, WHY_WORDS[Why(row.why)], notebooks.get(row.subject_id)) for row in reports.rows]
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
    form, status = TakeDownForm(request.POST or None), 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                take_down(request.user, found, form.cleaned_data["reason"], now=clock.now())
            except StudiumError as error:
                form.add_error(None, f"{error.message} {error.next_step}")
                status = error.status
            else:
                messages.success(request, f"{found.title} is taken down. Its team is told why.")
                return redirect("/admin/reports/?show=down")
    return render(request, "admin/take_down.html", {"notebook": found, "form": form}, status=status)


@operators
@require_POST
def back(request: UserRequest, notebook: str) -> HttpResponse:
    """Put a notebook back."""
    found = notebook_for_operator(request.user, notebook)
    put_back(request.user, found, now=clock.now())
    messages.success(request, f"{found.title} is back as its team left it.")
    return redirect("/admin/reports/?show=down")
