"""Runs: the listing, one run with its course, log and cost, and stopping it."""

from urllib.parse import urlencode

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from studium.compute import actions, queries
from studium.compute.engines.base import EngineError
from studium.compute.logsearch import search_log
from studium.compute.models import Run
from studium.compute.states import LIVE, State
from studium.errors import BadInput, Forbidden, StudiumError
from studium.events.queries import about
from studium.lib import clock
from studium.notebooks.access import readable_runs, run_as
from studium.notebooks.models import Launch
from studium.notebooks.queries import notebook_of, notebooks_of_runs
from studium.plans.queries import run_cost
from studium.web.paging import page
from studium.web.requests import UserRequest, signed_in
from studium.web.shown import logs, machines, meters
from studium.web.shown.charts import use_charts
from studium.web.shown.events import event_words
from studium.web.shown.runs import options_words, progress_share, show, show_all
from studium.web.shown.timeline import timeline

_TABS = (("all", "All"), ("live", "Not ended"), ("ended", "Ended"))


@signed_in
@require_GET
def listing(request: UserRequest) -> HttpResponse:
    now = clock.now()
    which = next((name for name, _ in _TABS if name == request.GET.get("show")), "all")
    rows = readable_runs(request.user)
    if which != "all":
        rows = rows.filter(state__in=LIVE) if which == "live" else rows.filter(state=State.ENDED)
    if request.GET.get("team"):
        rows = rows.filter(team__slug=request.GET["team"])
    found = page(request, rows, "submitted_at")
    owned = notebooks_of_runs(found.rows)
    shown = [(s, owned.get(s.run.pk)) for s in show_all(found.rows, now=now)]
    return render(request, "runs/list.html", {"now": now, "rows": shown, "page": found, "tabs": _TABS, "which": which})


@signed_in
@require_GET
def show_run(request: UserRequest, run_id: str) -> HttpResponse:
    run = run_as(request.user, run_id)
    context = _context(request, run) | _searched(request, run)
    try:
        context["log"], context["log_start"], context["log_end"] = logs.tail(run)
    except (OSError, StudiumError):
        context["log_lost"] = True
    return render(request, "runs/show.html", context)


def _searched(request: UserRequest, run: Run) -> dict[str, object]:
    """What of the log has the text that was asked for, and what a page needs to show it and to ask for more."""
    text, after = request.GET.get("q", "").strip(), request.GET.get("after", "")
    context: dict[str, object] = {"run": run, "text": text}
    if not text:
        return context
    try:
        number = int(after) if after.isascii() and after.isdigit() and len(after) < 12 else 0
        found = search_log(run, text, after=number, context=1)
    except BadInput as error:
        return {**context, "problem": f"{error.message} {error.next_step}"}
    except (OSError, EngineError):
        return {**context, "problem": "The log cannot be read at this moment. Search again in a minute."}
    last = found.hits[-1].line if found.hits else number
    return {**context, "found": found, "after": number, "following": urlencode({"q": text, "after": last})}


@signed_in
@require_GET
def search(request: UserRequest, run_id: str) -> HttpResponse:
    """Lines of the log that have a text: a part of the run's page and of the editor's panel."""
    run = run_as(request.user, run_id)
    return render(request, "runs/search_hits.html", _searched(request, run))


@signed_in
@require_GET
def watch(request: UserRequest, run_id: str) -> HttpResponse:
    """What was used over time, and the log's search, for the editor's panel."""
    run = run_as(request.user, run_id)
    return render(request, "runs/watch.html", {"run": run, "use": use_charts(run)})


@signed_in
@require_GET
def state(request: UserRequest, run_id: str) -> HttpResponse:
    """The part of the page that changes while the run lives; its end makes the whole page load again."""
    run = run_as(request.user, run_id)
    if request.htmx and run.state == State.ENDED:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return render(request, "runs/state.html", _context(request, run))


def _context(request: UserRequest, run: Run) -> dict[str, object]:
    now = clock.now()
    simulated = queries.is_simulated(run)
    shown = show(
        run, now=now, simulated_kinds=frozenset({run.machine_type.accelerator_kind}) if simulated else frozenset()
    )
    seconds, cost = run_cost(run.pk)
    return {
        "now": now,
        "run": run,
        "shown": shown,
        "simulated": simulated,
        "sizes": machines.sizes(run.machine_type),
        "meters": meters.usage_meters(run, simulated) if run.state == State.RUNNING else [],
        "use": use_charts(run),
        "share": progress_share(run.progress),
        "timeline": timeline(run, now=now),
        "seconds": seconds,
        "cost": cost,
        "notebook": notebook_of(run),
        "options": options_words(launch.options) if (launch := Launch.objects.filter(run=run).first()) else "",
        "events": [(event, event_words(event)) for event in about("run", run.pk)[:100]],
        "may_stop": shown.live and _may_stop(request, run),
    }


def _may_stop(request: UserRequest, run: Run) -> bool:
    try:
        run_as(request.user, run.pk, change=True)
    except Forbidden:
        return False
    return True


@signed_in
@require_GET
def log(request: UserRequest, run_id: str) -> HttpResponse:
    """What was printed since `offset`, and the element that asks for the next piece."""
    run = run_as(request.user, run_id)
    try:
        offset = max(0, int(request.GET.get("offset", "0")))
    except ValueError:
        raise BadInput("log.offset", "The offset of a log is a number.", "Load the page again.") from None
    text, end = logs.piece(run, offset)
    return render(
        request,
        "runs/log.html",
        {"run": run, "text": text, "log_end": end, "live": run.state != State.ENDED or bool(text)},
    )


@signed_in
@require_GET
def download_log(request: UserRequest, run_id: str) -> StreamingHttpResponse:
    """The whole log as it was printed."""
    run = run_as(request.user, run_id)
    headers = {"Content-Disposition": f'attachment; filename="run-{run.pk}.log"'}
    return StreamingHttpResponse(queries.log_pieces(run), content_type="text/plain; charset=utf-8", headers=headers)


@signed_in
@require_POST
def stop(request: UserRequest, run_id: str) -> HttpResponse:
    run = run_as(request.user, run_id, change=True)
    actions.stop_run(request.user, run, now=clock.now())
    return redirect(f"/runs/{run.pk}/")
