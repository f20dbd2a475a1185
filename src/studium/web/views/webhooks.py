"""The webhook of a schedule: where it goes, its last messages, a test, and taking it away."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from studium.errors import BadInput, StudiumError
from studium.lib import clock
from studium.notebooks.access import may_change, notebook_for
from studium.notebooks.models import Notebook, Schedule
from studium.notebooks.schedules.queries import schedule_of
from studium.notebooks.schedules.times import words
from studium.notebooks.webhooks import actions, queries
from studium.web.forms.webhooks import WebhookForm
from studium.web.requests import UserRequest, signed_in
from studium.web.views.notebooks import address
from studium.web.views.schedules import readable

_STATES = {"due": ("Waits", "warn"), "delivered": ("Delivered", "good"), "failed": ("Failed", "bad")}


def _page(
    request: UserRequest,
    notebook: Notebook,
    schedule: Schedule,
    form: WebhookForm | None = None,
    *,
    secret: str = "",
    status: int = 200,
) -> HttpResponse:
    able = may_change(request.user, notebook)
    found = queries.webhook_of(schedule)
    if form is None and able:
        form = WebhookForm(initial={"url": found.url, "notify": found.notify} if found else None)
    rows = list(queries.deliveries_of(found)[:20]) if found else []
    context = {
        "now": clock.now(),
        "notebook": notebook,
        "url": address(notebook),
        "able": able,
        "schedule": schedule,
        "words": words(schedule.cron),
        "webhook": found,
        "address": queries.shown_url(found, able=able) if found else "",
        "deliveries": [(row, *_STATES[row.state]) for row in rows],
        "waiting": any(row.state == "due" and row.tries == 0 for row in rows),
        "form": form,
        "secret": secret,
    }
    return render(request, "schedules/webhook.html", context, status=status)


@signed_in
@require_http_methods(["GET", "POST"])
def webhook(request: UserRequest, team: str, slug: str, schedule: str) -> HttpResponse:
    """The page, and setting it. A key that was made is on the answer to that and nowhere else."""
    if request.method == "GET":
        notebook = readable(request, team, slug)
        return _page(request, notebook, schedule_of(notebook, schedule))
    notebook = notebook_for(request.user, f"{team}/{slug}", change=True)
    found = schedule_of(notebook, schedule)
    form = WebhookForm(request.POST)
    if not form.is_valid():
        return _page(request, notebook, found, form, status=400)
    data = form.cleaned_data
    try:
        _, made = actions.set_webhook(
            request.user, found, data["url"], now=clock.now(), secret=data["secret"], notify=form.chosen
        )
    except StudiumError as error:
        form.add_error(None, f"{error.message} {error.next_step}")
        return _page(request, notebook, found, form, status=error.status)
    if made:
        return _page(request, notebook, found, secret=made)
    messages.success(request, "Saved. Send a test to see that it works.")
    return redirect(address(notebook, f"schedules/{found.pk}/webhook/"))


@signed_in
@require_POST
def act(request: UserRequest, team: str, slug: str, schedule: str) -> HttpResponse:
    """Send a test or remove it: `do` says which."""
    notebook = notebook_for(request.user, f"{team}/{slug}", change=True)
    found = queries.require_webhook(schedule_of(notebook, schedule))
    match request.POST.get("do", ""):
        case "test":
            actions.send_test(request.user, found, now=clock.now())
            messages.success(request, "A test message is on its way.")
        case "remove":
            actions.remove_webhook(request.user, found, now=clock.now())
            messages.success(request, "The webhook is removed.")
            return redirect(address(notebook, "schedules/"))
        case _:
            raise BadInput("webhook.do_unknown", "The form does not say what to do.", "Go back and choose.")
    return redirect(address(notebook, f"schedules/{schedule}/webhook/"))
