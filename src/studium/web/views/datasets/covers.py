"""The cover of a dataset: shown, brought, taken away."""

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from studium.api.serving import served
from studium.datasets import actions
from studium.datasets.access import dataset_for
from studium.datasets.covers import MOST_BYTES, TYPES
from studium.errors import BadInput, NotFound
from studium.lib import clock
from studium.storage import actions as storage
from studium.web.requests import UserRequest, signed_in
from studium.web.views.datasets.showing import address, lost


@signed_in
@require_safe
def cover(request: UserRequest, team: str, slug: str) -> HttpResponseBase:
    """The picture. It can run nothing: no other type is sent, and browsers keep to it."""
    dataset = dataset_for(request.user, f"{team}/{slug}")
    if not dataset.cover:
        raise NotFound("cover.none", "This dataset has no cover.", "Whoever may change it sets one under Settings.")
    try:
        content = storage.get(dataset.cover)
    except FileNotFoundError as error:
        raise lost() from error
    response = served(
        request,
        lambda start, length: iter([content[start : start + length]]),
        size=len(content),
        name=f"{slug}.{dataset.cover_kind}",
        etag=dataset.cover,
        changed_at=dataset.changed_at,
    )
    response["Content-Type"], response["Content-Disposition"] = TYPES[dataset.cover_kind], "inline"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


@signed_in
@require_POST
def change(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """Bring one, or with `do=remove` take it away."""
    dataset = dataset_for(request.user, f"{team}/{slug}", change=True)
    if request.POST.get("do") == "remove":
        actions.remove_cover(request.user, dataset, now=clock.now())
        messages.success(request, "The cover is gone.")
        return redirect(address(dataset, "settings/#cover"))
    file = request.FILES.get("cover")
    if file is None:
        raise BadInput("cover.no_file", "No picture was chosen.", "Choose one, then press Save.")
    # One byte more tells that there is more.
    actions.set_cover(request.user, dataset, file.read(MOST_BYTES + 1), now=clock.now())
    messages.success(request, "The cover is saved.")
    return redirect(address(dataset, "settings/#cover"))
