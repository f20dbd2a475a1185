"""How a notebook is put in words in listings."""

from dataclasses import dataclass
from datetime import datetime

from studium.accounts.models import User
from studium.community.queries import favour
from studium.notebooks.models import Notebook
from studium.notebooks.queries import last_runs
from studium.notebooks.sharing.queries import shared_roles
from studium.notebooks.states import SharedRole
from studium.notebooks.subjects import KIND
from studium.notebooks.tags.queries import tags_of
from studium.web.shown.runs import RunShown, show_all

VISIBILITY_WORDS = {
    "private": "Only you and the team's admins",
    "team": "Every member of the team",
    "public": "Everybody who can sign in here",
}


@dataclass(frozen=True, kw_only=True)
class NotebookRow:
    """One line of a listing; `run` is its newest run where runs are the reader's to see (`theirs`), `shared_as` the reader's
    role where it is shared with them.
    """

    notebook: Notebook
    run: RunShown | None
    tags: list[str]
    shared_as: str
    theirs: bool
    votes: int = 0
    comments: int = 0


def rows_of(user: User, notebooks: list[Notebook], *, now: datetime) -> list[NotebookRow]:
    """The lines of a listing as the user may see them, in the order given; six queries however long it is."""
    if not notebooks:
        return []
    teams = set(user.memberships.values_list("team_id", flat=True))
    roles = shared_roles(user, notebooks)
    theirs = [n for n in notebooks if n.team_id in teams or user.is_staff or roles.get(n.pk) == SharedRole.EDITOR]
    runs, seen = last_runs(theirs), {n.pk for n in theirs}
    shown = {s.run.pk: s for s in show_all(list(runs.values()), now=now)}
    liked = favour(KIND, [n.pk for n in notebooks])
    tags = tags_of(notebooks)
    return [
        NotebookRow(
            notebook=n,
            run=shown[runs[n.pk].pk] if n.pk in runs else None,
            votes=liked[n.pk][0],
            comments=liked[n.pk][1],
            tags=tags.get(n.pk, []),
            shared_as=roles.get(n.pk, ""),
            theirs=n.pk in seen,
        )
        for n in notebooks
    ]
