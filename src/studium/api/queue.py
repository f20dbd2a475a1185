"""The queue as everybody may see it."""

from datetime import datetime

from ninja import Router

from studium.accounts.models import Membership
from studium.accounts.states import Scope
from studium.api.auth import ApiRequest, allow
from studium.api.shapes.machines import QueueEntry, Waited
from studium.compute import queries
from studium.compute.models import Run
from studium.compute.waiting import read_wait, wait_words
from studium.lib import clock
from studium.notebooks.access import readable_runs

router = Router(tags=["queue"])
MOST = 500
# No more than what is told: five hundred whole rows, specs and all, would take most of the time.
_COLUMNS = ("title", "machine_type_id", "submitted_at", "wait", "team__slug", "user__username")


@router.get("", response=list[QueueEntry], auth=allow(Scope.READ), summary="What waits for a machine")
def queue(request: ApiRequest) -> list[QueueEntry]:
    """The first 500 waiting runs, oldest first. Of other teams' runs only the machine type and the time are told."""
    now, user = clock.now(), request.auth.user
    rows = list(queries.queue().select_related(None).select_related("team", "user").only(*_COLUMNS)[:MOST])
    teams = set(Membership.objects.filter(user=user).values_list("team_id", flat=True))
    own = set(
        readable_runs(user).filter(pk__in=[run.pk for run in rows if run.team_id in teams]).values_list("pk", flat=True)
    )
    return [_entry(run, run.pk in own or user.is_staff, now) for run in rows]


def _entry(run: Run, known: bool, now: datetime) -> QueueEntry:
    wait = read_wait(run.wait)
    return QueueEntry(
        run=run.pk if known else "",
        title=run.title if known else "",
        team=run.team.slug if known else "",
        user=run.user.username if known else "",
        machine_type=run.machine_type_id,
        submitted_at=run.submitted_at,
        wait=Waited(
            place=wait.place,
            expected_at=wait.expected_at,
            at_most_at=wait.at_most_at,
            reason=wait.reason if known else "",
            waits_for=wait.waits_for if known else "",
            words=wait_words(wait, now=now) if known else "",
        ),
    )
