"""The page of a person: who they are, what they made public, what they said; and one's own bookmarks."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from studium.community import actions, queries
from studium.lib import clock
from studium.notebooks.access import visible_to
from studium.notebooks.queries import by_person, ranked
from studium.notebooks.subjects import KIND
from studium.web.paging import page
from studium.web.requests import UserRequest, signed_in
from studium.web.shown.community import html_of
from studium.web.shown.notebooks import rows_of

LATEST = 10


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
    context = {
        "now": now,
        "person": found,
        "profile": profile,
        "bio": html_of(profile.bio),
        "rows": rows_of(request.user, made.rows, now=now),
        "page": made,
        "said": [(row, about[row.subject_id]) for row in said],
        "counts": {"notebooks": rows.count(), "comments": queries.comment_total(found, KIND, visible.values("pk"))},
        "own": found.pk == request.user.pk,
    }
    return render(request, "people/person.html", context)


@signed_in
@require_GET
def bookmarks(request: UserRequest) -> HttpResponse:
    """What the person marked, the newest first; what they may no longer read is said to be so."""
    now = clock.now()
    found = page(request, queries.bookmarks_of(request.user, KIND), "created_at")
    there = visible_to(request.user).in_bulk([row.subject_id for row in found.rows])
    shown = {row.notebook.pk: row for row in rows_of(request.user, list(there.values()), now=now)}
    context = {"now": now, "page": found, "rows": [(row, shown.get(row.subject_id)) for row in found.rows]}
    return render(request, "people/bookmarks.html", context)


@signed_in
@require_POST
def remove_bookmark(request: UserRequest) -> HttpResponse:
    actions.unbookmark(request.user, KIND, request.POST.get("id", "")[:64])
    return redirect("/bookmarks/")
