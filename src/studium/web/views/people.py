"""The page of a person: who they are, the notebooks and datasets they made public, what they said; and one's own bookmarks."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from studium.community import actions, queries
from studium.datasets.access import visible_to as datasets_of
from studium.datasets.queries import by_person as datasets_by
from studium.datasets.subjects import KIND as DATASET
from studium.datasets.subjects import subject_of as of_dataset
from studium.lib import clock
from studium.notebooks.access import visible_to
from studium.notebooks.queries import by_person, ranked
from studium.notebooks.subjects import KIND
from studium.notebooks.subjects import subject_of as of_notebook
from studium.web.paging import page
from studium.web.requests import UserRequest, signed_in
from studium.web.shown.community import html_of
from studium.web.shown.datasets import rows_of as datasets_rows
from studium.web.shown.notebooks import rows_of

LATEST = 10
_DATASETS_SHOWN = 20


@signed_in
@require_GET
def person(request: UserRequest, username: str) -> HttpResponse:
    now, found = clock.now(), queries.person_named(username)
    visible = visible_to(request.user)
    rows, field = ranked(by_person(request.user, found), "votes")
    made = page(request, rows, field, size=20)
    said = queries.latest_by(found, KIND, visible.values("pk"), most=LATEST)
    about = visible.in_bulk({row.subject_id for row in said})
    profile = queries.profile_of(found)
    sets = list(datasets_by(request.user, found)[: _DATASETS_SHOWN + 1])
    context = {
        "now": now,
        "person": found,
        "profile": profile,
        "bio": html_of(profile.bio),
        "rows": rows_of(request.user, made.rows, now=now),
        "page": made,
        "said": [(row, about[row.subject_id]) for row in said],
        "counts": {"notebooks": rows.count(), "comments": queries.comment_total(found, KIND, visible.values("pk"))},
        "datasets": datasets_rows(request.user, sets[:_DATASETS_SHOWN]),
        "more_datasets": len(sets) > _DATASETS_SHOWN,
        "own": found.pk == request.user.pk,
    }
    return render(request, "people/person.html", context)


@signed_in
@require_GET
def bookmarks(request: UserRequest) -> HttpResponse:
    """What the person marked, the newest first; what they may no longer read is said to be so."""
    now = clock.now()
    found = page(request, queries.bookmarks_of(request.user, KIND, DATASET), "created_at")
    ids = {kind: [row.subject_id for row in found.rows if row.subject_kind == kind] for kind in (KIND, DATASET)}
    notebooks = visible_to(request.user).in_bulk(ids[KIND])
    datasets = datasets_of(request.user).in_bulk(ids[DATASET])
    there = {(KIND, key): of_notebook(row) for key, row in notebooks.items()}
    there |= {(DATASET, key): of_dataset(row) for key, row in datasets.items()}
    changed = {key: row.changed_at for key, row in notebooks.items()}
    changed |= {key: row.changed_at for key, row in datasets.items()}
    favours = queries.favour(KIND, ids[KIND]) | queries.favour(DATASET, ids[DATASET])
    rows = [
        {
            "mark": mark,
            "subject": there.get((mark.subject_kind, mark.subject_id)),
            "changed_at": changed.get(mark.subject_id),
            "votes": favours[mark.subject_id][0],
            "comments": favours[mark.subject_id][1],
        }
        for mark in found.rows
    ]
    return render(request, "people/bookmarks.html", {"now": now, "page": found, "rows": rows})


@signed_in
@require_POST
def remove_bookmark(request: UserRequest) -> HttpResponse:
    kind = DATASET if request.POST.get("kind") == DATASET else KIND
    actions.unbookmark(request.user, kind, request.POST.get("id", "")[:64])
    return redirect("/bookmarks/")
