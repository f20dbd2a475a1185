"""From a piece of git work to the plain run spec that compute carries out: git alone, and no code of the repository."""

import json
from pathlib import Path
from typing import Any

from studium.accounts.models import User
from studium.compute.models import MachineType
from studium.compute.spec import Limits, Mount, RunSpec, Seed, Volume
from studium.environments import commands
from studium.environments.queries import default_build
from studium.errors import Refused
from studium.lib.units import GIB
from studium.notebooks.git.models import Repository
from studium.notebooks.git.queries import author_of
from studium.notebooks.git.states import Verb
from studium.notebooks.launching import volume_of
from studium.outbound import spelling
from studium.outbound.fence import allowed
from studium.outbound.spelling import understood
from studium.plans.queries import Standing
from studium.secrets.access import Place
from studium.secrets.queries import reference

RULES = "/opt/outbound"
LONGEST_SECONDS = 1800


def place_of(repository: Repository) -> Place:
    """Where the git runs' secret is found: the team's and the project's, and which of them is this holder's to say."""
    notebook = repository.notebook
    return Place(notebook.team, notebook.project, f"git:{notebook.pk}")


def build_git_spec(
    repository: Repository, verb: Verb, asked: dict[str, Any], actor: User, *, work: str, run_id: str, disk: int
) -> RunSpec:
    """The run reaches the repository's server, and every other by https where submodules and large files lie; none inside."""
    notebook, target = repository.notebook, understood(repository.url)
    name, email = author_of(actor)
    wanted = {
        "work": work,
        "verb": verb.value,
        "url": repository.url,
        "ref": repository.ref,
        "submodules": repository.submodules,
        "depth": repository.depth,
        "large_files": True,
        "seconds": 60,
        "pause": 1.0,
        "secret": repository.secret,
        "username": repository.username,
        "author": name,
        "email": email,
        "message": asked.get("message", ""),
        "branch": asked.get("branch", ""),
        "keep": asked.get("keep", False),
    }
    host = f"[{target.host}]" if ":" in target.host else target.host
    hosts = (f"{host}:{target.port}", "*:443")
    # What was put in the notebook's place meanwhile is in the workspace before git looks.
    fresh = verb != Verb.CLONE and notebook.document != notebook.volume_document
    return RunSpec(
        run_id=run_id,
        command=(f"{commands.ENVIRONMENT}/bin/python", "-I", f"{commands.CODE}/git_work.py"),
        limits=Limits(vcpu=1, memory_bytes=GIB, disk_bytes=disk),
        environment_path=default_build().path,
        volume=Volume(name=volume_of(notebook)),
        mounts=(
            Mount(source=str(commands.code_folder()), target=commands.CODE),
            Mount(source=str(Path(spelling.__file__).parent), target=RULES),
        ),
        seeds=(Seed(source=f"blob:{notebook.document}", target=notebook.filename),) if fresh else (),
        variables={"STUDIUM_GIT_WORK": json.dumps(wanted), "STUDIUM_NOTEBOOK_ID": notebook.pk},
        network="hosts",
        hosts=hosts,
        within=allowed(),
        secrets=reference(place_of(repository)) if repository.secret else "",
    )


def smallest_machine(standing: Standing) -> MachineType:
    """The cheapest machine type of the plan, without an accelerator where there is one. Raises Refused."""
    rows = MachineType.objects.filter(enabled=True).order_by(
        "accelerator_count", "price_micros_hour", "vcpu", "position"
    )
    found = next((kind for kind in rows if standing.rules.allows_machine(kind.slug)), None)
    if found is None:
        raise Refused("plan.machine_not_allowed", "The team's plan has no machine type.", "Ask an administrator.")
    return found


def longest_seconds(standing: Standing, machine: MachineType) -> int:
    """How long a git run may take: half an hour, or as long as the plan lets anything run."""
    return min(LONGEST_SECONDS, standing.rules.session_seconds.limit_for(machine.as_spec()))
