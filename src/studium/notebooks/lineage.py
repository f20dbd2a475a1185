"""Where a dataset's files are from, and which notebooks read it: as far as the reader may see."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from studium.accounts.models import User
from studium.datasets.models import Dataset, DatasetVersion
from studium.datasets.sources.kinds import kind_of
from studium.datasets.sources.models import Import
from studium.datasets.sources.states import SourceKind
from studium.notebooks.access import visible_to
from studium.notebooks.inputs.models import Input, VersionInput
from studium.notebooks.inputs.queries import ShownVersionInput, page_of, shown_of_version
from studium.notebooks.models import Notebook, Version

MOST = 50


@dataclass(frozen=True, kw_only=True)
class MadeFrom:
    """The source of a version. `page` and `notebook` are empty where the reader may not see the notebook or it is gone.

    `inputs` are what the notebook's run was given: what the files may come from in their turn.
    """

    kind: str
    words: str
    commit: str = ""
    notebook: Notebook | None = None
    number: int | None = None
    inputs: Sequence[ShownVersionInput] = field(default_factory=tuple)

    @property
    def page(self) -> str:
        return page_of(self.notebook, self.number) if self.notebook else ""


@dataclass(frozen=True, kw_only=True)
class Use:
    """A notebook that is set to read a dataset (`now`), and those of its versions whose runs were given it."""

    notebook: Notebook
    now: bool
    follows: bool
    versions: Sequence[int]

    @property
    def page(self) -> str:
        return page_of(self.notebook, None)


def made_from(user: User, version: DatasetVersion) -> MadeFrom | None:
    """None for what somebody brought by hand. The caller fetched the dataset as the user."""
    row = Import.objects.filter(version=version).first()
    if row is None:
        return None
    if row.kind != SourceKind.NOTEBOOK:
        words = kind_of(row.kind).words(row.asked, row.facts)
        return MadeFrom(kind=row.kind, words=words, commit=row.facts.get("commit", ""))
    number = row.asked["number"]
    notebook = visible_to(user).filter(pk=row.asked["notebook"]).first() if user.is_active else None
    if notebook is None:
        return MadeFrom(kind=row.kind, words="a notebook that you may not read, or that is gone")
    made = Version.objects.filter(notebook=notebook, number=number).select_related("notebook").first()
    return MadeFrom(
        kind=row.kind,
        words=f"{notebook.title}, version {number}",
        notebook=notebook,
        number=number if made else None,
        inputs=tuple(shown_of_version(user, made)) if made else (),
    )


def used_by(user: User, dataset: Dataset, *, number: int | None = None, most: int = MOST) -> list[Use]:
    """Notebooks that read it, or that version of it, the last changed first. The caller fetched the dataset as the user.

    Asks the same number of times however many there are.
    """
    if not user.is_active:
        return []
    set_to = Input.objects.filter(dataset=dataset)
    given = VersionInput.objects.filter(dataset__dataset=dataset)
    if number is not None:
        set_to, given = set_to.filter(number=number), given.filter(dataset__number=number)
    readable = visible_to(user)
    wanted = readable.filter(pk__in=set_to.values("notebook")) | readable.filter(
        pk__in=given.values("version__notebook")
    )
    notebooks = list(wanted.order_by("-changed_at", "pk")[:most])
    keys = [each.pk for each in notebooks]
    follows = dict(set_to.filter(notebook__in=keys).values_list("notebook_id", "number"))
    versions: dict[str, set[int]] = {}
    rows = given.filter(version__notebook__in=keys)
    for notebook, version in rows.values_list("version__notebook_id", "version__number"):
        versions.setdefault(notebook, set()).add(version)
    return [
        Use(
            notebook=each,
            now=each.pk in follows,
            follows=each.pk in follows and follows[each.pk] is None,
            versions=sorted(versions.get(each.pk, ()), reverse=True),
        )
        for each in notebooks
    ]
