"""Builds of environments as things that take room."""

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import Max, QuerySet, Sum

from studium.accounts.models import Team
from studium.compute.queries import environments_shown
from studium.environments.models import Build
from studium.environments.states import BuildState
from studium.notebooks.models import Notebook
from studium.notebooks.stored.items import Freed, Item, Viewer

KIND = "builds"


def _rows(team: Team) -> QuerySet[Build]:
    rows = Build.objects.filter(environment__team=team, state=BuildState.READY)
    return rows.select_related("environment__team").defer("packages", "source")


def largest(viewer: Viewer, most: int, now: datetime) -> list[Item]:
    return _items(viewer, _rows(viewer.team).order_by("-size_bytes", "pk")[:most])


def named(viewer: Viewer, keys: Collection[str], now: datetime) -> list[Item]:
    return _items(viewer, _rows(viewer.team).filter(pk__in=list(keys)))


def frees(team: Team, keys: Collection[str]) -> Freed:
    return Freed(bytes=_rows(team).filter(pk__in=list(keys)).aggregate(total=Sum("size_bytes"))["total"] or 0)


def _items(viewer: Viewer, rows: Iterable[Build]) -> list[Item]:
    found = list(rows)
    kept_by = {each.environment_id for each in found if each.environment.deleted_at is None}
    done = Build.objects.filter(environment__in=kept_by, state__in=(BuildState.READY, BuildState.COLLECTED))
    present = dict(done.values_list("environment_id").annotate(newest=Max("number")))
    chosen = Notebook.objects.filter(environment__in=kept_by, deleted_at=None).exclude(environment_number=None)
    stay = set(chosen.values_list("environment_id", "environment_number").distinct())
    shown = environments_shown()
    items = []
    for each in found:
        environment, kept = each.environment, ""
        if not viewer.member:
            kept = "Only members of its team remove it."
        elif present.get(each.environment_id) == each.number:
            kept = "It is what the environment gives now."
        elif (each.environment_id, each.number) in stay:
            kept = "A notebook stays with it."
        elif each.path in shown:
            kept = "A run has it."
        there = environment.deleted_at is None
        items.append(
            Item(
                kind=KIND,
                key=each.pk,
                title=f"{environment.name}, build {each.number}",
                page=f"/environments/{environment.full_name}/?build={each.number}" if there else "",
                bytes=each.size_bytes,
                used_at=each.used_at or each.built_at,
                kept=kept,
            )
        )
    return items
