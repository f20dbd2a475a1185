"""Reads of inputs: what a notebook has, what its next run gets, what a version's run got."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from studium.accounts.models import User
from studium.compute.spec import Tree
from studium.compute.states import Reason
from studium.datasets import access as datasets
from studium.datasets import queries as dataset_rows
from studium.datasets.models import Dataset, DatasetVersion
from studium.errors import NotFound, NotYet, Refused, StudiumError
from studium.notebooks.access import visible_to
from studium.notebooks.inputs.models import Input, VersionInput
from studium.notebooks.inputs.naming import paths_of
from studium.notebooks.models import Notebook, Version
from studium.notebooks.queries import listing
from studium.notebooks.states import VersionKind

V = TypeVar("V", Version, DatasetVersion)
# Versions of notebooks that files can be read of.
_KEPT = Q(kind=VersionKind.RUN, files_count__gt=0, settled_at__isnull=False)
_DATASET_KEPT = Q(deleted_at=None)


class Sight(StrEnum):
    """How a session that goes on sees an input."""

    NONE = ""
    """There is no session."""
    COMING = "coming"
    SEEN = "seen"
    FAILED = "failed"
    NEXT = "next"
    """From the next start on: the session began with another version, or may not be shown this one."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a run is shown under a name."""

    name: str
    source: Version | DatasetVersion

    @property
    def manifest(self) -> str:
        return manifest_of(self.source)

    @property
    def title(self) -> str:
        """Of the notebook or dataset."""
        return origin_of(self.source).title


@dataclass(frozen=True, kw_only=True)
class ShownInput:
    """An input as somebody may see it. `source` is None where they may not read it or it is gone.

    `number`, `files` and `bytes` are of the version that the next run gets; without one `trouble` says why.
    """

    name: str
    source: Notebook | Dataset | None
    number: int | None
    follows: bool
    newest: int | None
    files: int
    bytes: int
    trouble: str
    manifest: str
    sight: Sight = Sight.NONE

    @property
    def paths(self) -> tuple[str, ...]:
        return paths_of(self.name)

    @property
    def kind(self) -> str:
        """`dataset` or `notebook`; empty without a source."""
        return kind_of(self.source) if self.source else ""

    @property
    def page(self) -> str:
        """The path of its page, of the version where one is given."""
        return page_of(self.source, None if self.trouble else self.number) if self.source else ""


@dataclass(frozen=True, kw_only=True)
class ShownVersionInput:
    """What a version's run was shown. `title` is empty where the reader may not know it; `there` says whether it still is."""

    name: str
    title: str
    source: Notebook | Dataset | None
    number: int
    there: bool

    @property
    def page(self) -> str:
        """The path of its page."""
        return page_of(self.source, self.number) if self.source else ""


def kind_of(source: Notebook | Dataset) -> str:
    return "dataset" if isinstance(source, Dataset) else "notebook"


def page_of(source: Notebook | Dataset, number: int | None) -> str:
    """The path of the page of what is read."""
    top = f"/{kind_of(source)}s/{source.team.slug}/{source.slug}/"
    if number is None:
        return top
    return f"{top}?version={number}" if isinstance(source, Dataset) else f"{top}versions/{number}/"


def manifest_of(version: Version | DatasetVersion) -> str:
    """Of its files."""
    return version.files if isinstance(version, Version) else version.manifest


def origin_of(version: Version | DatasetVersion) -> Notebook | Dataset:
    """What a version is of."""
    return version.notebook if isinstance(version, Version) else version.dataset


def inputs_of(notebook: Notebook) -> QuerySet[Input]:
    """By name."""
    rows = Input.objects.filter(notebook=notebook).select_related("source__team", "dataset__team")
    return rows.order_by("name")


def input_of(notebook: Notebook, name: str) -> Input:
    """Raises NotFound."""
    found = inputs_of(notebook).filter(name=name).first()
    if found is None:
        raise NotFound(
            "input.unknown",
            f"{notebook.title} has no input {name[:80]!r}.",
            f"`studium notebooks inputs list {notebook.team.slug}/{notebook.slug}` shows those there are.",
        )
    return found


def usable(source: Notebook) -> QuerySet[Version]:
    """Versions of a notebook whose output files are kept, newest first."""
    return Version.objects.filter(_KEPT, notebook=source).order_by("-number")


