"""The editor: JupyterLab in a frame beside our panel. The frame stays while the panel is fetched anew."""

import re
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from studium.compute import actions as compute
from studium.compute.models import Run
from studium.compute.queries import is_simulated
from studium.compute.states import State
from studium.config.options import options
from studium.datasets.access import dataset_for
from studium.errors import BadInput, NotYet
from studium.lib import clock
from studium.notebooks import actions
from studium.notebooks.access import may_manage, notebook_for, visible_to
from studium.notebooks.models import Notebook
from studium.notebooks.queries import workspace_launches_of
from studium.plans.estimates import cost_of
from studium.plans.queries import standing
from studium.web import policy
from studium.web.requests import UserRequest, signed_in
from studium.web.shown import machines, meters
from studium.web.shown.documents import DATA, DOCUMENT, entrance, lab_path
from studium.web.shown.runs import about_words, idle_words, live_line, progress_share, show, warnings
from studium.web.views.notebooks import address

_RUNNING = "running"
_FILE = re.compile(r"/v/[0-9]{1,9}/files/[0-9]{1,6}/(raw)?", re.ASCII)
_VERSION = re.compile(r"/v/[0-9]{1,9}/(files/([0-9]{1,6}/)?)?|/compare/[0-9]{1,9}/[0-9]{1,9}/", re.ASCII)
_PHASES = {State.QUEUED: "waiting", State.ASSIGNED: "starting", State.STARTING: "starting"}


@dataclass(frozen=True)
class _Scene:
    """What the editor shows: the newest run, and whether the frame has something to frame."""

    run: Run | None

    @property
    def phase(self) -> str:
        if self.run is None:
            return "ended"
        if not self.run.interactive and self.run.state != State.ENDED:
            return "executing"
        return _PHASES.get(State(self.run.state), self.run.state)

    @property
    def key(self) -> str:
        """The page loads anew when this changes; anything else changes inside it."""
        return f"{self.run.pk if self.run else ''}.{_RUNNING if self.phase == _RUNNING else 'still'}"


def _scene(notebook: Notebook) -> _Scene:
    live = actions.live_run(notebook)
    if live is not None:
        return _Scene(live)
    last = workspace_launches_of(notebook).first()
    return _Scene(last.run if last else None)


@signed_in
@require_GET
def editor(request: UserRequest, team: str, slug: str) -> HttpResponse:
    notebook = notebook_for(request.user, f"{team}/{slug}", change=True)
    now = clock.now()
    scene = _scene(notebook)
    context = _panel_context(notebook, scene) | {"manages": may_manage(request.user, notebook)}
    frames = []
    if scene.phase == _RUNNING:
        context["source"] = entrance(request, notebook.label, lab_path(request, notebook), now=now)
        frames = [options().content_url(notebook.label)]
    response = render(request, "editor/editor.html", context)
    response["Content-Security-Policy"] = policy.content_policy(frames=frames)
    return response


