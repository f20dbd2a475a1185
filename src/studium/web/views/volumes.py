"""A team's volume: its size and use, what it waits for, and its snapshots."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from studium.accounts.access import role_in, team_for
from studium.accounts.models import Team
from studium.accounts.states import Role, covers
from studium.compute.volumes import actions, queries
from studium.compute.volumes.access import snapshot_for, volume_for
from studium.compute.volumes.models import TeamVolume
from studium.errors import BadInput, StudiumError
from studium.lib import clock
from studium.lib.units import parse_size, size_words
from studium.notebooks.access import holders_shown
from studium.notebooks.queries import stored_bytes
from studium.web.requests import UserRequest, signed_in


def address(team: Team) -> str:
    return f"/usage/{team.slug}/volume/"


@signed_in
@require_http_methods(["GET", "POST"])
def volume(request: UserRequest, team: str) -> HttpResponse:
    """The page; a POST makes the volume or gives it another size."""
    if request.method == "GET":
        return _page(request, team_for(request.user, team))
    found, now = team_for(request.user, team, Role.ADMIN), clock.now()
    present = TeamVolume.objects.filter(team=found).first()
    try:
        size, used = _typed(request), stored_bytes(found)
        if present is None:
            actions.create_volume(request.user, found, size, used=used, now=now)
            said = f"Runs that start from now on have {size_words(size)} at {queries.PATH}."
        else:
            actions.resize_volume(request.user, present, size, used=used, now=now)
            said = f"The volume gets {size_words(size)}" + (
                ", as soon as no run has it." if size < present.made_bytes else "."
            )
    except StudiumError as error:
        return _page(request, found, error)
    messages.success(request, said)
    return redirect(address(found))


def _typed(request: UserRequest) -> int:
    try:
        return parse_size(request.POST.get("size", "").strip())
    except ValueError:
        raise BadInput("volume.size", "That is no size.", "Write it as 500 MiB or 20 GiB.") from None


@signed_in
@require_GET
def state(request: UserRequest, team: str) -> HttpResponse:
    """What changes by itself, alone, for a page that watches."""
    return render(request, "volumes/state.html", _context(request, volume_for(request.user, team).team))


@signed_in
@require_POST
def act(request: UserRequest, team: str) -> HttpResponse:
    """`do` says what: snapshot (with `note`), restore or forget (with `snapshot`), cancel, delete."""
    now, chosen = clock.now(), request.POST.get("snapshot", "")
    found = volume_for(request.user, team)
    try:
        match request.POST.get("do", ""):
            case "snapshot":
                actions.take_snapshot(request.user, found, now=now, note=request.POST.get("note", ""))
                said = "A snapshot is being taken."
            case "restore":
                snapshot = snapshot_for(request.user, team, chosen)
                actions.restore_snapshot(request.user, found, snapshot, now=now)
                said = "It is put back as soon as no run has the volume; what is in it now is kept first."
            case "forget":
                actions.delete_snapshot(request.user, snapshot_for(request.user, team, chosen), now=now)
                said = "The snapshot is deleted."
            case "cancel":
                actions.cancel(request.user, found, now=now)
                said = "The volume stays as it is."
            case "delete":
                if request.POST.get("name", "") != found.team.slug:
                    raise BadInput(
                        "volume.name", "That is not the team's name.", f"Type {found.team.slug} to delete its volume."
                    )
                actions.delete_volume(request.user, found, now=now)
                said = "The volume goes as soon as no run has it."
            case _:
                raise BadInput("volume.do_unknown", "The form does not say what to do.", "Go back and choose.")
    except StudiumError as error:
        if error.status in (403, 404):
            raise
        return _page(request, found.team, error)
    messages.success(request, said)
    return redirect(address(found.team))


def _page(request: UserRequest, team: Team, error: StudiumError | None = None) -> HttpResponse:
    context = {**_context(request, team), "error": error, "typed": request.POST.get("size", "")}
    return render(request, "volumes/show.html", context, status=error.status if error else 200)


def _context(request: UserRequest, team: Team) -> dict[str, object]:
    found = queries.volumes_of(request.user).filter(team=team).first()
    role = role_in(request.user, team)
    snapshots = list(queries.snapshots_of(team)) if found else []
    waits = found is not None and (found.changing or found.size_bytes != found.made_bytes)
    return {
        "now": clock.now(),
        "team": team,
        "url": address(team),
        "volume": found,
        "path": queries.PATH,
        "holders": holders_shown(request.user, found) if found else [],
        "snapshots": snapshots,
        "kept_bytes": queries.snapshot_bytes(team) if found else 0,
        "waits": waits,
        "watch": waits or any(each.state == "waiting" for each in snapshots),
        "full": found is not None and found.used_bytes >= found.made_bytes * 0.95,
        "admin": role is not None and covers(role, Role.ADMIN),
        "member": role is not None and covers(role, Role.MEMBER),
    }
