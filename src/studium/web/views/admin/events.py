"""The record of what happened, with filters."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from studium.events.queries import filtered
from studium.lib import clock
from studium.web.paging import page
from studium.web.requests import UserRequest
from studium.web.shown.events import event_words
from studium.web.views.admin import operators


@operators
@require_GET
def listing(request: UserRequest) -> HttpResponse:
    asked = {name: request.GET.get(name, "").strip()[:80] for name in ("kind", "actor", "subject")}
    found = page(request, filtered(**asked), "id", size=80)
    context = {
        "now": clock.now(),
        "rows": [(event, event_words(event)) for event in found.rows],
        "page": found,
        "asked": asked,
    }
    return render(request, "admin/events.html", context)
