"""Notebooks: the listing, one notebook's page, and what its people do with it."""

from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.utils.text import get_valid_filename
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from studium.accounts.models import Project, User
from studium.config.options import options
from studium.datasets.queries import listed as datasets_listed
from studium.environments.access import visible_to as environments_of
from studium.errors import BadInput, StudiumError
from studium.lib import clock
from studium.notebooks import actions, queries
from studium.notebooks.access import may_change, may_manage, may_see_runs, notebook_for, visible_to
from studium.notebooks.git.states import Cloned
from studium.notebooks.inputs.live import shown as inputs_shown
from studium.notebooks.inputs.providers import providers_of, shown_providers
from studium.notebooks.inputs.queries import inputs_of
from studium.notebooks.launching import place_of, present_build
from studium.notebooks.models import Notebook, Version
from studium.notebooks.search.asked import LONGEST
from studium.notebooks.search.queries import search
from studium.notebooks.snapshots.queries import care_of
from studium.notebooks.states import LaunchKind, VersionKind, Visibility
from studium.notebooks.subjects import subject_of
from studium.notebooks.tags.queries import tags_of, used_tags
from studium.notebooks.versions import actions as versions
from studium.notebooks.versions.queries import newest_run, versions_of
from studium.plans.queries import standing
from studium.secrets.queries import for_notebook, given_names
from studium.storage import actions as storage
from studium.web import policy
from studium.web.forms.environments import ChooseEnvironment
from studium.web.forms.inputs import AddInput
from studium.web.forms.notebooks import NotebookSettings, StartForm, projects_to_write
from studium.web.forms.running import options_of
from studium.web.forms.secrets import SetSecret
from studium.web.paging import Page, page
from studium.web.requests import UserRequest, signed_in
from studium.web.shown import machines
from studium.web.shown.community import beside
from studium.web.shown.documents import DOCUMENT, show_document, what_shows
from studium.web.shown.git import forms_of, shown_git
from studium.web.shown.notebooks import VISIBILITY_WORDS, rows_of
from studium.web.shown.runs import show_all
from studium.web.shown.sharing import sharing
from studium.web.shown.versions import shown_versions

_TABS: tuple[tuple[queries.Which, str], ...] = (
    ("mine", "Mine"),
    ("team", "My teams"),
    ("shared", "Shared with me"),
    ("public", "Public"),
)
_COPIES = 20  # of those that are shown
_MOST_DATASETS = 5  # beside the notebooks that a search found
_SORTS: tuple[tuple[queries.Sort, str], ...] = (
    ("recent", "Last changed"),
    ("votes", "Most votes"),
    ("comments", "Most comments"),
)


def address(notebook: Notebook, rest: str = "") -> str:
    return f"/notebooks/{notebook.team.slug}/{notebook.slug}/{rest}"


@signed_in
@require_GET
def listing(request: UserRequest) -> HttpResponse:
    now = clock.now()
    asked = next((name for name, _ in _TABS if name == request.GET.get("show")), None)
    text, team = request.GET.get("q", "").strip()[:LONGEST], request.GET.get("team", "")
    context: dict[str, object] = {"now": now, "tabs": _TABS, "which": asked or "", "text": text, "team": team}
    if text:
        return render(request, "notebooks/found.html", context | _found(request, text, asked, team))
    which = asked or _TABS[0][0]
    sort = next((name for name, _ in _SORTS if which == "public" and name == request.GET.get("sort")), _SORTS[0][0])
    rows, field = queries.ranked(queries.listing(request.user, which, team_slug=team), sort)
    found = page(request, rows, field)
    context |= {
        "which": which,
        "rows": rows_of(request.user, found.rows, now=now),
        "page": found,
        "sorts": _SORTS if which == "public" else (),
        "sort": sort,
        "keep": f"show={which}&sort={sort}" if sort != "recent" else "",
    }
    return render(request, "notebooks/list.html", context)


