"""The installation, for operators: users, machines, runs, events, checks. Others find nothing here."""

from collections.abc import Sequence
from typing import Annotated, Literal

from django.core.exceptions import ValidationError
from django.db.models import Count, Q
from ninja import Query, Router, Status

from studium.accounts import actions
from studium.accounts.access import operator
from studium.accounts.models import User
from studium.accounts.states import Scope
from studium.api import addresses
from studium.api.auth import ApiRequest, allow
from studium.api.machines import show_machines
from studium.api.paging import Cursor, Limit, page
from studium.api.present import show_run, show_runs
from studium.api.shapes.base import Line, Page
from studium.api.shapes.machines import Check, MachineShape
from studium.api.shapes.people import LoginLink, NewUser, OperatorRight, UserShape
from studium.api.shapes.plans import EventShape
from studium.api.shapes.runs import RunShape, Stop
from studium.compute import actions as compute
from studium.compute import queries
from studium.compute.access import run_for
from studium.compute.states import LIVE, State
from studium.errors import BadInput, NotFound
from studium.events.models import Event
from studium.lib import clock

router = Router(tags=["admin"], auth=allow(Scope.ADMIN))
_LIVE_RUNS = Count("runs", filter=Q(runs__state__in=[s.value for s in LIVE]))


def _users(rows: Sequence[User]) -> list[UserShape]:
    live = dict(
        User.objects.filter(pk__in=[row.pk for row in rows]).annotate(live=_LIVE_RUNS).values_list("pk", "live")
    )
    return [UserShape.of(row, live.get(row.pk, 0)) for row in rows]


def _user(username: str) -> User:
    found = User.objects.filter(username=username).first()
    if found is None:
        raise NotFound("user.unknown", f"There is no user {username!r}.", "`studium admin users` lists them.")
    return found


@router.get("/users", response=Page[UserShape], summary="Users")
def users(
    request: ApiRequest,
    q: Annotated[Line, Query("", description="Part of a name or address.")] = "",
    cursor: Cursor = "",
    limit: Limit = 50,
) -> Page[UserShape]:
    """Everybody, those who joined last first."""
    operator(request.auth.user)
    rows = User.objects.filter(Q(username__icontains=q) | Q(email__icontains=q))
    found, following = page(rows, cursor, limit, "date_joined", lambda row: row.date_joined)
    return Page(items=_users(found), next_cursor=following)


@router.post("/users", response={201: LoginLink}, summary="Make a user")
def create_user(request: ApiRequest, body: NewUser) -> Status[LoginLink]:
    """A person with their personal team, and a one-time address with which they sign in and choose a password."""
    operator(request.auth.user)
    now = clock.now()
    try:
        made = actions.create_user(body.username, body.email, now=now, operator=body.operator)
    except ValidationError as error:
        said = "; ".join(f"{field}: {' '.join(problems)}" for field, problems in error.message_dict.items())
        raise BadInput("user.invalid", f"This cannot be a user: {said}", "Mend it and try again.") from None
    return Status(201, _login_link(made))


@router.post("/users/{username}/login-link", response=LoginLink, summary="Make a one-time sign-in address")
def login_link(request: ApiRequest, username: str) -> LoginLink:
    """Earlier unused addresses of this person stop working."""
    operator(request.auth.user)
    return _login_link(_user(username))


def _login_link(user: User) -> LoginLink:
    now = clock.now()
    secret = actions.make_login_link(user, now=now)
    return LoginLink(username=user.username, url=addresses.login_link(secret), expires_at=now + actions.LOGIN_LINK_LIFE)


@router.post("/users/{username}/deactivate", response=UserShape, summary="Deactivate a user")
def deactivate(request: ApiRequest, username: str) -> UserShape:
    """They are signed out everywhere and what they run is stopped."""
    user, found = operator(request.auth.user), _user(username)
    actions.set_active(user, found, False, now=clock.now())
    return _users([found])[0]


@router.post("/users/{username}/activate", response=UserShape, summary="Activate a user again")
def activate(request: ApiRequest, username: str) -> UserShape:
    """They may sign in again."""
    user, found = operator(request.auth.user), _user(username)
    actions.set_active(user, found, True, now=clock.now())
    return _users([found])[0]


