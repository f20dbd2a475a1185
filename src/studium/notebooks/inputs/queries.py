"""Reads of inputs: what a notebook has, what its next run gets, what a version's run got."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from studium.accounts.models import User
from studium.compute.spec import Tree
from studium.compute.states import Reason
from studium.errors import NotFound, NotYet, Refused, StudiumError
from studium.notebooks.access import visible_to
from studium.notebooks.inputs.models import Input, VersionInput
from studium.notebooks.inputs.naming import paths_of
from studium.notebooks.models import Notebook, Version
from studium.notebooks.queries import listing
from studium.notebooks.states import VersionKind

# Versions that files can be read of.
_KEPT = Q(kind=VersionKind.RUN, files_count__gt=0, settled_at__isnull=False)


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a run is shown under a name."""

    name: str
    source: Version


@dataclass(frozen=True, kw_only=True)
class ShownInput:
    """An input as somebody may see it. `source` is None where they may not read it or it is gone.

    `number`, `files` and `bytes` are of the version that the next run gets; without one `trouble` says why.
    """

    name: str
    source: Notebook | None
    number: int | None
    follows: bool
    newest: int | None
    files: int
    bytes: int
    trouble: str

    @property
    def paths(self) -> tuple[str, ...]:
        return paths_of(self.name)


@dataclass(frozen=True, kw_only=True)
class ShownVersionInput:
    """What a version's run was shown. `title` is empty where the reader may not know it; `there` says whether it still is."""

    name: str
    title: str
    notebook: Notebook | None
    number: int
    there: bool


def inputs_of(notebook: Notebook) -> QuerySet[Input]:
    """By name."""
    return Input.objects.filter(notebook=notebook).select_related("source__team").order_by("name")


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


def given_now(user: User, notebook: Notebook) -> list[Given]:
    """What a run that the user starts is shown. Raises Refused or NotYet where one of the inputs cannot be given to them."""
    rows = _found(notebook)
    readable = _readable(user, (row.set.source_id for row in rows))
    return [Given(name=row.set.name, source=_version(row, readable)) for row in rows]


def given_again(user: User, version: Version) -> list[Given]:
    """What the version's run was shown, for another run of it. Raises Refused where that is gone or not the user's to read."""
    rows = list(VersionInput.objects.filter(version=version).select_related("source__notebook").order_by("name"))
    readable = _readable(user, (row.source.notebook_id for row in rows if row.source))
    given = []
    for row in rows:
        if row.source is None or row.source.notebook.deleted_at is not None:
            raise Refused(
                "input.gone",
                f"The input {row.name} of version {version.number} is no longer kept.",
                "Run the notebook as a new version with today's inputs instead.",
            )
        if row.source.notebook_id not in readable:
            raise hidden(row.name)
        given.append(Given(name=row.name, source=row.source))
    return given


def given_lately(notebook: Notebook) -> list[Given]:
    """What the inputs stand for now, less those that stand for nothing: what a version is saved under without being run."""
    found = ((row.set.name, None if row.set.source.deleted_at else row.version) for row in _found(notebook))
    return [Given(name=name, source=version) for name, version in found if version is not None]


def trees_of(given: list[Given]) -> tuple[Tree, ...]:
    """What to ask compute for, so that a run is shown them."""
    return tuple(Tree(manifest=each.source.files, targets=paths_of(each.name)) for each in given)


def shown(user: User, notebook: Notebook) -> list[ShownInput]:
    """The inputs of a notebook that the user reads."""
    rows = _found(notebook)
    readable = _readable(user, (row.set.source_id for row in rows))
    return [_shown(row, readable) for row in rows]


def offered(user: User, most: int = 50) -> list[Notebook]:
    """Notebooks of the user's teams that have files to read, last changed first: what a form may propose."""
    return list(listing(user, "team").filter(Exists(Version.objects.filter(_KEPT, notebook=OuterRef("pk"))))[:most])


def shown_of_version(user: User, version: Version) -> list[ShownVersionInput]:
    """What the version's run was shown, by name."""
    rows = list(VersionInput.objects.filter(version=version).select_related("source__notebook__team").order_by("name"))
    readable = _readable(user, (row.source.notebook_id for row in rows if row.source))
    found = []
    for row in rows:
        source = row.source.notebook if row.source and row.source.notebook_id in readable else None
        found.append(
            ShownVersionInput(
                name=row.name,
                title=row.title if source else "",
                notebook=source,
                number=row.number,
                there=source is not None,
            )
        )
    return found


def _readable(user: User, notebooks: Iterable[str]) -> frozenset[str]:
    wanted = list(notebooks)
    if not wanted or not user.is_active:
        return frozenset()
    return frozenset(visible_to(user).filter(pk__in=wanted).values_list("pk", flat=True))


@dataclass(frozen=True, kw_only=True)
class _Found:
    """An input as it is set, the version it stands for now, and the newest that ended well."""

    set: Input
    version: Version | None
    newest: Version | None


def _found(notebook: Notebook) -> list[_Found]:
    """By name; however many there are, it asks the same number of times."""
    kept = Version.objects.filter(_KEPT, notebook=OuterRef("source")).order_by("-number")
    rows = inputs_of(notebook).annotate(
        newest_pk=Subquery(kept.filter(run__reason=Reason.FINISHED).values("pk")[:1]),
        chosen_pk=Subquery(kept.filter(number=OuterRef("number")).values("pk")[:1]),
    )
    found = [(row, row.chosen_pk if row.number else row.newest_pk, row.newest_pk) for row in rows]
    known = Version.objects.select_related("notebook").in_bulk(
        {pk for _, one, other in found for pk in (one, other) if pk}
    )
    return [_Found(set=row, version=known.get(one), newest=known.get(other)) for row, one, other in found]


def _version(row: _Found, readable: frozenset[str]) -> Version:
    """What the input stands for. Raises Refused or NotYet where it is for nobody, or not for those who read these."""
    source, name = row.set.source, row.set.name
    if source.deleted_at is not None:
        raise Refused("input.gone", f"The notebook that the input {name} comes from was deleted.", "Remove the input.")
    if source.pk not in readable:
        raise hidden(name)
    if row.version is None:
        raise no_files(source, row.set.number)
    return row.version


def no_files(source: Notebook, number: int | None) -> NotYet:
    """There is nothing to read of it yet, or no longer."""
    name = f"{source.team.slug}/{source.slug}"
    if number:
        return NotYet(
            "input.no_files",
            f"Version {number} of {name} has no output files that are kept.",
            "Choose another version, or follow the newest.",
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


def _shown(row: _Found, readable: frozenset[str]) -> ShownInput:
    trouble, found = "", None
    try:
        found = _version(row, readable)
    except StudiumError as error:
        trouble = error.message
    source = row.set.source if row.set.source_id in readable and row.set.source.deleted_at is None else None
    return ShownInput(
        name=row.set.name,
        source=source,
        number=found.number if found else row.set.number,
        follows=row.set.number is None,
        newest=row.newest.number if source and row.newest else None,
        files=found.files_count if found else 0,
        bytes=found.files_bytes if found else 0,
        trouble=trouble,
    )