def kept_for_others() -> Q:
    """Of a version: that an input stays with it, or a run that goes on was given it, so that no clean-up takes it away.

    Inputs of other teams do not keep it: how much a team keeps is not for others to say.
    """
    rows = Input.objects.filter(source=OuterRef("notebook"), number=OuterRef("number"), notebook__deleted_at=None)
    stays = rows.filter(notebook__team=OuterRef("notebook__team"))
    return Exists(stays) | Exists(VersionInput.objects.filter(source=OuterRef("pk"), version__settled_at=None))


def newest(source: Notebook) -> Version | None:
    """The newest version that ended well and left files."""
    return usable(source).filter(run__reason=Reason.FINISHED).first()


def given_now(user: User, notebook: Notebook, *, name: str = "") -> list[Given]:
    """What a run that the user starts is shown, or of it the one of a name.

    Raises Refused or NotYet where one of the inputs cannot be given to them.
    """
    rows = [row for row in _found(notebook) if name in ("", row.set.name)]
    readable = readable_by(user, (row.set.origin for row in rows))
    return [Given(name=row.set.name, source=_version(row, readable)) for row in rows]


def given_again(user: User, version: Version) -> list[Given]:
    """What the version's run was shown, for another run of it. Raises Refused where that is gone or not the user's to read."""
    rows = _version_inputs(version)
    readable = readable_by(user, (origin_of(row.origin) for row in rows if row.origin))
    given = []
    for row in rows:
        if row.origin is None or not _there(row.origin):
            raise Refused(
                "input.gone",
                f"The input {row.name} of version {version.number} is no longer kept.",
                "Run the notebook as a new version with today's inputs instead.",
            )
        if origin_of(row.origin) not in readable:
            raise hidden(row.name)
        given.append(Given(name=row.name, source=row.origin))
    return given


def _version_inputs(version: Version) -> list[VersionInput]:
    rows = VersionInput.objects.filter(version=version).order_by("name")
    return list(rows.select_related("source__notebook__team", "dataset__dataset__team"))


def _there(version: Version | DatasetVersion) -> bool:
    """Whether a version's files are kept."""
    if isinstance(version, DatasetVersion):
        return version.deleted_at is None
    return version.notebook.deleted_at is None and version.files_removed_at is None


def given_lately(notebook: Notebook) -> list[Given]:
    """What the inputs stand for now, less those that stand for nothing: what a version is saved under without being run."""
    found = ((row.set.name, None if row.set.origin.deleted_at else row.version) for row in _found(notebook))
    return [Given(name=name, source=version) for name, version in found if version is not None]


def trees_of(given: list[Given]) -> tuple[Tree, ...]:
    """What to ask compute for, so that a run is shown them."""
    return tuple(Tree(manifest=each.manifest, targets=paths_of(each.name)) for each in given)


def shown(user: User, notebook: Notebook) -> list[ShownInput]:
    """The inputs of a notebook that the user reads, without how its session sees them."""
    rows = _found(notebook)
    readable = readable_by(user, (row.set.origin for row in rows))
    return [_shown(row, readable) for row in rows]


def offered(user: User, most: int = 50) -> list[Notebook | Dataset]:
    """Datasets and notebooks of the user's teams that have files to read, last changed first: what a form may propose."""
    has_files = Exists(Version.objects.filter(_KEPT, notebook=OuterRef("pk")))
    found: list[Notebook | Dataset] = [*listing(user, "team").filter(has_files)[:most]]
    has_version = Exists(DatasetVersion.objects.filter(_DATASET_KEPT, dataset=OuterRef("pk")))
    found += dataset_rows.listed(user, "team").filter(has_version)[:most]
    return sorted(found, key=lambda each: each.changed_at, reverse=True)[:most]


def shown_of_version(user: User, version: Version) -> list[ShownVersionInput]:
    """What the version's run was shown, by name."""
    rows = _version_inputs(version)
    readable = readable_by(user, (origin_of(row.origin) for row in rows if row.origin))
    found = []
    for row in rows:
        origin = origin_of(row.origin) if row.origin else None
        source = origin if origin in readable else None
        found.append(
            ShownVersionInput(
                name=row.name,
                title=source.title if source else "",
                source=source,
                number=row.number,
                there=source is not None and row.origin is not None and _there(row.origin),
            )
        )
    return found


