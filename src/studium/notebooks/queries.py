"""Reads of notebooks for pages and REST: listings, their last runs, what was started for one."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from studium.accounts.models import Team, User
from studium.community.queries import comment_count, vote_count
from studium.compute.models import Run
from studium.compute.states import LIVE
from studium.notebooks.access import decided_by_operators, mine, shared, shared_with, visible_to
from studium.notebooks.launching import OWNER_KIND
from studium.notebooks.models import Launch, Notebook
from studium.notebooks.states import LaunchKind, Visibility
from studium.notebooks.stored.measuring import counted, counted_before
from studium.notebooks.subjects import KIND
from studium.plans import queries as plans
from studium.plans.rules import storage_room

Which = Literal["mine", "team", "shared", "public"]


def listing(user: User, which: Which, text: str = "", team_slug: str = "", tag: str = "") -> QuerySet[Notebook]:
    """Notebooks the user may read, to be ordered by the caller.

    `mine` are those they made, `team` those of their teams, `shared` those that somebody shared with them, `public`
    everybody's public ones. `text` is looked for in titles; `tag` is one as it is written.
    """
    if which == "public":
        rows = visible_to(user).filter(visibility=Visibility.PUBLIC, taken_down_at=None)
    elif which == "shared":
        rows = shared(user)
    else:
        rows = mine(user)
        if which == "mine":
            rows = rows.filter(created_by_id=user.pk)
    if team_slug:
        rows = rows.filter(team__slug=team_slug)
    if tag:
        rows = rows.filter(tags__name=tag)
    for word in text.split()[:6]:
        rows = rows.filter(title__icontains=word)
    return rows


def by_person(user: User, person: User) -> QuerySet[Notebook]:
    """The public notebooks that the person made, as far as the user may read them."""
    return listing(user, "public").filter(created_by=person)


def copies_of(notebooks: Iterable[Notebook]) -> dict[str, int]:
    """How many copies of each are still there, by id; those without any are left out."""
    rows = Notebook.objects.filter(copied_from__in=[row.pk for row in notebooks], deleted_at=None)
    return dict(rows.values_list("copied_from").annotate(count=Count("pk")))


def taken_down() -> QuerySet[Notebook]:
    """Live notebooks that are taken down, to be ordered by the caller."""
    return decided_by_operators().exclude(taken_down_at=None)


Sort = Literal["recent", "votes", "comments"]


def ranked(rows: QuerySet[Notebook], sort: Sort) -> tuple[QuerySet[Notebook], str]:
    """The rows, and the field by which they are to be put in order, the largest first."""
    if sort == "votes":
        return rows.annotate(votes=vote_count(KIND)), "votes"
    if sort == "comments":
        return rows.annotate(said=comment_count(KIND)), "said"
    return rows, "changed_at"


def stored_bytes(team: Team) -> int:
    """What the team stores that counts against its plan; `stored.measuring` says what that is."""
    return counted(team)


def stored_before(team: Team, adding: int, *, now: datetime) -> int:
    """As `stored_bytes`, for one piece of many; see `measuring.counted_before`."""
    return counted_before(team, adding, now=now)


def room_of(team: Team, most: int, now: datetime) -> int:
    """How many bytes of files may be kept for the team: `most`, or what it has left where its plan holds it to a size."""
    room = storage_room(plans.standing(team, now=now).plan)
    return most if room is None else max(0, min(most, room - stored_bytes(team)))


def last_runs(notebooks: Iterable[Notebook]) -> dict[str, Run]:
    """The newest run of each notebook by its id; two queries however many there are."""
    newest = Launch.objects.filter(notebook=OuterRef("pk")).order_by("-run__submitted_at").values("run_id")[:1]
    ids = [notebook.pk for notebook in notebooks]
    by_notebook = dict(Notebook.objects.filter(pk__in=ids).values_list("pk", Subquery(newest)))
    runs = Run.objects.select_related("team", "user", "machine_type", "machine").in_bulk(
        [run for run in by_notebook.values() if run]
    )
    return {notebook: runs[run] for notebook, run in by_notebook.items() if run in runs}


def launches_of(notebook: Notebook) -> QuerySet[Launch]:
    """What was started for a notebook, newest first, with the runs."""
    rows = Launch.objects.filter(notebook=notebook).select_related(
        "run__team", "run__user", "run__machine_type", "run__machine"
    )
    return rows.order_by("-run__submitted_at")


def workspace_launches_of(notebook: Notebook) -> QuerySet[Launch]:
    """What ran in the notebook's own workspace, newest first: sessions and executions, not versions."""
    return launches_of(notebook).exclude(kind=LaunchKind.VERSION)


def notebook_of(run: Run) -> Notebook | None:
    """The notebook a run was started for, deleted ones included."""
    launch = Launch.objects.filter(run=run).select_related("notebook__team", "notebook__project").first()
    return launch.notebook if launch else None


def notebooks_of_runs(runs: Iterable[Run]) -> dict[str, Notebook]:
    """The live notebooks that runs were started for, by run id; one query."""
    ids = [run.pk for run in runs]
    rows = Launch.objects.filter(run__in=ids, notebook__deleted_at=None).select_related("notebook__team")
    return {launch.run_id: launch.notebook for launch in rows}


def live_runs_of(notebooks: Iterable[Notebook]) -> dict[str, Run]:
    """The live run of each notebook that has one, queued ones included, by the notebook's id; one query."""
    ids = [notebook.pk for notebook in notebooks]
    rows = Run.objects.filter(owner_kind=OWNER_KIND, owner_id__in=ids, state__in=[s.value for s in LIVE])
    return {run.owner_id: run for run in rows.select_related("team", "user", "machine_type", "machine")}


def copies_for(user: User, notebook: Notebook) -> QuerySet[Notebook]:
    """Those copies of it that the user may read."""
    return visible_to(user).filter(copied_from=notebook)


def named(user: User, word: str) -> QuerySet[Notebook]:
    """The notebooks a person may mean by a word: an id, `team/slug`, or a slug in one of their teams or shared with them."""
    team, _, slug = word.rpartition("/")
    if team:
        return visible_to(user).filter(team__slug=team, slug=slug)
    near = Q(team_id__in=user.memberships.values("team_id")) | Q(pk__in=shared_with(user))
    return visible_to(user).filter(Q(pk=word) | Q(slug=word) & near)
