"""Search: one question over everything the user may read, answered with the places where it was found."""

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from studium.accounts.models import User
from studium.notebooks import queries as notebooks
from studium.notebooks.access import visible_to
from studium.notebooks.models import Notebook, SearchCache
from studium.notebooks.search import index
from studium.notebooks.search.asked import Asked, understand
from studium.notebooks.search.snippets import Part, Place, marked, place_in

PER_PAGE, FURTHEST = 20, 1000


@dataclass(frozen=True)
class Hit:
    """A notebook that was found: its title with what was asked marked, and a place in it, None where only title or tags have it."""

    notebook: Notebook
    title: list[Part]
    place: Place | None


@dataclass(frozen=True)
class Found:
    """Some hits, the best first. `following` is the offset of the next ones, 0 when there are no more."""

    hits: list[Hit]
    following: int


def search(
    user: User,
    text: str,
    *,
    which: notebooks.Which | None = None,
    team: str = "",
    offset: int = 0,
    limit: int = PER_PAGE,
) -> Found:
    """What the user may read and the text asks for, everywhere or in one of the listings. Nothing is found by no text."""
    asked = understand(text)
    if asked.empty or asked.impossible or not user.is_active or not 0 <= offset < FURTHEST:
        return Found([], 0)
    rows = _narrowed(notebooks.listing(user, which) if which else visible_to(user), asked, team)
    if asked.terms:
        ids = index.matching(rows, asked.terms, offset=offset, limit=limit + 1, few=which is not None)
    else:
        ids = list(rows.order_by("-changed_at", "-pk").values_list("pk", flat=True)[offset : offset + limit + 1])
    more = len(ids) > limit and offset + limit < FURTHEST
    return Found(_hits(rows, ids[:limit], asked), offset + limit if more else 0)


def _narrowed(rows: QuerySet[Notebook], asked: Asked, team: str) -> QuerySet[Notebook]:
    if team:
        rows = rows.filter(team__slug=team)
    for name in asked.tags:
        rows = rows.filter(tags__name=name)
    for language in asked.languages:
        rows = rows.filter(language__iexact=language)
    for name in asked.people:
        rows = rows.filter(Q(created_by__username__iexact=name))
    return rows


def _hits(rows: QuerySet[Notebook], ids: list[str], asked: Asked) -> list[Hit]:
    # Asked for as the user once more: what ceased to be theirs to read since the ids were found is not among them.
    found = {notebook.pk: notebook for notebook in rows.filter(pk__in=ids)}
    caches = {row.notebook_id: row for row in SearchCache.objects.filter(notebook__in=found)}
    hits = []
    for notebook in (found[pk] for pk in ids if pk in found):
        cache = caches.get(notebook.pk)
        place = place_in(cache.body, cache.kinds, asked.terms) if cache else None
        hits.append(Hit(notebook, marked(notebook.title, asked.terms), place))
    return hits
