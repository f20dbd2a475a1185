"""Every change people make to runs and machines. Passes in `reconcile/` make the rest. The actor comes first."""

import dataclasses
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max

from studium.accounts.models import Team, User
from studium.compute.errors import owner_busy, unknown_machine_type
from studium.compute.models import Machine, MachineType, Run
from studium.compute.spec import RunSpec, Tree
from studium.compute.states import ENDINGS, LIVE, Reason, State
from studium.compute.transitions import end, move
from studium.errors import NotFound, NotYet, Refused
from studium.events.actions import hint, record
from studium.lib.ids import new_id
from studium.plans import actions as plan_actions
from studium.plans import checks
from studium.plans import queries as plans
from studium.plans.estimates import cost_of
from studium.plans.machine_types import MachineTypeSpec
from studium.plans.presets import PlanSet

EXTEND_SECONDS = 3600


def find_machine_type(slug: str) -> MachineType:
    """The enabled machine type of this slug or label. Raises BadInput that lists what there is."""
    found = (
        MachineType.objects.filter(slug=slug, enabled=True).first()
        or MachineType.objects.filter(label__iexact=slug, enabled=True).first()
    )
    if found is None:
        raise unknown_machine_type(slug, list(MachineType.objects.filter(enabled=True).values_list("slug", flat=True)))
    return found


@transaction.atomic
def submit_run(
    actor: User,
    team: Team,
    machine_type: MachineType,
    spec: RunSpec,
    *,
    title: str,
    owner_kind: str,
    owner_id: str,
    interactive: bool,
    now: datetime,
    max_seconds: int | None = None,
) -> Run:
    """Put a run in the queue. `spec.run_id` names it; limits of size come from the machine type, of time from the plan.

    Raises Refused or NotYet when the plan says no, NotYet when the owner has a live run already.
    """
    Team.objects.select_for_update().get(pk=team.pk)  # what follows counts, and two at once must not count the same
    standing = plans.standing(team, now=now)
    kind = machine_type.as_spec()
    checks.check_machine(standing.plan, kind)
    granted = checks.check_session(standing.plan, kind, max_seconds, standing.left_for(kind), now=now)
    checks.check_spend(standing.plan, bound_to_spend(team, now), cost_of(kind.price_micros_hour, granted))
    queued = Run.objects.filter(team=team, state=State.QUEUED).count()
    checks.check_queue(standing.plan, queued)
    spec = dataclasses.replace(
        spec, limits=dataclasses.replace(spec.limits, vcpu=machine_type.vcpu, memory_bytes=machine_type.memory_bytes)
    )
    try:
        with transaction.atomic():
            run = Run.objects.create(
                id=spec.run_id,
                team=team,
                user=actor,
                title=title[:200],
                owner_kind=owner_kind,
                owner_id=owner_id,
                interactive=interactive,
                machine_type=machine_type,
                spec=dataclasses.asdict(spec),
                priority=standing.rules.priority,
                submitted_at=now,
                due_at=now,
                max_seconds=granted,
                idle_seconds=standing.rules.idle_seconds if interactive else None,
            )
            record(
                "run.queued",
                subject=("run", run.pk),
                actor=actor,
                team_id=team.pk,
                now=now,
                data={"machine": machine_type.slug},
            )
    except IntegrityError:
        live = Run.objects.filter(owner_kind=owner_kind, owner_id=owner_id, state__in=LIVE).first()
        if live is None:
            raise
        raise owner_busy(live.pk, live.state) from None
    return run


def bound_to_spend(team: Team, now: datetime) -> int:
    """What the team spent this month and what its live runs may still cost, in millionths of a dollar."""
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    rows = Run.objects.filter(team=team, state__in=LIVE)
    live = list(rows.values_list("pk", "machine_type__price_micros_hour", "max_seconds"))
    charged = plans.run_costs(pk for pk, _, _ in live)
    ahead = sum(max(0, cost_of(price, seconds) - charged.get(pk, 0)) for pk, price, seconds in live)
    return plans.cost_since(team, month) + ahead


def new_run_id() -> str:
    return new_id(12)


def stop_run(
    actor: User | None, run: Run, *, now: datetime, reason: Reason = Reason.CANCELLED, message: str = ""
) -> Run:
    """Ask a run to end. A queued one ends at once; others save and stop within their grace. Repeatable."""
    said = message or (
        f"Stopped by {actor.username}." if actor and reason == Reason.CANCELLED else ENDINGS[reason].title
    )
    for _ in range(5):
        run.refresh_from_db()
        state = State(run.state)
        if state in (State.STOPPING, State.ENDED):
            return run
        if state == State.QUEUED:
            if end(run, reason, now=now, actor=actor, message=said):
                return run
        elif move(run, State.STOPPING, now=now, actor=actor, stop_reason=reason.value, stop_message=said):
            return run
    raise NotYet("run.busy", "The run is changing state at this moment.", "Try again.")


