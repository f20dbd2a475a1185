"""Files for a dataset's next version: begun and sent piece by piece by the page's script, or in one plain form.

The script's addresses answer in JSON, errors too. What has arrived is asked of the server each time, so nothing is lost with
a page that is closed.
"""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from studium.api.serving import received
from studium.datasets import actions, uploading
from studium.datasets.access import dataset_for, version_for
from studium.datasets.files import Brought
from studium.datasets.models import Dataset, DatasetVersion
from studium.datasets.queries import newest_of
from studium.errors import BadInput, NotYet, StudiumError
from studium.lib import clock
from studium.lib.units import MIB
from studium.notebooks.queries import stored_before, stored_bytes
from studium.notebooks.stored.queries import more, room_of_team
from studium.storage.models import Upload
from studium.web.requests import UserRequest, signed_in
from studium.web.views.datasets.showing import address, number_in

PIECE = 8 * MIB
_LISTED = 100
Answers = Callable[..., JsonResponse]


def in_json(view: Answers) -> Callable[..., HttpResponseBase]:
    """For addresses that only a script asks for: errors are JSON, and who is not signed in is told so."""

    @wraps(view)
    def guarded(request: UserRequest, *args: Any, **kwargs: Any) -> JsonResponse:
        try:
            return view(request, *args, **kwargs)
        except StudiumError as error:
            return JsonResponse(error.as_dict(), status=error.status)

    return signed_in(guarded)


def _dataset(request: UserRequest, team: str, slug: str) -> Dataset:
    return dataset_for(request.user, f"{team}/{slug}", change=True)


@signed_in
@require_http_methods(["GET", "POST"])
def add(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """The page that takes files; with POST a version of what has arrived and of the files of the form."""
    dataset = _dataset(request, team, slug)
    newest = newest_of([dataset]).get(dataset.pk)
    if request.method == "GET":
        return _page(request, dataset, newest)
    try:
        return _make(request, dataset)
    except StudiumError as error:
        return _page(request, dataset, newest, error)


def _page(
    request: UserRequest, dataset: Dataset, newest: DatasetVersion | None, error: StudiumError | None = None
) -> HttpResponse:
    typed = {name: request.POST.get(name, "") for name in ("note", "folder", "how")}
    room = room_of_team(dataset.team)
    context = {"newest": newest, "error": error, "typed": typed, "piece": PIECE, "room": room, **_arrived(dataset)}
    return render(request, "datasets/add.html", context, status=error.status if error else 200)


def _arrived(dataset: Dataset) -> dict[str, object]:
    now = clock.now()
    rows = list(uploading.uploads_of(dataset, now=now))
    here, begun = [each for each in rows if each.digest], [each for each in rows if not each.digest]
    return {
        "now": now,
        "dataset": dataset,
        "url": address(dataset),
        "here": here[:_LISTED],
        "here_count": len(here),
        "here_bytes": sum(each.size for each in here),
        "begun": begun[:_LISTED],
        "begun_count": len(begun),
        "begun_bytes": sum(each.received for each in begun),
        "begun_size": sum(each.size for each in begun),
    }


def _make(request: UserRequest, dataset: Dataset) -> HttpResponse:
    now = clock.now()
    base = _base(request, dataset) if request.POST.get("how") != "replace" else None
    made = uploading.make_version_of_arrived(
        request.user, dataset, now=now, note=request.POST.get("note", ""), base=base, more=_kept(request, dataset)
    )
    count = f"{made.files_count:,} file{'' if made.files_count == 1 else 's'}"
    messages.success(request, f"Version {made.number} is made: {count}.")
    return redirect(address(dataset))


def _base(request: UserRequest, dataset: Dataset) -> DatasetVersion | None:
    """The version whose files stay. Raises NotYet where a newer one was made since the page was."""
    number = number_in(request.POST.get("base", ""))
    newest = newest_of([dataset]).get(dataset.pk)
    if newest is not None and newest.number != number:
        raise NotYet(
            "dataset.newer_version",
            f"Version {newest.number} was made meanwhile.",
            "What has arrived is still here: look at that version, then make yours.",
            {"newest": newest.number},
        )
    return version_for(request.user, dataset.pk, number) if number is not None else None


def _kept(request: UserRequest, dataset: Dataset) -> list[Brought]:
    """The files that came in the form itself, kept. A browser without script says no folder of theirs but the one typed."""
    now, used = clock.now(), None
    folder = request.POST.get("folder", "").strip().strip("/")
    found = []
    for file in request.FILES.getlist("files"):
        used = stored_bytes(dataset.team) if used is None else used
        path = f"{folder}/{file.name}" if folder else str(file.name)
        stream: Any = file.file
        found.append(uploading.keep(request.user, dataset, path, stream, used=used, now=now))
        used += file.size or 0
    return found


@signed_in
@require_GET
def arrived(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """The part of the page that says what has arrived."""
    return render(request, "datasets/arrived.html", _arrived(_dataset(request, team, slug)))


@signed_in
@require_POST
def forget(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """Forget what has arrived and what was begun."""
    dataset = _dataset(request, team, slug)
    uploading.forget(request.user, dataset, now=clock.now())
    if request.htmx:
        return render(request, "datasets/arrived.html", _arrived(dataset))
    return redirect(address(dataset, "add/"))


@in_json
@require_GET
def cost(request: UserRequest, team: str, slug: str) -> JsonResponse:
    """What so many more bytes would cost the dataset's team a month, in words; none where the plan includes them."""
    dataset, size = _dataset(request, team, slug), request.GET.get("bytes", "")
    if not (size.isascii() and size.isdigit() and len(size) < 16):
        raise _unread()
    return JsonResponse({"words": more(dataset.team, int(size)).words})


@in_json
@require_POST
def begin(request: UserRequest, team: str, slug: str) -> JsonResponse:
    """Begin an upload, or be told how far one of the same file has come."""
    dataset = _dataset(request, team, slug)
    try:
        asked = json.loads(request.body)
        path, size, fingerprint = asked["path"], asked["size"], str(asked.get("fingerprint", ""))[:300]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise _unread() from None
    if not isinstance(path, str) or not isinstance(size, int) or isinstance(size, bool):
        raise _unread()
    used = stored_bytes(dataset.team)
    found = uploading.begin(request.user, dataset, path, size, fingerprint=fingerprint, used=used, now=clock.now())
    return _said(found)


@in_json
@require_http_methods(["POST", "PUT"])
def receive(request: UserRequest, team: str, slug: str, upload: str) -> JsonResponse:
    """Take the bytes of the body, which come at `offset`."""
    dataset = _dataset(request, team, slug)
    offset = request.GET.get("offset", "")
    if not (offset.isascii() and offset.isdigit() and len(offset) < 16):
        raise _unread()
    now, content = clock.now(), received(request, PIECE)
    row = actions.upload_for(request.user, dataset, upload, now=now)
    used = stored_before(dataset.team, len(content), now=now)
    found = actions.receive(request.user, dataset, row, int(offset), content, used=used, now=now)
    return _said(found)


def _said(upload: Upload) -> JsonResponse:
    return JsonResponse({"id": upload.pk, "received": upload.received, "size": upload.size})


def _unread() -> BadInput:
    return BadInput("upload.unread", "The page's script said something that is not understood.", "Load the page again.")
