"""From a notebook to the plain run spec that compute carries out."""

from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from studium.compute.spec import Limits, Mount, Remote, RunSpec, Seed, Service, Tree, Volume
from studium.compute.volumes.queries import shared_with_runs_of
from studium.environments import commands, kernels
from studium.environments.actions import use
from studium.environments.models import Build
from studium.environments.queries import current_build, default_build, default_builds
from studium.environments.states import BuildState
from studium.errors import BadInput
from studium.lib.ids import new_secret
from studium.lib.units import GIB
from studium.notebooks.models import Notebook
from studium.notebooks.states import LaunchKind, RunOptions
from studium.plans.rules import PlanRules, PlanSpec, storage_room
from studium.secrets.access import Place
from studium.secrets.queries import reference

OWNER_KIND = "notebook"
DEFAULT_DISK = 20 * GIB
SMALLEST_DISK = GIB // 4
LONGEST_CELL = 366 * 86400
_AS_USUAL = RunOptions()


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


def check_options(kind: LaunchKind, options: RunOptions) -> RunOptions:
    """The options, if a run of this kind can have them. Raises BadInput."""
    if kind == LaunchKind.SESSION and options != _AS_USUAL:
        raise BadInput(
            "run.options_of_a_session",
            "A session runs the cells you start, so it takes neither a time limit for cells nor the choice to keep going.",
            "Leave both out, or run all cells.",
        )
    if options.cell_seconds is not None and not 1 <= options.cell_seconds <= LONGEST_CELL:
        raise BadInput(
            "run.cell_seconds",
            "The longest time for one cell goes from a second to a year.",
            "Write it as 90s, 10min or 2h, or leave it out.",
        )
    return options


def build_spec(
    notebook: Notebook,
    kind: LaunchKind,
    rules: PlanRules,
    *,
    run_id: str,
    disk: int,
    build: Build,
    source: str = "",
    options: RunOptions = _AS_USUAL,
    guest: int | None = None,
    trees: tuple[Tree, ...] = (),
    remotes: tuple[Remote, ...] = (),
    filling: str = "",
) -> RunSpec:
    """The spec of a launch. Sizes of CPU and memory are filled in from the machine type by compute.

    `source` is the digest of the document that a version runs; `build` is what software it sees; `guest` is who starts it,
    where they do so only because the notebook is shared with them; `trees` are its inputs, `remotes` those that are storage
    providers, which guests do not get; `filling` is the manifest of the files that a version's workspace begins with.
    Raises NotYet while the team's volume must be had alone.
    """
    variables = {
        "STUDIUM_RUN_ID": run_id,
        "STUDIUM_NOTEBOOK_ID": notebook.pk,
        commands.NOTEBOOK_VARIABLE: notebook.filename,
    }
    server = commands.ENVIRONMENT
    if build.environment.team_id is not None:
        server = commands.SERVER
        variables[commands.ENVIRONMENT_VARIABLE] = commands.ENVIRONMENT
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
        command=commands.session_command(server)
        if kind == LaunchKind.SESSION
        else commands.execute_command(
            notebook.filename, server, cell_seconds=options.cell_seconds, keep_going=options.keep_going
        ),
        limits=Limits(vcpu=1, memory_bytes=GIB, disk_bytes=disk),
        environment_path=build.path,
        volume=Volume(name=volume),
        # Who is there only because the notebook is shared with them sees nothing else of the team's.
        shared=() if guest else shared_with_runs_of(notebook.team),
        mounts=_mounts(build),
        trees=trees,
        remotes=() if guest else remotes,
        filling=filling,
        seeds=seeds,
        variables=variables,
        network="outbound" if notebook.internet else "none",
        service=service,
        secrets=reference(place_of(notebook), guest),
    )


def build_for(notebook: Notebook, *, now: datetime) -> Build:
    """The build that the notebook's runs get now. Raises NotYet or Refused where there is none."""
    if notebook.environment is None:
        return default_build()
    return use(notebook.environment, notebook.environment_number, now=now)


def present_build(notebook: Notebook) -> Build | None:
    """What the notebook's runs would get, without asking that it can be mounted: what a version is saved under."""
    environment = notebook.environment
    if environment is None:
        return default_builds().filter(state=BuildState.READY).first()
    if notebook.environment_number:
        return environment.builds.filter(number=notebook.environment_number).first()
    return current_build(environment)


def _mounts(build: Build) -> tuple[Mount, ...]:
    """Our code for the inside, the operator's kernel files if there are any, and JupyterLab where a team's has none."""
    shown = {commands.CODE: commands.code_folder(), commands.KERNELS: kernels.operator_folder()}
    if build.environment.team_id is not None:
        shown[commands.SERVER] = Path(default_build().path)
    return tuple(Mount(source=str(source), target=target) for target, source in shown.items() if source.is_dir())


def disk_bytes(plan: PlanSpec, *, stored: int, own: int) -> int:
    """The size of a notebook's workspace: the plan's for one notebook, else the default, within what the team has left.

    `stored` is what the team stores together, `own` this workspace's share of it. What its owners agreed to pay for counts as
    left.
    """
    size, room = plan.rules.storage_bytes_notebook or DEFAULT_DISK, storage_room(plan)
    return size if room is None else min(size, max(SMALLEST_DISK, own + room - stored))
