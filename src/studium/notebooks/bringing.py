"""Datasets of what notebooks made: the output files of a version, which are not copied."""

from datetime import datetime

from studium.accounts.models import User
from studium.datasets.models import Dataset
from studium.datasets.sources import actions as sources
from studium.datasets.sources.models import Import
from studium.datasets.sources.states import ImportState, SourceKind
from studium.errors import NotYet, Refused
from studium.notebooks.access import notebook_for
from studium.notebooks.inputs.queries import newest, no_files, usable
from studium.notebooks.models import Notebook
from studium.storage import manifests


def from_notebook(
    actor: User,
    dataset: Dataset,
    notebook: Notebook,
    number: int | None = None,
    *,
    now: datetime,
    note: str = "",
    adds: bool = False,
) -> Import:
    """Make a version of the output files of a notebook's version, without a number of the newest that ended well.

    The caller fetched both as the actor, the dataset with `change=True`. Raises NotYet where no files are kept, Refused for a
    notebook that an administrator took down.
    """
    if notebook.taken_down_at is not None:
        raise Refused(
            "notebook.taken_down",
            "An administrator took this notebook down, so nothing is made of it.",
            "Ask for it to be put back.",
        )
    version = usable(notebook).filter(number=number).first() if number else newest(notebook)
    if version is None:
        raise no_files(notebook, number)
    asked = {
        "notebook": notebook.pk,
        "number": version.number,
        "follows": number is None,
        "manifest": version.files,
    }
    blobs = frozenset(entry.digest for entry in manifests.read(version.files))
    return sources.begin(actor, dataset, SourceKind.NOTEBOOK, asked, now=now, note=note, adds=adds, blobs=blobs)


def bring_again(actor: User, row: Import, *, now: datetime) -> Import:
    """`sources.again`, for which a notebook is looked at anew: what was to follow the newest is now of another version."""
    if row.kind != SourceKind.NOTEBOOK or row.state in (ImportState.WAITING, ImportState.KEEPING):
        return sources.again(actor, row, now=now)
    notebook = notebook_for(actor, row.asked["notebook"])
    number = None if row.asked["follows"] else row.asked["number"]
    if row.state == ImportState.DONE and number is not None:
        raise NotYet(
            "import.fixed",
            f"Version {number} of {notebook.title} never changes.",
            "Bring another version, or the newest.",
        )
    return from_notebook(actor, row.dataset, notebook, number, now=now, note=row.note, adds=row.adds)