def extend_run(actor: User, run: Run, *, now: datetime, seconds: int = EXTEND_SECONDS) -> Run:
    """Give a session more time and count it as active now. Up to the plan's session length again from this moment."""
    standing = plans.standing(run.team, now=now)
    if State(run.state) != State.RUNNING or run.running_at is None:
        raise NotYet("run.not_running", "Only a running session can be extended.", "Start it first.")
    if not standing.rules.extend:
        raise Refused(
            "plan.extend",
            "The plan of this team does not let sessions be extended.",
            "Save your work; start again after the end.",
        )
    longest = standing.rules.session_seconds.limit_for(run.machine_type.as_spec())
    elapsed = int((now - run.running_at).total_seconds())
    wanted = min(run.max_seconds + seconds, elapsed + longest)
    if wanted <= run.max_seconds and run.idle_seconds is None:
        raise Refused(
            "plan.session_length",
            "The session already has the longest time the plan gives.",
            "Start a new one when it ends.",
        )
    price = run.machine_type.price_micros_hour
    more = cost_of(price, max(wanted, run.max_seconds)) - cost_of(price, run.max_seconds)
    checks.check_spend(standing.plan, bound_to_spend(run.team, now), more)
    with transaction.atomic():
        Run.objects.filter(pk=run.pk, state=State.RUNNING, max_seconds=run.max_seconds).update(
            max_seconds=max(wanted, run.max_seconds),
            extended_seconds=run.extended_seconds + max(0, wanted - run.max_seconds),
            active_at=now,
            active_what="You asked for more time",
            warned=[],
        )
        record(
            "run.extended",
            subject=("run", run.pk),
            actor=actor,
            team_id=run.team_id,
            now=now,
            data={"seconds": max(0, wanted - run.max_seconds)},
        )
    run.refresh_from_db()
    return run


def change_tree(run: Run, targets: tuple[str, ...], tree: Tree | None, *, now: datetime) -> bool:
    """Have a run see `tree`, or nothing, in place of what it sees at `targets`, now if it runs. False if it has ended."""
    with transaction.atomic():
        found = Run.objects.select_for_update(of=("self",)).filter(pk=run.pk, state__in=LIVE).first()
        if found is None:
            return False
        spec = spec_of(found)
        trees = tuple(each for each in spec.trees if each.targets != targets) + ((tree,) if tree else ())
        Run.objects.filter(pk=run.pk).update(
            spec=json.loads(dataclasses.replace(spec, trees=trees).to_json()), trees_changed_at=now, trees_trouble=""
        )
        hint([f"run:{run.pk}"])
    return True


def note_activity(run_id: str, *, now: datetime) -> None:
    """A person ran something. Moves the idle clock forward, never back."""
    Run.objects.filter(pk=run_id, state=State.RUNNING).exclude(active_at__gt=now).update(
        active_at=now, active_what="A cell was run"
    )


@transaction.atomic
def set_draining(actor: User, machine: str, draining: bool, *, now: datetime) -> Machine:
    """Drain a machine: what runs there goes on, nothing new is placed. Or open it again."""
    if not Machine.objects.filter(pk=machine).update(draining=draining):
        raise NotFound("machine.no_such", f"There is no machine {machine!r}.", "See the admin area for the machines.")
    record("machine.drained" if draining else "machine.opened", subject=("machine", machine), actor=actor, now=now)
    hint(["machines"])
    return Machine.objects.get(pk=machine)


def stop_all_of(actor: User | None, user: User, *, now: datetime, reason: Reason = Reason.OWNER_INACTIVE) -> int:
    """Stop everything a person runs; returns how many."""
    live = list(Run.objects.filter(user=user, state__in=LIVE))
    for run in live:
        stop_run(actor, run, now=now, reason=reason)
    return len(live)


@transaction.atomic
def load_machine_types(types: Iterable[MachineTypeSpec]) -> None:
    """Put machine types in place after those there are, or change those of the same slug. Runs keep what they have."""
    following = (MachineType.objects.aggregate(last=Max("position"))["last"] or 0) + 1
    for place, kind in enumerate(types, start=following):
        values = {**kind.model_dump(exclude={"slug", "source"}), "accelerator_kind": kind.accelerator_kind or ""}
        MachineType.objects.update_or_create(
            slug=kind.slug, defaults=values, create_defaults={**values, "position": place}
        )


@transaction.atomic
def load_plan_set(actor: User | None, plan_set: PlanSet, *, now: datetime) -> None:
    """Load a set of plans with its machine types. Repeatable."""
    load_machine_types(plan_set.machine_types)
    for plan in plan_set.plans:
        plan_actions.load_plan(plan.slug, plan.name, plan.description, plan.rules, now=now, actor=actor)
    hint(["plans", "machines"])


def idle_deadline(run: Run) -> datetime | None:
    """When an idle session stops if nothing happens, None without an idle limit."""
    if run.idle_seconds is None or run.running_at is None:
        return None
    return max(run.active_at or run.running_at, run.running_at) + timedelta(seconds=run.idle_seconds)


def time_deadline(run: Run) -> datetime | None:
    """When the session length is used up, None before it runs."""
    return run.running_at + timedelta(seconds=run.max_seconds) if run.running_at else None


def spec_of(run: Run) -> RunSpec:
    data: dict[str, Any] = run.spec
    return RunSpec.from_dict(data)
