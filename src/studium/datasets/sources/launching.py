"""From an import to the plain run spec that compute carries out: our own code, the hosts it may reach, and nothing else."""

import json
from datetime import datetime
from pathlib import Path

from django.db import transaction

from studium.accounts.access import acting_for
from studium.compute import actions as compute
from studium.compute.queries import plainest_type
from studium.compute.spec import Limits, Mount, RunSpec, Volume
from studium.datasets.files import MOST_FILES
from studium.datasets.sources import actions
from studium.datasets.sources.kinds import Fetching, kind_of
from studium.datasets.sources.models import Import
from studium.datasets.sources.states import ImportState
from studium.environments import commands
from studium.environments.queries import default_build
from studium.errors import Refused
from studium.lib.units import GIB
from studium.outbound import spelling
from studium.outbound.fence import allowed
from studium.plans import checks
from studium.plans import queries as plans
from studium.secrets.queries import reference

OWNER_KIND = "import"
CODE, RULES = "/opt/fetching", "/opt/outbound"
SECONDS = 6 * 3600
# Of a plan that says nothing of the size of workspaces.
USUAL_BYTES = 20 * GIB
# Git keeps a commit packed beside its files, and an archive is there until it is unpacked.
_BESIDE = 2


def start(row: Import, *, used: int, now: datetime) -> bool:
    """Ask for its run. `used` is what the team stores now. Raises Refused or NotYet as starting any run does."""
    dataset = row.dataset
    actor, machine = acting_for(dataset.team, row.created_by), plainest_type(dataset.team, now=now)
    if actor is None or machine is None:
        what = "owner" if actor is None else "plan with a machine that could bring files"
        raise Refused("import.cannot", f"The team of this dataset has no {what}.", "Ask an administrator.")
    standing = plans.standing(dataset.team, now=now)
    checks.check_internet(standing.plan)
    checks.check_team_storage(standing.plan, used, 0)
    fetching = kind_of(row.kind).fetching(row.asked, _known(row))
    assert fetching is not None
    spec = _spec(row, fetching, room_of(row, used=used, now=now))
    with transaction.atomic():
        run = compute.submit_run(
            actor,
            dataset.team,
            machine,
            spec,
            title=f"Bring files to {dataset.title}",
            owner_kind=OWNER_KIND,
            owner_id=row.pk,
            interactive=False,
            now=now,
            max_seconds=min(SECONDS, standing.rules.session_seconds.limit_for(machine.as_spec())),
        )
        if not actions.move(row, ImportState.FETCHING, run=run, code="", message=""):
            transaction.set_rollback(True)  # somebody else was quicker, or called it off
            return False
    return True


def room_of(row: Import, *, used: int, now: datetime) -> int:
    """How many bytes may come: as many as the plan gives a workspace, within what is left of the team's storage."""
    rules = plans.standing(row.dataset.team, now=now).rules
    most = rules.storage_bytes_notebook or USUAL_BYTES
    if rules.storage_bytes_team is None or rules.storage_overage_micros_per_gib_month is not None:
        return most
    return max(0, min(most, rules.storage_bytes_team - used))


def _known(row: Import) -> dict[str, object]:
    """What was found when the newest version was brought from the very same; otherwise nothing, and all of it comes again."""
    before = actions.brought_before(row)
    facts: dict[str, object] = before.facts if before else {}
    return facts


def _spec(row: Import, fetching: Fetching, room: int) -> RunSpec:
    wanted = {**fetching.wanted, "work": row.pk, "most_bytes": room, "most_files": MOST_FILES}
    inside = Path(__file__).resolve().parent.parent / "inside"
    return RunSpec(
        run_id=compute.new_run_id(),
        command=(f"{commands.ENVIRONMENT}/bin/python", "-I", f"{CODE}/fetch_work.py"),
        limits=Limits(vcpu=1, memory_bytes=GIB, disk_bytes=_BESIDE * room + GIB),
        environment_path=default_build().path,
        volume=Volume(name=actions.volume_of(row)),
        mounts=(
            Mount(source=str(inside), target=CODE),
            Mount(source=str(commands.code_folder()), target=commands.CODE),
            Mount(source=str(Path(spelling.__file__).parent), target=RULES),
        ),
        variables={"STUDIUM_IMPORT": json.dumps(wanted)},
        network="hosts",
        hosts=fetching.hosts,
        within=allowed(),
        secrets=reference(actions.place_of(row)) if fetching.secret else "",
    )
