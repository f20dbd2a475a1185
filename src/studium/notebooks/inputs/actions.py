"""Every change to inputs. The actor comes first; the caller fetched the notebook as that actor with `change=True`."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from studium.accounts.models import User
from studium.datasets import access as datasets
from studium.datasets.models import Dataset, DatasetVersion
from studium.errors import BadInput
from studium.events.actions import hint, record
from studium.notebooks.access import visible_to
from studium.notebooks.inputs import live
from studium.notebooks.inputs.models import Input, ProviderInput, VersionInput
from studium.notebooks.inputs.naming import MOST, check_name, name_taken, no_versions
from studium.notebooks.inputs.providers import carry_over_providers, remove_provider_input
from studium.notebooks.inputs.queries import (
    Given,
    hidden,
    input_of,
    inputs_of,
    kind_of,
    newest,
    no_files,
    origin_of,
    readable_by,
    usable,
)
from studium.notebooks.models import Notebook, Version


def add_input(
    actor: User,
    notebook: Notebook,
    source: Notebook | Dataset,
    *,
    now: datetime,
    number: int | None = None,
    name: str = "",
) -> Input:
    """Have the notebook's session and the runs that start from now on see the files of a version of `source`.

    It was fetched as the actor.

    Without a number the newest version is followed, of a notebook the newest that ended well; without a name it is that of
    `source`. Raises NotYet where there are no files, BadInput for a name that is none or is taken.
    """
    name = check_name(name.strip() or source.slug)
    _check_files(source, number)
    try:
        with transaction.atomic():
            Notebook.objects.select_for_update(of=("self",)).get(pk=notebook.pk)
            if inputs_of(notebook).count() >= MOST:
                raise BadInput("input.too_many", f"A notebook has at most {MOST} inputs.", "Remove one first.")
            if ProviderInput.objects.filter(notebook=notebook, name=name).exists():
                raise name_taken(name)
            made = Input.objects.create(
                notebook=notebook, name=name, number=number, added_by=actor, added_at=now, **_field(source)
            )
            about = {"of": kind_of(source), "source": source.pk, "number": number}
            _recorded("notebook.input_added", actor, notebook, now, input=name, **about)
            live.show(notebook, name, now=now)
    except IntegrityError:
        raise name_taken(name) from None
    return made


def change_input(actor: User, notebook: Notebook, name: str, number: int | None, *, now: datetime) -> Input:
    """Stay with a version, or with None follow the newest. The session sees it at once. Raises NotFound, NotYet."""
    if ProviderInput.objects.filter(notebook=notebook, name=name).exists():
        raise no_versions(name)
    found = input_of(notebook, name)
    rows = datasets.visible_to(actor) if found.dataset_id else visible_to(actor)
    if not rows.filter(pk=found.origin.pk).exists():
        raise hidden(name)
    _check_files(found.origin, number)
    with transaction.atomic():
        Input.objects.filter(pk=found.pk).update(number=number)
        _recorded("notebook.input_changed", actor, notebook, now, input=name, number=number)
        live.show(notebook, name, now=now)
    found.number = number
    return found


def remove_input(actor: User, notebook: Notebook, name: str, *, now: datetime) -> None:
    """The session and the runs that start from now on do not see it; a provider stays in the session. Raises NotFound."""
    if remove_provider_input(actor, notebook, name, now=now):
        return
    found = input_of(notebook, name)
    with transaction.atomic():
        Input.objects.filter(pk=found.pk).delete()
        _recorded("notebook.input_removed", actor, notebook, now, input=name)
        live.show(notebook, name, now=now)


def carry_over(actor: User, origin: Notebook | Version, copy: Notebook, *, now: datetime) -> None:
    """Give a copy the inputs of what it was copied from, as they were for a version; not those that the actor may not read."""
    found: list[tuple[str, Notebook | Dataset, int | None]]
    if isinstance(origin, Version):
        rows = VersionInput.objects.filter(version=origin).select_related("source__notebook", "dataset__dataset")
        found = [(row.name, origin_of(row.origin), row.number) for row in rows if row.origin]
    else:
        found = [(row.name, row.origin, row.number) for row in inputs_of(origin)]
    readable = readable_by(actor, (source for _, source, _ in found))
    Input.objects.bulk_create(
        Input(notebook=copy, name=name, number=number, added_by=actor, added_at=now, **_field(source))
        for name, source, number in found
        if source in readable
    )
    carry_over_providers(actor, origin.notebook if isinstance(origin, Version) else origin, copy, now=now)


def _field(source: Notebook | Dataset) -> dict[str, Any]:
    return {"dataset": source} if isinstance(source, Dataset) else {"source": source}


def note_given(version: Version, given: list[Given]) -> None:
    """Write down what a version's run is shown, in the caller's transaction."""
    VersionInput.objects.bulk_create(
        VersionInput(
            version=version,
            name=each.name,
            title=each.title,
            number=each.source.number,
            **{"dataset" if isinstance(each.source, DatasetVersion) else "source": each.source},
        )
        for each in given
    )


def _check_files(source: Notebook | Dataset, number: int | None) -> None:
    """Raises BadInput for a number that is none, NotYet where there is nothing to be read."""
    if number is not None and number < 1:
        raise BadInput("version.number", f"{number} is not a version's number.", "Write it as 3.")
    if isinstance(source, Dataset):
        rows = DatasetVersion.objects.filter(dataset=source, deleted_at=None)
        found = (rows.filter(number=number) if number else rows).exists()
    else:
        found = usable(source).filter(number=number).exists() if number else newest(source) is not None
    if not found:
        raise no_files(source, number)


def _recorded(name: str, actor: User, notebook: Notebook, now: datetime, **data: object) -> None:
    record(name, subject=("notebook", notebook.pk), actor=actor, team_id=notebook.team_id, now=now, data=data)
    hint([f"notebook:{notebook.pk}"])