def readable_by(user: User, sources: Iterable[Notebook | Dataset]) -> frozenset[Notebook | Dataset]:
    """Those of these that the user may read."""
    wanted = list(sources)
    if not wanted or not user.is_active:
        return frozenset()
    notebooks = {each.pk for each in wanted if isinstance(each, Notebook)}
    sets = {each.pk for each in wanted if isinstance(each, Dataset)}
    found = set[str]()
    if notebooks:
        found.update(visible_to(user).filter(pk__in=notebooks).values_list("pk", flat=True))
    if sets:
        found.update(datasets.visible_to(user).filter(pk__in=sets).values_list("pk", flat=True))
    return frozenset(each for each in wanted if each.pk in found)


@dataclass(frozen=True, kw_only=True)
class _Found:
    """An input as it is set, the version it stands for now, and the newest that may be followed."""

    set: Input
    version: Version | DatasetVersion | None
    newest: Version | DatasetVersion | None


def _found(notebook: Notebook) -> list[_Found]:
    """By name; however many there are, it asks the same number of times."""
    kept = Version.objects.filter(_KEPT, notebook=OuterRef("source")).order_by("-number")
    of_set = DatasetVersion.objects.filter(_DATASET_KEPT, dataset=OuterRef("dataset")).order_by("-number")
    rows = list(
        inputs_of(notebook).annotate(
            newest_pk=Subquery(kept.filter(run__reason=Reason.FINISHED).values("pk")[:1]),
            chosen_pk=Subquery(kept.filter(number=OuterRef("number")).values("pk")[:1]),
            newest_of_set=Subquery(of_set.values("pk")[:1]),
            chosen_of_set=Subquery(of_set.filter(number=OuterRef("number")).values("pk")[:1]),
        )
    )
    versions = _by_pk(Version.objects.select_related("notebook"), rows, "newest_pk", "chosen_pk")
    sets = _by_pk(DatasetVersion.objects.select_related("dataset"), rows, "newest_of_set", "chosen_of_set")
    found = []
    for row in rows:
        if row.dataset_id:
            newest, chosen = sets.get(row.newest_of_set), sets.get(row.chosen_of_set)
            found.append(_Found(set=row, version=chosen if row.number else newest, newest=newest))
        else:
            last, one = versions.get(row.newest_pk), versions.get(row.chosen_pk)
            found.append(_Found(set=row, version=one if row.number else last, newest=last))
    return found


def _by_pk(versions: "QuerySet[V]", rows: Sequence[Input], *fields: str) -> dict[int, V]:
    wanted = {getattr(row, field) for row in rows for field in fields} - {None}
    return versions.in_bulk(wanted) if wanted else {}


def _version(row: _Found, readable: frozenset[Notebook | Dataset]) -> Version | DatasetVersion:
    """What the input stands for. Raises Refused or NotYet where it is for nobody, or not for those who read these."""
    source, name = row.set.origin, row.set.name
    if source.deleted_at is not None:
        raise Refused(
            "input.gone", f"The {kind_of(source)} that the input {name} comes from was deleted.", "Remove the input."
        )
    if source not in readable:
        raise hidden(name)
    if row.version is None:
        raise no_files(source, row.set.number)
    return row.version


def no_files(source: Notebook | Dataset, number: int | None) -> NotYet:
    """There is nothing to read of it yet, or no longer."""
    name = f"{source.team.slug}/{source.slug}"
    if number:
        what = "output files that are kept" if isinstance(source, Notebook) else "files that are kept"
        return NotYet(
            "input.no_files",
            f"Version {number} of {name} has no {what}.",
            "Choose another version, or follow the newest.",
        )
    if isinstance(source, Dataset):
        return NotYet(
            "input.no_files", f"{name} has no version yet.", f"Bring files first: studium datasets version {name} DIR"
        )
    return NotYet(
        "input.no_files",
        f"No version of {name} ended well and left files.",
        f"Save and run it first: studium notebooks run {name}",
    )


def hidden(name: str) -> Refused:
    return Refused(
        "input.hidden",
        f"You may not read what the input {name} comes from.",
        "Ask its team to share it with you, or remove the input.",
    )


def _shown(row: _Found, readable: frozenset[Notebook | Dataset]) -> ShownInput:
    trouble, found = "", None
    try:
        found = _version(row, readable)
    except StudiumError as error:
        trouble = error.message
    source = row.set.origin if row.set.origin in readable and row.set.origin.deleted_at is None else None
    return ShownInput(
        name=row.set.name,
        source=source,
        number=found.number if found else row.set.number,
        follows=row.set.number is None,
        newest=row.newest.number if source and row.newest else None,
        files=found.files_count if found else 0,
        bytes=found.files_bytes if found else 0,
        trouble=trouble,
        manifest=manifest_of(found) if found else "",
    )
