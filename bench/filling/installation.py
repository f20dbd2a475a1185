"""Fills a database with people, notebooks, runs, charges and events, the same ones each time.

Called inside the installation (`Platform.manage`) in bounded parts, each in one transaction. The controller must be away:
it would take the queued and running rows for work to do. The first person, `READER`, is a member of five
shared teams, with more notebooks and runs than most.
"""

import itertools
import random
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from filling import SEARCH_PART
from studium.accounts.models import Membership, Project, Team, User
from studium.accounts.states import Role
from studium.compute.engines.base import Observation, Phase
from studium.compute.models import Accelerator, Allocation, Machine, MachineType, Run
from studium.compute.reconcile.ending import usage_data
from studium.compute.states import Reason, State
from studium.events.models import Event
from studium.lib.units import GIB
from studium.notebooks import actions
from studium.notebooks.launching import OWNER_KIND
from studium.notebooks.models import Launch, Notebook, SearchCache, Tag
from studium.notebooks.search.actions import keep
from studium.notebooks.search.contents import BREAK, Contents
from studium.notebooks.states import LaunchKind, Visibility
from studium.plans.actions import assign_plan
from studium.plans.estimates import cost_of
from studium.plans.models import Claim, LedgerEntry
from studium.storage import actions as storage

PEOPLE, SHARED_TEAMS, MEMBERS, NOTEBOOKS = 1000, 50, 40, 10_000
RUNS, RUNNING, QUEUED, CHARGES = 20_000, 40, 260, 50_000
READERS_TEAMS = 5
DAYS = 300
_WORDS = "churn forecast images survey weather genome traffic prices letters sensors grid market river".split()
_REASONS = [Reason.FINISHED] * 6 + [Reason.IDLE, Reason.CANCELLED, Reason.FAILED, Reason.TIME_LIMIT]
_BATCH = 1000


@transaction.atomic
def people(now: datetime) -> None:
    """A thousand users with the administrator there is, their personal teams, and shared teams of forty."""
    since = now - timedelta(days=DAYS)
    users = User.objects.bulk_create(
        [
            User(username=f"person{n:04}", email=f"person{n:04}@example.invalid", password="!", date_joined=since)
            for n in range(PEOPLE - 1)
        ],
        batch_size=_BATCH,
    )
    personal = [Team(slug=u.username, name=u.username, personal_of=u, created_at=since) for u in users]
    shared = [Team(slug=f"lab-{n:02}", name=f"Lab {n}", created_at=since) for n in range(SHARED_TEAMS)]
    Team.objects.bulk_create([*personal, *shared], batch_size=_BATCH)
    members = [Membership(team=t, user=u, role=Role.OWNER, since=since) for t, u in zip(personal, users, strict=True)]
    for number, team in enumerate(shared):
        chosen = {users[(number * 37 + k) % (PEOPLE - 2) + 1] for k in range(MEMBERS)}
        if number < READERS_TEAMS:
            chosen.add(users[0])
        roles = {u: Role.OWNER if k == 0 else Role.MEMBER for k, u in enumerate(sorted(chosen, key=lambda u: -u.pk))}
        members += [Membership(team=team, user=u, role=role, since=since) for u, role in roles.items()]
    Membership.objects.bulk_create(members, batch_size=_BATCH)
    Project.objects.bulk_create(
        [Project(team=team, slug="main", name="Main", created_at=since) for team in [*personal, *shared]],
        batch_size=_BATCH,
    )
    assign_plan(None, personal[0], "kaggle", now=since)  # a plan with allowances, so that pages count them


