"""Reads of secrets: names and dates, never values."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from studium.accounts.models import Team
from studium.secrets.access import Place
from studium.secrets.models import Attachment, Secret
from studium.secrets.states import WIDTH, Reference, Scope


@dataclass(frozen=True)
class Shown:
    """What people see of a secret. `attached`: the notebook asked about is set to use the name.

    `hidden`: a narrower secret of the name is what a notebook gets instead.
    """

    secret: Secret
    scope: Scope
    attached: bool = False
    hidden: bool = False

    @property
    def name(self) -> str:
        return self.secret.name

    @property
    def where(self) -> str:
        """`the team`, `project main`, `this notebook`."""
        if self.scope == Scope.PROJECT and self.secret.project:
            return f"project {self.secret.project.slug}"
        return "the team" if self.scope == Scope.TEAM else "this notebook"

    @property
    def given_at(self) -> datetime | None:
        return self.secret.given_at


def scope_of(secret: Secret) -> Scope:
    if secret.holder:
        return Scope.NOTEBOOK
    return Scope.PROJECT if secret.project_id else Scope.TEAM


def reference(place: Place, guest: int | None = None) -> str:
    """What a run's spec carries so that the run is given the secrets its holder is set to use, started by this guest too."""
    return str(Reference(place.team.pk, place.project.pk if place.project else "", place.holder, guest))


def own(place: Place) -> QuerySet[Secret]:
    """The secrets of exactly this scope, by name."""
    rows = Secret.objects.filter(team=place.team, holder=place.holder)
    rows = rows.filter(project=None if place.holder else place.project)
    return rows.select_related("project", "created_by", "changed_by").order_by("name")


def of_team(team: Team) -> list[Shown]:
    """The team's secrets and those of its live projects, for the team's page."""
    rows = Secret.objects.filter(team=team, holder="", project__deleted_at=None)
    rows = rows.select_related("project", "created_by", "changed_by").order_by("name", "project__slug")
    return [Shown(row, scope_of(row)) for row in rows]


def in_reach(reference: Reference) -> list[Secret]:
    """Everything a holder could be given, the narrowest of a name last."""
    within = Q(project=None) | Q(project_id=reference.project or None)
    mine = Q(holder=reference.holder) if reference.holder else Q(pk=None)
    rows = Secret.objects.filter(Q(holder="") & within | mine, team_id=reference.team)
    found = rows.select_related("project", "created_by", "changed_by")
    return sorted(found, key=lambda row: (row.name, WIDTH[scope_of(row)]))


def for_notebook(place: Place) -> list[Shown]:
    """What the notebook could use, with what it is set to use."""
    rows = in_reach(Reference.parse(reference(place)))
    narrowest = {row.name: row.pk for row in rows}
    names = attached(place.holder)
    return [Shown(row, scope_of(row), attached=row.name in names, hidden=narrowest[row.name] != row.pk) for row in rows]


def given_names(place: Place) -> list[str]:
    """The names of what runs of the notebook are given: what everybody who may run it can find out."""
    return sorted({shown.name for shown in for_notebook(place) if shown.attached and not shown.hidden})


def attached(holder: str) -> frozenset[str]:
    """The names the holder is set to use, with or without a secret of that name."""
    return frozenset(Attachment.objects.filter(holder=holder).values_list("name", flat=True))
