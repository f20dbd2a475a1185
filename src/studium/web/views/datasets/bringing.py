"""Files for a dataset from elsewhere: a form for each kind of source, how far it is, calling it off, once more."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from pydantic import ValidationError

from studium.api.dataset_sources import begun
from studium.api.shapes.dataset_sources import DatasetImportShape
from studium.datasets.access import dataset_for
from studium.datasets.models import Dataset
from studium.datasets.queries import newest_of
from studium.datasets.sources import actions
from studium.datasets.sources.models import Import
from studium.datasets.sources.states import LIVE
from studium.errors import BadInput, StudiumError
from studium.lib import clock
from studium.notebooks.bringing import bring_again
from studium.notebooks.inputs.queries import offered
from studium.notebooks.models import Notebook
from studium.storage.providers.access import usable_by
from studium.web.forms.dataset_sources import FromGit, FromNotebook, FromProvider, FromUrls
from studium.web.requests import UserRequest, signed_in
from studium.web.views.datasets.showing import address

_LISTED = 20
_Forms = FromUrls | FromGit | FromNotebook | FromProvider
_FORMS: dict[str, type[_Forms]] = {
    "url": FromUrls,
    "git": FromGit,
    "notebook": FromNotebook,
    "provider": FromProvider,
}


def _dataset(request: UserRequest, team: str, slug: str) -> Dataset:
    return dataset_for(request.user, f"{team}/{slug}", change=True)


@signed_in
@require_http_methods(["GET", "POST"])
def bring(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """What is brought and was, and a form for each kind of source; with POST one of them."""
    dataset = _dataset(request, team, slug)
    if request.method == "GET":
        return _page(request, dataset)
    kind = request.POST.get("kind", "")
    if kind not in _FORMS:
        raise BadInput("import.no_source", "Nothing is said of where the files are.", "Choose one of the forms.")
    form = _FORMS[kind](request.POST, prefix=kind)
    if form.is_valid():
        try:
            begun(request.user, dataset, form.wanted())
            return redirect(address(dataset, "from/"))
        except StudiumError as error:
            form.add_error(None, f"{error.message} {error.next_step}")
            return _page(request, dataset, kind, form, error.status)
        except ValidationError:
            form.add_error(None, "Something of this is too long, or is no text. Shorten it.")
    return _page(request, dataset, kind, form, 400)


def _page(
    request: UserRequest, dataset: Dataset, kind: str = "", filled: _Forms | None = None, status: int = 200
) -> HttpResponse:
    chosen = kind or request.GET.get("kind", "")
    shown = chosen if chosen in _FORMS else "url"
    context = {
        "forms": {name: form(prefix=name) for name, form in _FORMS.items()} | ({kind: filled} if filled else {}),
        "shown": shown,
        "newest": newest_of([dataset]).get(dataset.pk),
        "notebooks": [each for each in offered(request.user) if isinstance(each, Notebook)],
        "providers": usable_by(request.user),
        **_under_way(dataset),
    }
    return render(request, "datasets/from.html", context, status=status)


def _under_way(dataset: Dataset) -> dict[str, object]:
    rows = Import.objects.filter(dataset=dataset).select_related("run", "created_by", "version")
    found = [DatasetImportShape.of(row) for row in rows.order_by("-created_at")[:_LISTED]]
    return {
        "now": clock.now(),
        "dataset": dataset,
        "url": address(dataset),
        "imports": found,
        "going_on": any(each.state in LIVE for each in found),
    }


@signed_in
@require_GET
def progress(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """The list alone, for the page to renew."""
    return render(request, "datasets/imports.html", _under_way(_dataset(request, team, slug)))


@signed_in
@require_POST
def cancel(request: UserRequest, team: str, slug: str, import_id: str) -> HttpResponse:
    dataset = _dataset(request, team, slug)
    actions.cancel(request.user, actions.import_of(dataset, import_id), now=clock.now())
    messages.success(request, "It is called off.")
    return redirect(address(dataset, "from/"))


@signed_in
@require_POST
def again(request: UserRequest, team: str, slug: str, import_id: str) -> HttpResponse:
    """Go on with one that failed, or look whether something is new."""
    dataset = _dataset(request, team, slug)
    bring_again(request.user, actions.import_of(dataset, import_id), now=clock.now())
    return redirect(address(dataset, "from/"))