def _found(request: UserRequest, text: str, which: queries.Which | None, team: str) -> dict[str, object]:
    """What a search found, everywhere the user may read or under one of the tabs."""
    after = request.GET.get("after", "")
    offset = int(after) if after.isascii() and after.isdigit() and len(after) < 6 else 0
    found = search(request.user, text, which=which, team=team, offset=offset)
    query = request.GET.copy()
    query["after"] = str(found.following)
    keep = request.GET.copy()
    keep.pop("after", None)
    pages = Page[Notebook]([], query.urlencode() if found.following else "", not offset)
    tags = tags_of([hit.notebook for hit in found.hits])
    hits = [(hit, tags.get(hit.notebook.pk, [])) for hit in found.hits]
    return {
        "hits": hits,
        "page": pages,
        "keep": keep.urlencode(),
        **({} if offset else _datasets(request, text, which, team)),
    }


def _datasets(request: UserRequest, text: str, which: queries.Which | None, team: str) -> dict[str, object]:
    """The few datasets changed last in which the words stand; the rest is found on their own page."""
    rows = datasets_listed(request.user, which or "all", search=text)
    if team:
        rows = rows.filter(team__slug=team)
    query = urlencode({"show": which or "team", "q": text} | ({"team": team} if team else {}))
    return {"datasets": list(rows[:_MOST_DATASETS]), "in_datasets": f"/datasets/?{query}"}


@signed_in
@require_GET
def show_notebook(request: UserRequest, team: str, slug: str) -> HttpResponse:
    notebook = notebook_for(request.user, f"{team}/{slug}")
    return notebook_page(request, notebook)


def notebook_page(
    request: UserRequest,
    notebook: Notebook,
    form: NotebookSettings | None = None,
    status: int = 200,
    *,
    secret: SetSecret | None = None,
    environment: ChooseEnvironment | None = None,
    reads: AddInput | None = None,
    shared: dict[str, object] | None = None,
) -> HttpResponse:
    """The notebook's page, with a form that was refused in place of a fresh one, or the sharing as it was just changed."""
    now = clock.now()
    shown = shared or sharing(request.user, notebook, now=now)
    manages = bool(shown["manages"])
    able = manages or may_change(request.user, notebook)
    theirs = able or may_see_runs(request.user, notebook)
    launches = list(queries.launches_of(notebook)[:10]) if theirs else []
    runs = show_all([launch.run for launch in launches], now=now)
    live = next((r for r in runs if r.live), None)
    newest = list(versions_of(notebook)[:5])
    ran = next((version for version in newest if version.kind == VersionKind.RUN), None)
    context = {
        "now": now,
        "notebook": notebook,
        "url": address(notebook),
        "able": able,
        "theirs": theirs,
        "live": live,
        "last": runs[0] if runs else None,
        "ran": ran,
        "outputs_in": ran if ran and _has_the_outputs(ran, notebook) else None,
        "history": list(zip(launches, runs, strict=True)),
        "document": show_document(request, notebook, now=now),
        "versions": shown_versions(newest, theirs=theirs, now=now),
        **_schedules(notebook, theirs=theirs),
        **_environment(request.user, notebook),
        "inputs": inputs_shown(request.user, notebook),
        "providers": shown_providers(request.user, notebook),
        **_git(notebook, theirs=theirs),
        "care": care_of(notebook) if theirs else None,
        "origin": origin_for(request, notebook),
        "copies": (count := queries.copies_of([notebook]).get(notebook.pk, 0)),
        "copied_to": queries.copies_for(request.user, notebook).select_related("team")[:_COPIES] if count else (),
        "visibility": VISIBILITY_WORDS[notebook.visibility],
        **beside(request.user, subject_of(notebook)),
        "tags": tags_of([notebook]).get(notebook.pk, []),
        **shown,
    }
    if able:
        context |= _of_editors(request, notebook, form, secret, environment, reads, manages=manages, now=now)
    response = render(request, "notebooks/show.html", context, status=status)
    return _framing(response, notebook)


def _has_the_outputs(version: Version, notebook: Notebook) -> bool:
    """Whether the version ran what the notebook says now, and has outputs that the notebook has not."""
    return version.settled_at is not None and version.source == notebook.document != version.document