@signed_in
@require_GET
def panel(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """The panel alone. When the frame must come or go the whole page is asked to load again."""
    notebook = notebook_for(request.user, f"{team}/{slug}", change=True)
    return _panel(request, notebook)


def _panel(request: UserRequest, notebook: Notebook, said: str = "") -> HttpResponse:
    scene = _scene(notebook)
    if request.GET.get("scene", scene.key) != scene.key:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return render(request, "editor/refresh.html", _panel_context(notebook, scene) | {"said": said})


def _panel_context(notebook: Notebook, scene: _Scene) -> dict[str, object]:
    now, run = clock.now(), scene.run
    allowance = standing(notebook.team, now=now)
    context: dict[str, object] = {
        "now": now,
        "notebook": notebook,
        "url": address(notebook),
        "scene": scene,
        "run": run,
        "plan": allowance.plan,
        **machines.offer(allowance, notebook.machine_type),
    }
    if run is None:
        return context
    simulated = is_simulated(run)
    context |= {
        "shown": show(
            run, now=now, simulated_kinds=frozenset({run.machine_type.accelerator_kind}) if simulated else frozenset()
        ),
        "simulated": simulated,
        "sizes": machines.sizes(run.machine_type),
        "changing_to": notebook.next_machine,
        "may_extend": allowance.rules.extend,
    }
    if scene.phase == _RUNNING and run.running_at is not None:
        elapsed = int((now - run.running_at).total_seconds())
        context |= {
            "line": live_line(run, now=now),
            "idle": idle_words(run, now=now),
            "elapsed": elapsed,
            "left": max(0, run.max_seconds - elapsed),
            "cost": cost_of(run.machine_type.price_micros_hour, elapsed),
            "counted": allowance.left_for(run.machine_type.as_spec()) is not None,
            "devices": max(1, run.machine_type.accelerator_count),
            "meters": meters.usage_meters(run, simulated),
            "warnings": warnings(run, now=now),
        }
    context["share"] = progress_share(run.progress)
    return context


def _live(notebook: Notebook) -> Run:
    run = actions.live_run(notebook)
    if run is None:
        raise NotYet("run.not_running", "No session of this notebook is running.", "Start it first.")
    return run


def _after(request: UserRequest, notebook: Notebook, said: str = "") -> HttpResponse:
    return _panel(request, notebook, said) if request.htmx else redirect(address(notebook, "edit/"))


@signed_in
@require_POST
def extend(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """One hour more, as far as the plan goes."""
    notebook = notebook_for(request.user, f"{team}/{slug}", change=True)
    now = clock.now()
    run = compute.extend_run(request.user, _live(notebook), now=now)
    left = compute.time_deadline(run)
    said = f"Extended: {about_words((left - now).total_seconds())} from now." if left else "Extended."
    if not request.htmx:
        messages.success(request, said)
    return _after(request, notebook, said)


@signed_in
@require_POST
def stop(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """Save and stop, or leave the queue. Then the notebook can be read where it was."""
    notebook = notebook_for(request.user, f"{team}/{slug}", change=True)
    run = actions.live_run(notebook)
    if run is not None:
        compute.stop_run(request.user, run, now=clock.now())
    return _after(request, notebook)


@signed_in
@require_POST
def change_machine(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """Stop, and start again on another machine type with the same workspace."""
    notebook = notebook_for(request.user, f"{team}/{slug}", change=True)
    machine = request.POST.get("machine", "")
    if not machine:
        raise BadInput("machine.none", "No machine type was chosen.", "Choose one, then press Change.")
    actions.change_machine(request.user, notebook, machine, now=clock.now())
    return redirect(address(notebook, "edit/"))


@signed_in
@require_GET
def open_label(request: UserRequest, label: str) -> HttpResponse:
    """From a content host's address to a ticket into it: how editor, documents and files open in a tab of their own."""
    if label.startswith(DATA):
        path = request.GET.get("path", "")
        dataset = dataset_for(request.user, label.removeprefix(DATA))
        place = path if _FILE.fullmatch(path) else ""
        if not place:
            return redirect(f"/datasets/{dataset.team.slug}/{dataset.slug}/")
        return redirect(entrance(request, label, place, now=clock.now()))
    rows = visible_to(request.user).filter(label=label.removeprefix(DOCUMENT)).values_list("pk", flat=True)
    notebook = notebook_for(request.user, rows.first() or label, change=not label.startswith(DOCUMENT))
    now = clock.now()
    if label.startswith(DOCUMENT):
        path = request.GET.get("path", "")
        return redirect(entrance(request, label, path if _VERSION.fullmatch(path) else "/", now=now))
    run = actions.live_run(notebook)
    if run is None or not run.interactive or run.state != State.RUNNING:
        return redirect(address(notebook, "edit/"))
    return redirect(entrance(request, label, lab_path(request, notebook), now=now))
