"""What the person was told."""

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from studium.community.actions import save_profile
from studium.community.notifications import actions, queries
from studium.community.notifications.wording import leads_somewhere, sentence
from studium.community.queries import mailed
from studium.config.options import options
from studium.lib import clock
from studium.web.forms.community import MailForm
from studium.web.paging import page
from studium.web.requests import UserRequest, signed_in

_TABS = (("", "All"), ("unread", "Not read"))


@signed_in
@require_GET
def listing(request: UserRequest) -> HttpResponse:
    which = "unread" if request.GET.get("show") == "unread" else ""
    found = page(request, queries.notifications_of(request.user, only_unread=bool(which)), "at")
    rows = [(row, sentence(row, getattr(row, "people", 1)), leads_somewhere(row)) for row in found.rows]
    context = {"now": clock.now(), "rows": rows, "page": found, "tabs": _TABS, "which": which}
    return render(request, "notifications/list.html", context)


@signed_in
@require_GET
def follow(request: UserRequest, notification: int) -> HttpResponse:
    """Go to what it is about, which is then read."""
    row = actions.read(request.user, notification, now=clock.now())
    return HttpResponseRedirect(row.path)


@signed_in
@require_POST
def read(request: UserRequest) -> HttpResponse:
    """Mark one as read, or all of them where none is named."""
    one = request.POST.get("id", "")
    if one.isascii() and one.isdigit() and len(one) < 19:
        actions.read(request.user, int(one), now=clock.now())
    else:
        actions.read_all(request.user, now=clock.now())
    return redirect("/notifications/?show=unread" if request.POST.get("show") == "unread" else "/notifications/")


@signed_in
@require_http_methods(["GET", "POST"])
def settings(request: UserRequest) -> HttpResponse:
    """Which of them are also mailed."""
    form = MailForm(request.POST or None, initial={"kinds": [str(kind) for kind in mailed(request.user)]})
    if request.method == "POST":
        form = MailForm(request.POST)
        if form.is_valid():
            save_profile(request.user, mailed=form.chosen())
            messages.success(request, "Saved.")
            return redirect("/settings/notifications/")
    context = {"form": form, "sends_mail": bool(options().email_url)}
    return render(request, "settings/notifications.html", context, status=400 if form.errors else 200)