@router.post("/users/{username}/operator", response=UserShape, summary="Make an administrator, or no longer")
def set_operator(request: ApiRequest, username: str, body: OperatorRight) -> UserShape:
    """The last administrator stays one."""
    user, found = operator(request.auth.user), _user(username)
    actions.set_operator(user, found, body.operator, now=clock.now())
    found.refresh_from_db()
    return _users([found])[0]


@router.get("/machines", response=list[MachineShape], summary="Machines, gone ones too")
def machines(request: ApiRequest) -> list[MachineShape]:
    """Every machine an engine ever reported."""
    operator(request.auth.user)
    return show_machines(gone=True)


@router.post("/machines/{name}/drain", response=MachineShape, summary="Place nothing new on a machine")
def drain(request: ApiRequest, name: str) -> MachineShape:
    """What runs there goes on."""
    return _set_draining(request, name, True)


@router.post("/machines/{name}/open", response=MachineShape, summary="Place runs on a machine again")
def open_machine(request: ApiRequest, name: str) -> MachineShape:
    """The end of draining."""
    return _set_draining(request, name, False)


def _set_draining(request: ApiRequest, name: str, draining: bool) -> MachineShape:
    compute.set_draining(operator(request.auth.user), name, draining, now=clock.now())
    return next(machine for machine in show_machines(gone=True) if machine.name == name)


@router.get("/runs", response=Page[RunShape], summary="Everybody's runs")
def runs(
    request: ApiRequest,
    state: Annotated[State | Literal["live", ""], Query("", description="A state, or `live` for all but ended.")] = "",
    user: Annotated[Line, Query("", description="A username.")] = "",
    cursor: Cursor = "",
    limit: Limit = 50,
) -> Page[RunShape]:
    """All runs, newest first."""
    operator(request.auth.user)
    rows = queries.all_runs()
    if state:
        rows = rows.filter(state__in=[s.value for s in LIVE] if state == "live" else [state])
    if user:
        rows = rows.filter(user__username=user)
    found, following = page(rows, cursor, limit, "submitted_at", lambda row: row.submitted_at)
    return Page(items=show_runs(found, now=clock.now()), next_cursor=following)


@router.post("/runs/{run_id}/stop", response=RunShape, summary="Stop anybody's run")
def stop_run(request: ApiRequest, run_id: str, body: Stop) -> RunShape:
    """The reason is told to the run's owner."""
    user, now = operator(request.auth.user), clock.now()
    said = f"Stopped by an administrator: {body.reason}" if body.reason else "Stopped by an administrator."
    return show_run(compute.stop_run(user, run_for(user, run_id), now=now, message=said), now=now)


@router.get("/events", response=Page[EventShape], summary="What happened")
def events(
    request: ApiRequest,
    kind: Annotated[Line, Query("", description="Such as `run.ended`, or only `run`.")] = "",
    subject: Annotated[Line, Query("", description="Such as `run:abc`.")] = "",
    cursor: Cursor = "",
    limit: Limit = 50,
) -> Page[EventShape]:
    """The record of the installation, newest first."""
    operator(request.auth.user)
    rows = Event.objects.all()
    if kind:
        rows = rows.filter(Q(kind=kind) | Q(kind__startswith=f"{kind}."))
    if subject:
        what, _, which = subject.partition(":")
        rows = rows.filter(subject_kind=what, subject_id=which)
    found, following = page(rows, cursor, limit, "id", lambda row: row.pk)
    shown = [
        EventShape(
            id=e.pk,
            at=e.at,
            kind=e.kind,
            actor=e.actor_name,
            subject_kind=e.subject_kind,
            subject_id=e.subject_id,
            data=e.data,
        )
        for e in found
    ]
    return Page(items=shown, next_cursor=following)


@router.get("/checks", response=list[Check], summary="What isolates and limits runs")
def checks(request: ApiRequest) -> list[Check]:
    """What `studium doctor` says: what holds, and the remedy where it does not."""
    operator(request.auth.user)
    return [
        Check(name=c.name, ok=c.ok, detail=c.detail, remedy=c.remedy, isolates=c.isolates) for c in queries.checks()
    ]