def _of_editors(
    request: UserRequest,
    notebook: Notebook,
    form: NotebookSettings | None,
    secret: SetSecret | None,
    environment: ChooseEnvironment | None,
    reads: AddInput | None,
    *,
    manages: bool,
    now: datetime,
) -> dict[str, object]:
    """What is on the page for those who may change and run it; some of it only for those who manage it."""
    allowance = standing(notebook.team, now=now)
    said = {"title": notebook.title, "visibility": notebook.visibility, "internet": notebook.internet}
    context = machines.offer(allowance, request.GET.get("machine") or notebook.machine_type)
    context |= {
        "plan": allowance.plan,
        "form": form or NotebookSettings(initial=said, manages=manages),
        "input_form": reads or AddInput(user=request.user, notebook=notebook),
        "environment_form": environment or ChooseEnvironment(request.user, notebook),
        "tags_used": [name for name, _ in used_tags(queries.listing(request.user, "mine"))],
    }
    if manages:
        context |= secrets_of(notebook, secret)
    else:
        context["given_secrets"] = given_names(place_of(notebook))
    return context


def secrets_of(notebook: Notebook, form: SetSecret | None) -> dict[str, object]:
    """What the section of secrets shows, to those who manage the notebook."""
    usable = for_notebook(place_of(notebook))
    return {
        "secrets": usable,
        "secrets_used": sum(shown.attached and not shown.hidden for shown in usable),
        "secret_form": form or SetSecret(),
    }


def _environment(user: User, notebook: Notebook) -> dict[str, object]:
    """What it runs in, and what it has beyond that."""
    build = present_build(notebook)
    base = {each["name"]: each["version"] for each in build.packages} if build else {}
    extra = [{"name": name, "version": version, "base": base.get(name, "")} for name, version in notebook.packages]
    seen = notebook.environment is not None and environments_of(user).filter(pk=notebook.environment.pk).exists()
    return {"build": build, "extra": extra, "environment_seen": seen}


def _schedules(notebook: Notebook, *, theirs: bool) -> dict[str, object]:
    found = list(notebook.schedules.filter(deleted_at=None).values_list("next_at", flat=True)) if theirs else []
    return {"scheduled": len(found), "due_next": min((at for at in found if at), default=None)}


def _git(notebook: Notebook, *, theirs: bool) -> dict[str, object]:
    shown = shown_git(notebook) if theirs else None
    if shown is None:
        return {}
    return {"git": shown, "unready": shown.repository.state != Cloned.READY, **forms_of(shown)}


def origin_for(request: UserRequest, notebook: Notebook) -> Notebook | None:
    """What it was copied from, if the user may read that."""
    if notebook.copied_from_id is None:
        return None
    return visible_to(request.user).filter(pk=notebook.copied_from_id).first()


def _framing(response: HttpResponse, notebook: Notebook) -> HttpResponse:
    response["Content-Security-Policy"] = policy.content_policy(
        frames=[options().content_url(DOCUMENT + notebook.label)]
    )
    return response


