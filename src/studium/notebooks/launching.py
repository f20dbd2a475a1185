"""From a notebook to the plain run spec that compute carries out."""

from collections.abc import Collection

from studium.compute.spec import Limits, Mount, RunSpec, Seed, Service, Volume
from studium.environments import commands, kernels
from studium.environments.actions import default_environment
from studium.lib.ids import new_secret
from studium.lib.units import GIB
from studium.notebooks.models import Notebook
from studium.notebooks.states import LaunchKind
from studium.plans.rules import PlanRules
from studium.secrets.access import Place
from studium.secrets.queries import reference

OWNER_KIND = "notebook"
DEFAULT_DISK = 20 * GIB
SMALLEST_DISK = GIB // 4


def volume_of(notebook: Notebook) -> str:
    return f"nb-{notebook.pk}"


def place_of(notebook: Notebook) -> Place:
    """Where the notebook's secrets are: its own, its project's and its team's. A copy is another notebook and has none."""
    return Place(notebook.team, notebook.project, f"notebook:{notebook.pk}")


def forget_workspaces(*, kept: Collection[str]) -> int:
    """Expect nothing in the workspaces whose volume is not `kept`, as after a restore: the next start brings the document."""
    known = Notebook.objects.exclude(volume_document="").values_list("pk", flat=True)
    gone = [pk for pk in known if f"nb-{pk}" not in kept]
    for first in range(0, len(gone), 500):
        Notebook.objects.filter(pk__in=gone[first : first + 500]).update(volume_document="")
    return len(gone)


def volume_of_version(run_id: str) -> str:
    """A version's run has a workspace of its own, so that it starts from the document alone and disturbs nobody."""
    return f"nv-{run_id}"


def build_spec(
    notebook: Notebook,
    kind: LaunchKind,
    rules: PlanRules,
    *,
    run_id: str,
    disk: int,
    source: str = "",
    environment_path: str = "",
    guest: int | None = None,
) -> RunSpec:
    """The spec of a launch. Sizes of CPU and memory are filled in from the machine type by compute.

    `source` is the digest of the document that a version runs; an empty environment path stands for the default one;
    `guest` is who starts it, where they do so only because the notebook is shared with them.
    """
    variables = {
        "STUDIUM_RUN_ID": run_id,
        "STUDIUM_NOTEBOOK_ID": notebook.pk,
        commands.NOTEBOOK_VARIABLE: notebook.filename,
    }
    service = None
    if kind == LaunchKind.SESSION:
        token = new_secret()
        variables[commands.TOKEN_VARIABLE] = token
        variables[commands.TERMINALS_VARIABLE] = "1" if rules.terminal else "0"
        service = Service(socket=commands.SOCKET, path="/api", kind="jupyter", token=token)
    volume, document = volume_of(notebook), notebook.document
    if kind == LaunchKind.VERSION:
        volume, document = volume_of_version(run_id), source
    elif document == notebook.volume_document:
        document = ""  # the workspace is given the document only when it is newer than what was last seen there
    seeds = (Seed(source=f"blob:{document}", target=notebook.filename),) if document else ()
    return RunSpec(
        run_id=run_id,
        command=commands.session_command()
        if kind == LaunchKind.SESSION
        else commands.execute_command(notebook.filename),
        limits=Limits(vcpu=1, memory_bytes=GIB, disk_bytes=disk),
        environment_path=environment_path or default_environment().path,
        volume=Volume(name=volume),
        mounts=_mounts(),
        seeds=seeds,
        variables=variables,
        network="outbound" if notebook.internet else "none",
        service=service,
        secrets=reference(place_of(notebook), guest),
    )


def _mounts() -> tuple[Mount, ...]:
    """Our code for the inside, and the operator's kernel files if there are any."""
    shown = {commands.CODE: commands.code_folder(), commands.KERNELS: kernels.operator_folder()}
    return tuple(Mount(source=str(source), target=target) for target, source in shown.items() if source.is_dir())


def disk_bytes(rules: PlanRules, *, stored: int, own: int) -> int:
    """The size of a notebook's workspace: the plan's for one notebook, else the default, within what the team has left.

    `stored` is what the team's notebooks take together, `own` this one's share of it. A team whose plan prices what goes
    beyond its storage is not held to it.
    """
    size = rules.storage_bytes_notebook or DEFAULT_DISK
    if rules.storage_bytes_team is None or rules.storage_overage_micros_per_gib_month is not None:
        return size
    return min(size, max(SMALLEST_DISK, own + rules.storage_bytes_team - stored))
