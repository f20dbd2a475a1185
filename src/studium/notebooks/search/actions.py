"""Keeping the search cache. Only what is called here writes to it."""

from django.db import transaction

from studium.notebooks.models import Notebook, SearchCache, Tag
from studium.notebooks.search import index
from studium.notebooks.search.contents import BREAK, LAYOUT, Contents


def forget(notebook: Notebook) -> None:
    """Let what is known of a notebook be found no more; the next look of the controller reads it again if it is there."""
    drop_rows(list(SearchCache.objects.filter(notebook=notebook).values_list("pk", flat=True)))


@transaction.atomic
def drop_rows(rows: list[int]) -> None:
    index.drop(rows)
    SearchCache.objects.filter(pk__in=rows).delete()


@transaction.atomic
def keep(notebook: Notebook, found: Contents) -> bool:
    """Index what was read of a notebook as it was when `notebook` was fetched; False when it is gone."""
    live = Notebook.objects.select_for_update(of=("self",)).filter(pk=notebook.pk, deleted_at=None)
    if not live.exists():
        return False
    row, _ = SearchCache.objects.update_or_create(
        notebook=notebook,
        defaults={
            "document": notebook.document,
            "title": notebook.title,
            "layout": LAYOUT,
            "body": found.body,
            "kinds": found.kinds,
        },
    )
    _index(row)
    return True


def index_tags(notebook: Notebook) -> None:
    """Index a notebook's tags as they are now, in the transaction that changed them; one that is not read yet waits for that."""
    for row in SearchCache.objects.filter(notebook=notebook):
        _index(row)


def _index(row: SearchCache) -> None:
    tags = Tag.objects.filter(notebook=row.notebook_id).order_by("name").values_list("name", flat=True)
    index.put(row.pk, BREAK.join([row.title, *tags]), row.body)