@signed_in
@require_GET
def document(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """The part of the page that shows the rendered document, for pages that wait for it; nothing where it is as it was, so
    that what somebody reads meanwhile stays where it is."""
    notebook = notebook_for(request.user, f"{team}/{slug}")
    now = clock.now()
    if request.GET.get("shows") == what_shows(notebook):
        return HttpResponse(status=204)
    context = {
        "now": now,
        "notebook": notebook,
        "url": address(notebook),
        "document": show_document(request, notebook, now=now),
        "able": may_change(request.user, notebook),
    }
    return _framing(render(request, "notebooks/document.html", context), notebook)


@signed_in
@require_GET
def status(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """The part of the page that says what runs. A run that has ended or begun since makes the whole page load again."""
    notebook = notebook_for(request.user, f"{team}/{slug}")
    now = clock.now()
    theirs = may_see_runs(request.user, notebook)
    run = actions.live_run(notebook) if theirs else None
    if (run.pk if run else "") != request.GET.get("run", ""):
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    launch = queries.workspace_launches_of(notebook).first() if theirs else None
    last = show_all([launch.run], now=now)[0] if launch else None
    context = {
        "now": now,
        "notebook": notebook,
        "url": address(notebook),
        "live": last if run else None,
        "last": last,
        "ran": None if last else newest_run(notebook),
        "theirs": theirs,
        "able": may_change(request.user, notebook),
    }
    return render(request, "notebooks/status.html", context)


@signed_in
@require_GET
def download(request: UserRequest, team: str, slug: str) -> HttpResponse:
    notebook = notebook_for(request.user, f"{team}/{slug}")
    name = get_valid_filename(f"{notebook.slug}.ipynb")
    return HttpResponse(
        storage.get(notebook.document),
        content_type="application/x-ipynb+json",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Content-Security-Policy": "sandbox"},
    )


@signed_in
@require_POST
def change(request: UserRequest, team: str, slug: str) -> HttpResponse:
    notebook = notebook_for(request.user, f"{team}/{slug}", change=True)
    form = NotebookSettings(request.POST, manages=may_manage(request.user, notebook))
    if not form.is_valid():
        return notebook_page(request, notebook, form, 400)
    try:
        data = form.cleaned_data
        actions.update_notebook(
            request.user,
            notebook,
            now=clock.now(),
            title=data["title"],
            visibility=Visibility(data["visibility"]) if "visibility" in data else None,
            internet=data.get("internet"),
        )
    except StudiumError as error:
        form.add_error(None, f"{error.message} {error.next_step}")
        return notebook_page(request, notebook, form, error.status)
    messages.success(request, "Saved.")
    return redirect(address(notebook))


@signed_in
@require_POST
def upload(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """Replace the document by a file."""
    notebook = notebook_for(request.user, f"{team}/{slug}", change=True)
    file = request.FILES.get("file")
    if file is None:
        raise BadInput("notebook.no_file", "No file was chosen.", "Choose an .ipynb file, then press Upload.")
    actions.replace_document(request.user, notebook, file.read(), now=clock.now())
    messages.success(request, "The notebook now has the content of the file.")
    return redirect(address(notebook))


@signed_in
@require_POST
def copy(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """Copy and edit: a notebook of the user's own with the same content."""
    notebook = notebook_for(request.user, f"{team}/{slug}")
    made = versions.copy(request.user, notebook, own_project(request), now=clock.now())
    say_left_out(request, input_names(notebook), made)
    return redirect(address(made))


def input_names(notebook: Notebook) -> list[str]:
    """Of all its inputs."""
    return [row.name for row in inputs_of(notebook)] + [row.name for row in providers_of(notebook)]


def say_left_out(request: UserRequest, names: list[str], made: Notebook) -> None:
    """Tell of inputs that a copy did not get, as who copies may not read them."""
    kept = set(input_names(made))
    if missing := [name for name in names if name not in kept]:
        messages.warning(request, f"Not yours to read, so the copy is without: {', '.join(missing)}.")


def own_project(request: UserRequest) -> Project:
    """The first project the user may write to, their personal one as a rule. Raises BadInput when there is none."""
    found = next(iter(projects_to_write(request.user)), None)
    if found is None:
        raise BadInput("project.none", "You have no project to put a notebook in.", "Make one on your team's page.")
    return found


@signed_in
@require_http_methods(["GET", "POST"])
def delete(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """Asks first, then deletes."""
    notebook = notebook_for(request.user, f"{team}/{slug}", manage=True)
    if request.method == "POST":
        actions.delete_notebook(request.user, notebook, now=clock.now())
        messages.success(request, f"{notebook.title} is deleted.")
        return redirect("/notebooks/")
    return render(
        request,
        "notebooks/delete.html",
        {"notebook": notebook, "url": address(notebook), "live": actions.live_run(notebook)},
    )


@signed_in
@require_POST
def start(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """Put a session or an execution in the queue and go where it can be watched."""
    notebook = notebook_for(request.user, f"{team}/{slug}", change=True)
    form = StartForm(request.POST)
    if not form.is_valid():
        raise BadInput("start.form", "Choose a machine and what to do.", "Go back and choose.")
    kind = LaunchKind(form.cleaned_data["kind"])
    how = options_of(request.POST) if kind == LaunchKind.EXECUTION else None
    run = actions.start(request.user, notebook, kind, form.cleaned_data["machine"], now=clock.now(), options=how)
    return HttpResponseRedirect(address(notebook, "edit/") if kind == LaunchKind.SESSION else f"/runs/{run.pk}/")
