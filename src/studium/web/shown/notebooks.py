"""How a notebook is put in words in listings."""

from dataclasses import dataclass
from datetime import datetime

from studium.accounts.models import User
from studium.notebooks.models import Notebook
from studium.notebooks.queries import last_runs
from studium.web.shown.runs import RunShown, show_all

VISIBILITY_WORDS = {
    "private": "Only you and the team's admins",
    "team": "Every member of the team",
    "public": "Everybody who can sign in here",
}


@dataclass(frozen=True, kw_only=True)
class NotebookRow:
    """One line of a listing; `run` is its newest run."""

    notebook: Notebook
    run: RunShown | None


def rows_of(user: User, notebooks: list[Notebook], *, now: datetime) -> list[NotebookRow]:
    """The lines of a listing as the user may see them, in the order given; four queries however long it is."""
    if not notebooks:
        return []
    teams = set(user.memberships.values_list("team_id", flat=True))
    runs = last_runs([n for n in notebooks if n.team_id in teams or user.is_staff])
    shown = {s.run.pk: s for s in show_all(list(runs.values()), now=now)}
    return [NotebookRow(notebook=n, run=shown[runs[n.pk].pk] if n.pk in runs else None) for n in notebooks]
