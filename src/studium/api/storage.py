"""What a team stores: its parts and largest things, clean-ups, what more would cost, and the cap of what is paid for."""

from typing import Annotated

from ninja import Query, Router

from studium.accounts.access import team_for
from studium.accounts.models import Team, User
from studium.accounts.states import Role, Scope
from studium.api.auth import ApiRequest, allow
from studium.api.shapes.base import Slug
from studium.api.shapes.storage import (
    CapAsked,
    CleanedShape,
    CleanUp,
    StorageEstimateShape,
    StoragePartShape,
    StorageShape,
    StoredItemShape,
)
from studium.lib import clock
from studium.notebooks.queries import stored_bytes
from studium.notebooks.stored import cleaning
from studium.notebooks.stored.queries import more, stored_of
from studium.plans.storage_charges import set_cap

router = Router(tags=["storage"])
_ONE = "/{slug}/storage"
Most = Annotated[int, Query(10, ge=0, le=200, description="How many of the largest things of each kind.")]


def _shown(user: User, team: Team, most: int) -> StorageShape:
    now = clock.now()
    stored = stored_of(team)
    parts = [
        StoragePartShape.of(kind, size, cleaning.largest(user, team, kind.slug, most, now=now) if most else ())
        for kind, size in stored.parts
    ]
    return StorageShape.of(team.slug, stored, parts)


@router.get(_ONE, response=StorageShape, auth=allow(Scope.READ), summary="What a team stores")
def storage(request: ApiRequest, slug: Slug, most: Most = 10) -> StorageShape:
    """In its parts, against the plan, with the largest things of each kind."""
    return _shown(request.auth.user, team_for(request.auth.user, slug), most)


@router.get(
    f"{_ONE}/items", response=list[StoredItemShape], auth=allow(Scope.READ), summary="The largest things of a kind"
)
def items(request: ApiRequest, slug: Slug, kind: Slug, most: Most = 50) -> list[StoredItemShape]:
    """With when each was last used, and why you cannot clean it up where you cannot."""
    user = request.auth.user
    found = cleaning.largest(user, team_for(user, slug), kind, most, now=clock.now())
    return [StoredItemShape.of(item) for item in found]


@router.get(
    f"{_ONE}/estimate", response=StorageEstimateShape, auth=allow(Scope.READ), summary="What storing more would cost"
)
def estimate(
    request: ApiRequest,
    slug: Slug,
    size: Annotated[int, Query(alias="bytes", ge=0, le=2**60, description="So many more.")],
) -> StorageEstimateShape:
    """Before an upload, a new dataset or anything else that is to be stored: what it costs a month, or why it is refused."""
    return StorageEstimateShape.of(more(team_for(request.auth.user, slug), size))


@router.post(f"{_ONE}/clean", response=CleanedShape, auth=allow(Scope.WRITE), summary="Clean up")
def clean(request: ApiRequest, slug: Slug, body: CleanUp) -> CleanedShape:
    """Clean up several things at once. Repeatable: what is gone already does nothing."""
    user, now = request.auth.user, clock.now()
    team = team_for(user, slug, Role.MEMBER)
    if body.dry_run:
        return CleanedShape.of(cleaning.preview(user, team, body.items, now=now), dry_run=True)
    done = cleaning.clean(user, team, body.items, now=now, keep=body.snapshots)
    return CleanedShape.of(done, dry_run=False)


@router.put(f"{_ONE}/cap", response=StorageShape, auth=allow(Scope.TEAM), summary="Agree to pay for more storage")
def cap(request: ApiRequest, slug: Slug, body: CapAsked) -> StorageShape:
    """For owners: up to how much beyond the plan may be stored and is charged by the hour. Without bytes and money, none."""
    user, now = request.auth.user, clock.now()
    team = team_for(user, slug, Role.OWNER)
    set_cap(user, team, stored=stored_bytes(team), now=now, cap_bytes=body.bytes, cap_micros=body.micros_month)
    return _shown(user, team, 0)
