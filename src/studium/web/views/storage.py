"""What a team stores: in its parts against the plan, the largest things with clean-ups, and the cap of what is paid for."""

from decimal import Decimal, InvalidOperation

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from studium.accounts.access import role_in, team_for, teams_of
from studium.accounts.models import Team
from studium.accounts.states import Role, covers
from studium.errors import BadInput, StudiumError
from studium.lib import clock
from studium.lib.units import parse_size, size_words
from studium.notebooks.queries import stored_bytes
from studium.notebooks.stored import cleaning
from studium.notebooks.stored.measuring import KINDS
from studium.notebooks.stored.queries import room_words, stored_of
from studium.plans.storage_charges import cap_words, set_cap
from studium.web.requests import UserRequest, signed_in

_MOST, _MOST_OF_ONE = 6, 200


def _address(team: Team) -> str:
    return f"/usage/{team.slug}/storage/"


@signed_in
@require_GET
def storage(request: UserRequest, team: str) -> HttpResponse:
    return _page(request, team_for(request.user, team))


def _page(request: UserRequest, team: Team, error: StudiumError | None = None) -> HttpResponse:
    """With `?kind=` many things of that kind and none of the others."""
    now, chosen = clock.now(), request.GET.get("kind", "")
    stored, role = stored_of(team), role_in(request.user, team)
    parts = []
    for kind, size in stored.parts:
        most = _MOST_OF_ONE if chosen == kind.slug else 0 if chosen else _MOST
        # One more than is shown tells whether there are more.
        items = cleaning.largest(request.user, team, kind.slug, most + 1, now=now) if most else []
        how = cleaning.CLEANERS[kind.slug].how if kind.slug in cleaning.CLEANERS else ""
        part = {"kind": kind, "size": size, "how": how, "items": items[:most], "more": len(items) > most}
        part["able"] = any(not item.kept for item in items[:most])
        parts.append(part)
    context = {
        "now": now,
        "team": team,
        "teams": list(teams_of(request.user)),
        "url": _address(team),
        "stored": stored,
        "room": room_words(stored),
        "full": stored.room is not None and stored.counted >= stored.room,
        "cap": stored.cap,
        "cap_words": cap_words(stored.cap),
        "parts": [part for part in parts if not chosen or part["kind"].slug == chosen],  # type: ignore[attr-defined]
        "sums": parts,
        "chosen": chosen,
        "nothing": not any(part["size"] for part in parts),
        "able": any(part["able"] for part in parts),
        "owner": role is not None and covers(role, Role.OWNER),
        "error": error,
        "typed": {name: request.POST.get(name, "") for name in ("size", "money")},
    }
    return render(request, "usage/storage.html", context, status=error.status if error else 200)


@signed_in
@require_POST
def clean(request: UserRequest, team: str) -> HttpResponse:
    """What would go with the things that are ticked; with `sure`, do it. Sent twice, the second finds nothing left."""
    found, now, ids = team_for(request.user, team, Role.MEMBER), clock.now(), request.POST.getlist("item")
    if not ids:
        messages.warning(request, "Nothing was ticked.")
        return redirect(_address(found))
    if "sure" not in request.POST:
        choice = cleaning.told_apart(found, cleaning.preview(request.user, found, ids, now=now))
        hows = [(kind.title, cleaning.CLEANERS[kind.slug].how) for kind in KINDS if kind.slug in choice.freed]
        keeps = " ".join(cleaning.CLEANERS[kind].kept for kind in choice.freed if cleaning.CLEANERS[kind].kept)
        context = {"now": now, "team": found, "url": _address(found), "choice": choice, "hows": hows, "keeps": keeps}
        return render(request, "usage/clean.html", context)
    keep = "snapshots" in request.POST
    done = cleaning.clean(request.user, found, ids, now=now, keep=keep)
    if done.going:
        count, most = len(done.going), "" if done.exact else "at most "
        messages.success(
            request,
            f"{count} thing{'' if count == 1 else 's'} cleaned up. That frees {most}{size_words(done.bytes)} within minutes"
            f"{', less what the snapshots take' if keep else ''}.",
        )
    else:
        messages.warning(request, "Nothing of it was left to clean up.")
    return redirect(_address(found))


@signed_in
@require_POST
def cap(request: UserRequest, team: str) -> HttpResponse:
    """For owners: up to how much beyond the plan is paid for; with `none`, nothing."""
    found, now = team_for(request.user, team, Role.OWNER), clock.now()
    try:
        size, money = (None, None) if "none" in request.POST else _typed(request)
        set_cap(request.user, found, stored=stored_bytes(found), now=now, cap_bytes=size, cap_micros=money)
    except StudiumError as error:
        return _page(request, found, error)
    messages.success(request, "Nothing beyond the plan is paid for." if size is money is None else "The cap is set.")
    return redirect(_address(found))


def _typed(request: UserRequest) -> tuple[int | None, int | None]:
    size, money = request.POST.get("size", "").strip(), request.POST.get("money", "").strip().lstrip("$")
    try:
        if not size and not money:
            raise ValueError
        dollars = Decimal(money) if money else None
        if dollars is not None and not 0 <= dollars < 10**9:
            raise ValueError
        return parse_size(size) if size else None, None if dollars is None else int(dollars * 1_000_000)
    except (ValueError, InvalidOperation):
        raise BadInput(
            "overage.cap", "That is no size or amount.", "Write a size as 50 GiB, or dollars a month as 5, or both."
        ) from None