@transaction.atomic
def notebooks(now: datetime) -> None:
    """Ten thousand notebooks with the document of the one there is: half in personal teams, half in shared ones."""
    chance = random.Random(1)
    model = Notebook.objects.get()
    members: dict[int, list[int]] = {}
    for team_id, user_id in Membership.objects.exclude(user__username="admin").values_list("team_id", "user_id"):
        members.setdefault(team_id, []).append(user_id)
    project_of = dict(Project.objects.values_list("team_id", "pk"))
    teams = sorted(members, key=lambda team_id: (-len(members[team_id]), team_id))
    shared, personal = teams[:SHARED_TEAMS], teams[SHARED_TEAMS:]
    rows = []
    for number in range(NOTEBOOKS - 1):
        # Every fiftieth personal one is the reader's.
        own = personal[0] if number % 100 == 0 else personal[number % len(personal)]
        team_id = shared[number // 2 % len(shared)] if number % 2 else own
        changed = now - timedelta(seconds=chance.randrange(DAYS * 86400))
        title = f"{chance.choice(_WORDS)} {chance.choice(_WORDS)} {number}"
        rows.append(
            Notebook(
                team_id=team_id, project_id=project_of[team_id], slug=title.replace(" ", "-"), title=title.capitalize(),
                visibility=chance.choices(list(Visibility), (4, 4, 3))[0], label=f"n{number:015}",
                machine_type="cpu-small", created_by_id=chance.choice(members[team_id]), cells=model.cells,
                created_at=changed - timedelta(days=chance.randrange(30)), changed_at=changed,
                document=model.document, document_bytes=model.document_bytes, volume_document=model.document,
                rendered=model.rendered, rendered_of=model.rendered_of,
            )
        )  # fmt: skip
    Notebook.objects.bulk_create(rows, batch_size=_BATCH)


@transaction.atomic
def search(now: datetime) -> None:
    """What search knows of the next few thousand: eight cells each, of words as unevenly common as people's, and some tags."""
    chance = random.Random(SearchCache.objects.count())
    known = [f"{_WORDS[n % len(_WORDS)][:4]}{n}" for n in range(20_000)]
    weights = list(itertools.accumulate(1 / (n + 1) for n in range(len(known))))
    for notebook in Notebook.objects.filter(search_cache=None).order_by("pk")[:SEARCH_PART]:
        if chance.random() < 0.3:
            Tag.objects.create(notebook=notebook, name=chance.choice(_WORDS))
        said = chance.choices(known, cum_weights=weights, k=8 * 40)
        cells = [" ".join(said[at : at + 40]) + "\nframe = pd.read_csv('data.csv')" for at in range(0, 320, 40)]
        keep(notebook, Contents(BREAK.join(cells), "mc" * 4))


@transaction.atomic
def runs(now: datetime) -> None:
    """Twenty thousand runs of those notebooks, nearly all ended, with the machines of the few that run."""
    chance = random.Random(2)
    log = storage.put(b"Epoch 1 of 10, loss 0.4213\n" * 400, now=now).digest
    types = [MachineType.objects.get(pk=slug) for slug in ("cpu-small", "cpu-medium", "p100")]
    machines = [
        Machine(name=f"node{n:02}", engine="local", vcpu=8, memory_bytes=32 * GIB, simulated=True, seen_at=now)
        for n in range(10)
    ]
    Machine.objects.bulk_create(machines)
    cards = [
        Accelerator(id=f"{m.name}/{n}", machine=m, kind="P100", index=n, simulated=True)
        for m in machines
        for n in (0, 1)
    ]
    Accelerator.objects.bulk_create(cards)
    pool = list(Notebook.objects.select_related("team"))
    chance.shuffle(pool)
    # A real run, for its spec; it goes again before anybody has seen it.
    first = Notebook.objects.get(created_by__username="admin")
    model = actions.start(first.created_by, first, LaunchKind.EXECUTION, "cpu-small", now=now)
    spec = dict(model.spec)
    model.delete()
    rows, launches = [], []
    for number in range(RUNS):
        notebook = pool[number % len(pool)]
        state = State.QUEUED if number < QUEUED else State.RUNNING if number < QUEUED + RUNNING else State.ENDED
        kind = types[2] if state == State.QUEUED else chance.choice(types[:2] if state == State.RUNNING else types)
        run = _run(number, notebook, kind, state, {**spec, "run_id": f"r{number:011}"}, now, chance)
        if state == State.ENDED:
            run.log_digest = log
        if state != State.QUEUED:
            run.machine = machines[number % len(machines)]
        rows.append(run)
        launches.append(Launch(run=run, notebook=notebook, kind=LaunchKind.EXECUTION, settled_at=run.ended_at))
    allocations = [Allocation(run=run, accelerator=card) for run, card in zip(rows[QUEUED:], cards, strict=False)]
    Run.objects.bulk_create(rows, batch_size=_BATCH)
    Launch.objects.bulk_create(launches, batch_size=_BATCH)
    Allocation.objects.bulk_create(allocations)


def _run(
    number: int, notebook: Notebook, kind: MachineType, state: State, spec: dict[str, Any], now: datetime, chance: random.Random
) -> Run:  # fmt: skip
    age = chance.randrange(3600 if state == State.QUEUED else 20_000 if state == State.RUNNING else DAYS * 86400)
    submitted = now - timedelta(seconds=age + 60)
    run = Run(
        id=f"r{number:011}", team_id=notebook.team_id, user_id=notebook.created_by_id, title=notebook.title,
        owner_kind=OWNER_KIND, owner_id=notebook.pk, machine_type=kind, spec=spec, state=state, submitted_at=submitted,
        max_seconds=43_200, due_at=now, usage=usage_data(Observation(phase=Phase.RUNNING)),
    )  # fmt: skip
    if state == State.QUEUED:
        run.usage = {}
        expected = (now + timedelta(minutes=number)).isoformat()
        run.wait = {
            "reason": "busy", "waits_for": "P100", "place": number + 1,
            "expected_at": expected, "at_most_at": (now + timedelta(hours=number)).isoformat(),
        }  # fmt: skip
        return run
    run.assigned_at = run.starting_at = submitted + timedelta(seconds=5)
    run.running_at = run.active_at = submitted + timedelta(seconds=8)
    if state == State.ENDED:
        run.reason = chance.choice(_REASONS)
        run.ended_at = min(now, run.running_at + timedelta(seconds=chance.randrange(60, 30_000)))
        run.reclaimed_at = run.ended_at
    return run


@transaction.atomic
def charges(now: datetime) -> None:
    """A claim for each run that ran, and fifty thousand stretches in the ledger."""
    ran = list(Run.objects.exclude(running_at=None).select_related("machine_type"))
    claims = [
        Claim(
            holder=run.pk, team_id=run.team_id, user_id=run.user_id, machine_type=run.machine_type_id,
            resource=run.machine_type.machine_class, kind="execution", hold_seconds=3600, created_at=run.submitted_at,
            price_micros_hour=450_000, running_since=run.running_at, charged_until=run.ended_at or now,
            released_at=run.ended_at,
        )
        for run in ran
    ]  # fmt: skip
    Claim.objects.bulk_create(claims, batch_size=_BATCH)
    parts, longer = divmod(CHARGES, len(claims))
    entries: list[LedgerEntry] = []
    for number, claim in enumerate(claims):
        entries += _stretches(claim, parts + (number < longer))
    LedgerEntry.objects.bulk_create(entries, batch_size=_BATCH)


def _stretches(claim: Claim, count: int) -> list[LedgerEntry]:
    """The running time of a claim in this many entries."""
    assert claim.running_since is not None
    assert claim.charged_until is not None
    total = int((claim.charged_until - claim.running_since).total_seconds())
    marks = [total * n // count for n in range(count + 1)]
    return [
        LedgerEntry(
            claim=claim, team_id=claim.team_id, user_id=claim.user_id, resource=claim.resource,
            machine_type=claim.machine_type, started_at=claim.running_since + timedelta(seconds=first),
            ended_at=claim.running_since + timedelta(seconds=last), first_second=first, seconds=last - first,
            cost_micros=cost_of(claim.price_micros_hour, last) - cost_of(claim.price_micros_hour, first),
        )
        for first, last in itertools.pairwise(marks)
    ]  # fmt: skip


@transaction.atomic
def events(now: datetime) -> None:
    """What was recorded of each run on its way."""
    names = dict(User.objects.values_list("pk", "username"))
    rows = []
    for run in Run.objects.order_by("submitted_at").iterator(chunk_size=_BATCH):
        moments = {
            "submitted": run.submitted_at,
            "assigned": run.assigned_at,
            "running": run.running_at,
            "ended": run.ended_at,
        }
        rows += [
            Event(
                at=at, kind=f"run.{name}", actor_id=run.user_id if name == "submitted" else None,
                actor_name=names[run.user_id] if name == "submitted" else "", team_id=run.team_id, subject_kind="run",
                subject_id=run.pk, data={"reason": run.reason} if name == "ended" else {},
            )
            for name, at in moments.items() if at is not None
        ]  # fmt: skip
    Event.objects.bulk_create(rows, batch_size=_BATCH)


def counted() -> dict[str, int]:
    """How many rows there are of each noun."""
    tables = {"users": User, "notebooks": Notebook, "runs": Run, "ledger entries": LedgerEntry, "events": Event}
    return {noun: table._default_manager.count() for noun, table in tables.items()}
