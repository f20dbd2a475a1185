"""From a notebook to the plain run spec that compute carries out."""

from studium.compute.spec import Limits, Mount, RunSpec, Seed, Service, Volume
from studium.environments import commands
from studium.environments.actions import default_environment
from studium.lib.ids import new_secret
from studium.lib.units import GIB
from studium.notebooks.models import Notebook
from studium.notebooks.states import LaunchKind
from studium.plans.queries import Standing

OWNER_KIND = "notebook"
DEFAULT_DISK = 20 * GIB


def volume_of(notebook: Notebook) -> str:
    return f"nb-{notebook.pk}"


def build_spec(notebook: Notebook, kind: LaunchKind, standing: Standing, *, run_id: str) -> RunSpec:
    """The spec of a session or an execution. Sizes of CPU and memory are filled in from the machine type by compute."""
    variables = {
        "STUDIUM_RUN_ID": run_id,
        "STUDIUM_NOTEBOOK_ID": notebook.pk,
        commands.NOTEBOOK_VARIABLE: notebook.filename,
    }
    service = None
    if kind == LaunchKind.SESSION:
        token = new_secret()
        variables[commands.TOKEN_VARIABLE] = token
        variables[commands.TERMINALS_VARIABLE] = "1" if standing.rules.terminal else "0"
        service = Service(socket=commands.SOCKET, path="/api", kind="jupyter", token=token)
    # The workspace is given the document only when it is newer there than what the workspace was last seen to hold.
    seeds = (
        ()
        if notebook.document == notebook.volume_document
        else (Seed(source=f"blob:{notebook.document}", target=notebook.filename),)
    )
    return RunSpec(
        run_id=run_id,
        command=commands.session_command()
        if kind == LaunchKind.SESSION
        else commands.execute_command(notebook.filename),
        limits=Limits(vcpu=1, memory_bytes=GIB, disk_bytes=disk_bytes(standing)),
        environment_path=default_environment().path,
        volume=Volume(name=volume_of(notebook)),
        mounts=(Mount(source=str(commands.code_folder()), target=commands.CODE),),
        seeds=seeds,
        variables=variables,
        network="outbound" if notebook.internet else "none",
        service=service,
    )


def disk_bytes(standing: Standing) -> int:
    """The size of a notebook's workspace under a plan: the smallest of its limits, else the default."""
    limits = [n for n in (standing.rules.storage_bytes_notebook, standing.rules.storage_bytes_team) if n]
    return min(limits, default=DEFAULT_DISK)
