"""What a dataset says of itself, who reads it, with whom it is shared, and its end."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from studium.accounts.models import User
from studium.accounts.states import SharedRole, Visibility
from studium.config.options import options
from studium.datasets import actions
from studium.datasets.access import dataset_for, may_manage
from studium.datasets.models import Dataset
from studium.datasets.profiles.queries import profile_of, summary_of
from studium.datasets.queries import collaborators_of, newest_of, tags_of, used_tags, versions_of
from studium.errors import BadInput, NotFound, StudiumError
from studium.lib import clock
from studium.notebooks.lineage import MOST, used_by
from studium.notebooks.sharing.queries import person_called
from studium.web.forms.datasets import CardForm, ShareDataset, WhoReads
from studium.web.requests import UserRequest, signed_in
from studium.web.views.datasets.showing import address

_MOST_TABLES = 50


@signed_in
@require_http_methods(["GET", "POST"])
def settings(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """The page of all of it, and saving the card."""
    dataset = dataset_for(request.user, f"{team}/{slug}", change=True)
    if request.method == "GET":
        return _page(request, dataset)
    form, status = CardForm(request.POST), 400
    if form.is_valid():
        try:
            actions.change_card(request.user, dataset, now=clock.now(), **form.said())
            messages.success(request, "The card is saved.")
            return redirect(address(dataset))
        except StudiumError as error:
            form.add_error(None, f"{error.message} {error.next_step}")
            status = error.status
    return _page(request, dataset, status=status, form=form)


def _page(request: UserRequest, dataset: Dataset, *, status: int = 200, **more: object) -> HttpResponse:
    """The page, with a form that was refused in place of a fresh one."""
    context = _sharing(request, dataset) | {
        "form": CardForm.of(dataset, tags_of([dataset]).get(dataset.pk, [])),
        "reads_form": WhoReads(initial={"visibility": dataset.visibility}),
        "tags_used": used_tags(request.user),
        **_columns(dataset),
        **more,
    }
    return render(request, "datasets/settings.html", context, status=status)


def _columns(dataset: Dataset) -> dict[str, object]:
    """The files with tables in the newest version, with how many of their columns are spoken of."""
    version = newest_of([dataset]).get(dataset.pk)
    counted: dict[str, list[str]] = {}
    for path, name in summary_of(profile_of(version) if version else None).columns:
        counted.setdefault(path, []).append(name)
    tables = [
        (path, sum(name in dataset.columns.get(path, {}) for name in names), len(names))
        for path, names in sorted(counted.items())
    ]
    return {"tables": tables[:_MOST_TABLES], "more_tables": max(0, len(tables) - _MOST_TABLES)}


def _sharing(request: UserRequest, dataset: Dataset, **more: object) -> dict[str, object]:
    manages = may_manage(request.user, dataset)
    context: dict[str, object] = {
        "now": clock.now(),
        "dataset": dataset,
        "url": address(dataset),
        "manages": manages,
    }
    if manages:
        context |= {"people": list(collaborators_of(dataset)), "share_form": fresh_share_form()}
    return context | more


def fresh_share_form(data: object = None) -> ShareDataset:
    return ShareDataset(data, anybody=not options().open_signup)


@signed_in
@require_POST
def visibility(request: UserRequest, team: str, slug: str) -> HttpResponse:
    dataset = dataset_for(request.user, f"{team}/{slug}", manage=True)
    form, status = WhoReads(request.POST), 400
    if form.is_valid():
        try:
            chosen = Visibility(form.cleaned_data["visibility"])
            actions.change_visibility(request.user, dataset, chosen, now=clock.now())
            messages.success(request, "Saved.")
            return redirect(address(dataset, "settings/"))
        except StudiumError as error:
            form.add_error(None, f"{error.message} {error.next_step}")
            status = error.status
    return _page(request, dataset, status=status, reads_form=form)


@signed_in
@require_POST
def share(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """Share with somebody by name."""
    dataset = dataset_for(request.user, f"{team}/{slug}", manage=True)
    form = fresh_share_form(request.POST)
    if not form.is_valid():
        return _answer(request, dataset, status=400, share_form=form)
    role = SharedRole(form.cleaned_data["role"])
    try:
        person = person_called(request.user, form.cleaned_data["who"])
    except StudiumError as error:
        form.add_error(None, f"{error.message} Check the name.")
        return _answer(request, dataset, status=error.status, share_form=form)
    actions.share(request.user, dataset, person, role, now=clock.now())
    return _answer(request, dataset, said=f"{person.username} is {role} of this dataset.")


@signed_in
@require_POST
def change_share(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """Give a collaborator another role, or remove them: `do` says which."""
    dataset = dataset_for(request.user, f"{team}/{slug}", manage=True)
    person = _collaborator(dataset, request.POST.get("username", ""))
    match request.POST.get("do", ""):
        case "remove":
            actions.unshare(request.user, dataset, person, now=clock.now())
            return _answer(request, dataset, said=f"This dataset is no longer shared with {person.username}.")
        case "reader" | "editor" as role:
            actions.share(request.user, dataset, person, SharedRole(role), now=clock.now())
            return _answer(request, dataset, said=f"{person.username} is {role} of this dataset.")
    raise BadInput("share.do_unknown", "The form does not say what to do.", "Go back and choose.")


def _collaborator(dataset: Dataset, username: str) -> User:
    found = collaborators_of(dataset).filter(user__username=username).first()
    if found is None:
        raise NotFound("share.nobody", f"This dataset is not shared with {username!r}.", "Its settings show with whom.")
    return found.user


def _answer(
    request: UserRequest, dataset: Dataset, *, status: int = 200, said: str = "", **more: object
) -> HttpResponse:
    """The section alone, or the page it is on."""
    if request.htmx:
        context = _sharing(request, dataset, said=said, **more)
        return render(request, "datasets/sharing.html", context, status=status)
    if status == 200:
        messages.success(request, said)
        return redirect(address(dataset, "settings/#sharing"))
    return _page(request, dataset, status=status, **more)


@signed_in
@require_POST
def leave(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """Be a collaborator no more."""
    dataset = dataset_for(request.user, f"{team}/{slug}")
    actions.unshare(request.user, dataset, request.user, now=clock.now())
    messages.success(request, f"{dataset.title} is no longer shared with you.")
    return redirect("/datasets/?show=shared")


@signed_in
@require_http_methods(["GET", "POST"])
def delete(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """Asks first, then deletes."""
    dataset = dataset_for(request.user, f"{team}/{slug}", manage=True)
    if request.method == "POST":
        actions.delete_dataset(request.user, dataset, now=clock.now())
        messages.success(
            request, f"{dataset.title} is deleted. What nothing else has of it is free within a few hours."
        )
        return redirect("/datasets/")
    context = {
        "dataset": dataset,
        "url": address(dataset),
        "count": versions_of(dataset).filter(deleted_at=None).count(),
        "readers": used_by(request.user, dataset),
        "most_uses": MOST,
    }
    return render(request, "datasets/delete.html", context)
