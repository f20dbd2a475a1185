"""Reads of tags: those of notebooks, and those in use where the user may read."""

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import Count, QuerySet

from studium.notebooks.models import Notebook, Tag


def tags_of(notebooks: Iterable[Notebook]) -> dict[str, list[str]]:
    """The tags of each notebook that has any, by its id; one query."""
    found: dict[str, list[str]] = defaultdict(list)
    rows = Tag.objects.filter(notebook__in=[notebook.pk for notebook in notebooks])
    for notebook, name in rows.order_by("name").values_list("notebook_id", "name"):
        found[notebook].append(name)
    return found


def used_tags(readable: QuerySet[Notebook], *, beginning: str = "", most: int = 50) -> list[tuple[str, int]]:
    """The tags on these notebooks with how many have each, the most used first."""
    rows = Tag.objects.filter(notebook__in=readable.order_by().values("pk"))
    if beginning:
        rows = rows.filter(name__startswith=beginning)
    counted = rows.values("name").annotate(count=Count("pk")).order_by("-count", "name")
    return [(row["name"], row["count"]) for row in counted[:most]]
