"""Datasets: the listing, and making one."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from studium.accounts.access import teams_of
from studium.accounts.states import Visibility
from studium.datasets import finding, queries
from studium.datasets.actions import create_dataset
from studium.datasets.states import LICENCES
from studium.errors import StudiumError
from studium.lib import clock
from studium.web.forms.datasets import NewDataset, teams_to_write
from studium.web.paging import page
from studium.web.requests import UserRequest, signed_in
from studium.web.shown.dataset_filters import DAYS, ORDERS, asked_in
from studium.web.shown.datasets import rows_of
from studium.web.views.datasets.showing import address

_TABS = (("mine", "Mine"), ("team", "My teams"), ("shared", "Shared with me"), ("public", "Public"))


@signed_in
@require_GET
def listing(request: UserRequest) -> HttpResponse:
    which = next((name for name, _ in _TABS if name == request.GET.get("show")), _TABS[0][0])
    asked, now = asked_in(request.GET), clock.now()
    slug = request.GET.get("team", "")
    team = teams_of(request.user).filter(slug=slug).first() if slug and which == "team" else None
    rows = finding.found(request.user, which, asked.sought, now=now, team=team)
    found = page(request, rows, finding.FIELDS[asked.order])
    keep = request.GET.copy()
    keep.pop("after", None)
    others = keep.copy()
    others.pop("show", None)
    context = {
        "now": now,
        "tabs": _TABS,
        "which": which,
        "asked": asked,
        "typed": asked.typed,
        "tag": asked.typed["tag"],
        "team": team,
        "orders": ORDERS,
        "days": DAYS,
        "licences": LICENCES,
        "tags_used": queries.used_tags(request.user),
        "rows": rows_of(request.user, found.rows),
        "page": found,
        "keep": keep.urlencode(),
        "others": others.urlencode(),
    }
    return render(request, "datasets/list.html", context)


@signed_in
@require_http_methods(["GET", "POST"])
def new(request: UserRequest) -> HttpResponse:
    teams = teams_to_write(request.user)
    if request.method == "GET":
        form = NewDataset(teams=teams, initial={"team": request.GET.get("team", "")})
        return render(request, "datasets/new.html", {"form": form})
    form, status = NewDataset(request.POST, teams=teams), 400
    if form.is_valid():
        data = form.cleaned_data
        try:
            made = create_dataset(
                request.user,
                form.chosen_team,
                data["title"],
                now=clock.now(),
                visibility=Visibility(data["visibility"]) if data["visibility"] else None,
                licence=data["licence"],
            )
            return redirect(address(made, "add/"))
        except StudiumError as error:
            form.add_error(None, f"{error.message} {error.next_step}")
            status = error.status
    return render(request, "datasets/new.html", {"form": form}, status=status)
