"""Clean-ups of what a team stores, as somebody may do them: what there is, what it would free, and doing it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from studium.accounts.access import require
from studium.accounts.models import Team, User
from studium.accounts.states import Role
from studium.datasets.actions import delete_version
from studium.datasets.models import DatasetVersion
from studium.environments.actions import collect
from studium.environments.models import Build
from studium.errors import BadInput, NotFound
from studium.events.actions import record
from studium.notebooks.stored import arriving, builds, dataset_versions, outputs, snapshots, workspaces
from studium.notebooks.stored.emptying import ask_to_empty, ask_to_keep_and_empty, remove_files
from studium.notebooks.stored.items import Cleaner, Freed, Item, Viewer, numbers
from studium.notebooks.stored.measuring import KINDS

MOST_ITEMS = 500


def _delete_versions(actor: User, team: Team, keys: Collection[str], now: datetime) -> None:
    for version in DatasetVersion.objects.filter(pk__in=numbers(keys), dataset__team=team).select_related(
        "dataset__team"
    ):
        try:
            delete_version(actor, version, now=now)
        except NotFound:  # somebody was quicker
            continue


def _collect_builds(actor: User, team: Team, keys: Collection[str], now: datetime) -> None:
    for build in Build.objects.filter(pk__in=list(keys), environment__team=team).select_related("environment"):
        collect(actor, build, now=now)


CLEANERS = {
    cleaner.kind: cleaner
    for cleaner in (
        Cleaner(
            kind=workspaces.KIND,
            how="All files of the workspace go for good, installed packages too; the notebook and its saved versions stay.",
            largest=workspaces.largest,
            named=workspaces.named,
            frees=workspaces.frees,
            clean=ask_to_empty,
            keep_and_clean=ask_to_keep_and_empty,
            kept="A snapshot of each workspace is taken first, and the workspace stays where that fails. Snapshots take room too: "
            "as much as the files, less what snapshots of the team have in common.",
        ),
        Cleaner(
            kind=outputs.KIND,
            how="The version's output files go for good; its document, log and everything else of it stay.",
            largest=outputs.largest,
            named=outputs.named,
            frees=outputs.frees,
            clean=remove_files,
        ),
        Cleaner(
            kind=dataset_versions.KIND,
            how="The version is deleted for good. What other versions have of its files stays.",
            largest=dataset_versions.largest,
            named=dataset_versions.named,
            frees=dataset_versions.frees,
            clean=_delete_versions,
            alone=dataset_versions.alone,
        ),
        Cleaner(
            kind=arriving.KIND,
            how="What has arrived goes, and cannot be gone on with.",
            largest=arriving.largest,
            named=arriving.named,
            frees=arriving.frees,
            clean=arriving.clean,
        ),
        Cleaner(
            kind=snapshots.KIND,
            how="The snapshot is deleted for good. What other snapshots have of it stays.",
            largest=snapshots.largest,
            named=snapshots.named,
            frees=snapshots.frees,
            clean=snapshots.clean,
        ),
        Cleaner(
            kind=builds.KIND,
            how="Its files go; it is built again from its lock when a run asks for it.",
            largest=builds.largest,
            named=builds.named,
            frees=builds.frees,
            clean=_collect_builds,
        ),
    )
}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What somebody chose to clean up: what goes, what stays with the reason in `kept`, and how many are gone already.

    `freed` is by kind; `counted` is how much of it counts against the plan. Not `exact`, it is at most so much.
    """

    going: list[Item]
    staying: list[Item]
    gone: int
    freed: dict[str, Freed]

    @property
    def bytes(self) -> int:
        return sum(each.bytes for each in self.freed.values())

    @property
    def counted(self) -> int:
        counts = {kind.slug for kind in KINDS if kind.counts}
        return sum(each.bytes for slug, each in self.freed.items() if slug in counts)

    @property
    def exact(self) -> bool:
        return all(each.exact for each in self.freed.values())


def largest(user: User, team: Team, kind: str, most: int, *, now: datetime) -> list[Item]:
    """The largest things of a kind, as the user sees them; none of a kind that is not cleaned up. Raises BadInput."""
    if kind not in {each.slug for each in KINDS}:
        raise _unknown_kind(kind)
    return CLEANERS[kind].largest(Viewer.of(user, team), most, now) if kind in CLEANERS else []


def preview(user: User, team: Team, ids: Sequence[str], *, now: datetime) -> Choice:
    """What would go with these, given as `kind:key`. Changes nothing. Raises Forbidden for readers, BadInput."""
    require(user, team, Role.MEMBER)
    if len(ids) > MOST_ITEMS:
        raise BadInput("storage.too_many", f"At most {MOST_ITEMS} things go at once.", "Choose fewer.")
    viewer, items, asked = Viewer.of(user, team), list[Item](), _by_kind(ids)
    for kind, keys in asked.items():
        items += CLEANERS[kind].named(viewer, keys, now)
    going = [item for item in items if not item.kept]
    freed = {kind: CLEANERS[kind].frees(team, _keys(going, kind)) for kind in asked if _keys(going, kind)}
    return Choice(
        going=going,
        staying=[item for item in items if item.kept],
        gone=sum(len(keys) for keys in asked.values()) - len(items),
        freed=freed,
    )


def told_apart(team: Team, choice: Choice) -> Choice:
    """The choice, with what each thing that goes would free by itself where things of its kind share what they have."""
    alone = {
        (kind, key): one
        for kind in choice.freed
        if (tell := CLEANERS[kind].alone) is not None
        for key, one in tell(team, _keys(choice.going, kind)).items()
    }
    return replace(choice, going=[replace(item, alone=alone.get((item.kind, item.key))) for item in choice.going])


def clean(user: User, team: Team, ids: Sequence[str], *, now: datetime, keep: bool = False) -> Choice:
    """Do it, with `keep` after a snapshot of what there are such of, and say what went.

    Repeatable: what is gone already is counted and nothing else. Raises as `preview`.
    """
    choice = preview(user, team, ids, now=now)
    for kind in choice.freed:
        cleaner = CLEANERS[kind]
        do = cleaner.keep_and_clean if keep and cleaner.keep_and_clean else cleaner.clean
        do(user, team, _keys(choice.going, kind), now)
    if choice.going:
        data = {"items": len(choice.going), "bytes": choice.bytes}
        record("storage.cleaned", subject=("team", team.pk), actor=user, team_id=team.pk, now=now, data=data)
    return choice


def _keys(items: Iterable[Item], kind: str) -> list[str]:
    return [item.key for item in items if item.kind == kind]


def _by_kind(ids: Iterable[str]) -> dict[str, list[str]]:
    found = dict[str, list[str]]()
    for each in dict.fromkeys(ids):
        kind, _, key = each.partition(":")
        if kind not in CLEANERS:
            raise _unknown_kind(kind)
        found.setdefault(kind, []).append(key[:64])
    return found


def _unknown_kind(kind: str) -> BadInput:
    known = ", ".join(each.slug for each in KINDS)
    return BadInput("storage.kind", f"{kind[:40]!r} is no kind of what is stored.", f"There are {known}.")
