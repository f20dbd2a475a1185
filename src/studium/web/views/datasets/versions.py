"""Versions of a dataset: all of them, two compared, one deleted."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from studium.datasets.access import dataset_for, may_change, may_manage, version_for
from studium.datasets.actions import delete_version
from studium.datasets.models import DatasetVersion
from studium.datasets.profiles import actions as profiles
from studium.datasets.profiles.comparing import tables_compared
from studium.datasets.profiles.queries import profile_of
from studium.datasets.queries import difference, versions_of
from studium.errors import BadInput
from studium.lib import clock
from studium.web.paging import page
from studium.web.requests import UserRequest, signed_in
from studium.web.shown.datasets import entries_of
from studium.web.views.datasets.showing import address, number_in

_MOST = 500  # rows of each part of a comparison


@signed_in
@require_GET
def listing(request: UserRequest, team: str, slug: str) -> HttpResponse:
    dataset = dataset_for(request.user, f"{team}/{slug}")
    found = page(request, versions_of(dataset), "number")
    live = [each for each in found.rows if each.deleted_at is None]
    manages = may_manage(request.user, dataset)
    context = {
        "now": clock.now(),
        "dataset": dataset,
        "url": address(dataset),
        "page": found,
        "manages": manages,
        "able": manages or may_change(request.user, dataset),
        "pair": live[:2] if len(live) > 1 else [],
    }
    return render(request, "datasets/versions.html", context)


@signed_in
@require_POST
def delete(request: UserRequest, team: str, slug: str, number: int) -> HttpResponse:
    dataset_for(request.user, f"{team}/{slug}", manage=True)
    version = version_for(request.user, f"{team}/{slug}", number)
    delete_version(request.user, version, now=clock.now())
    messages.success(
        request,
        f"Version {number} is deleted. What other versions have of its files stays, the rest is free within a few hours.",
    )
    return redirect(address(version.dataset, "versions/"))


@signed_in
@require_GET
def compare(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """Which files were added, removed and changed from one version to another, and what differs in their tables."""
    dataset = dataset_for(request.user, f"{team}/{slug}")
    left, right = _sides(request, f"{team}/{slug}")
    looked = [profile_of(each) for each in (left, right)]
    if None in looked and may_change(request.user, dataset):
        for each, known in zip((left, right), looked, strict=True):
            if known is None:
                profiles.ask_again(request.user, each, now=clock.now())
        looked = [profile_of(each) for each in (left, right)]
    found = difference(entries_of(left), entries_of(right))
    context = {
        "now": clock.now(),
        "dataset": dataset,
        "url": address(dataset),
        "left": left,
        "right": right,
        "found": found,
        "added": found.added[:_MOST],
        "removed": found.removed[:_MOST],
        "changed": found.changed[:_MOST],
        "most": _MOST,
        "nothing": not (found.added or found.removed or found.changed),
        "tables": tables_compared(looked[0], looked[1], found.changed) if found.changed else None,
    }
    return render(request, "datasets/compare.html", context)


@signed_in
@require_GET
def compare_tables(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """The part about tables alone, which waits until both versions were looked into."""
    left, right = _sides(request, f"{team}/{slug}")
    found = difference(entries_of(left), entries_of(right))
    context = {
        "url": address(left.dataset),
        "left": left,
        "right": right,
        "tables": tables_compared(profile_of(left), profile_of(right), found.changed),
    }
    return render(request, "datasets/compare_tables.html", context)


def _sides(request: UserRequest, name: str) -> tuple[DatasetVersion, DatasetVersion]:
    numbers = [number_in(request.GET.get(side, "")) for side in ("left", "right")]
    if None in numbers:
        raise BadInput("dataset.compare", "Two versions are compared.", "Choose them on the page of its versions.")
    left, right = (version_for(request.user, name, number) for number in numbers)
    return left, right
