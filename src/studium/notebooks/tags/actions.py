"""Changing the tags of a notebook. The actor comes first; the caller fetched the notebook as that actor with `change=True`."""

from collections.abc import Callable, Iterable
from datetime import datetime

from django.db import transaction

from studium.accounts.models import User
from studium.community.tag_names import MOST, tag_names
from studium.errors import BadInput
from studium.events.actions import record
from studium.notebooks.models import Notebook, Tag
from studium.notebooks.search.actions import index_tags


def change_tags(
    actor: User, notebook: Notebook, *, now: datetime, add: Iterable[str] = (), remove: Iterable[str] = ()
) -> list[str]:
    """Put tags on a notebook and take others off; the tags it has then, by name. Repeatable. Raises BadInput."""
    wanted, gone = frozenset(tag_names(list(add))), frozenset(tag_names(list(remove)))
    return _apply(actor, notebook, lambda have: (have - gone) | wanted, now=now)


def set_tags(actor: User, notebook: Notebook, names: Iterable[str], *, now: datetime) -> list[str]:
    """Let a notebook have these tags and no others; as they are written. Raises BadInput."""
    wanted = frozenset(tag_names(list(names)))
    return _apply(actor, notebook, lambda have: wanted, now=now)


def _apply(
    actor: User, notebook: Notebook, change: Callable[[frozenset[str]], frozenset[str]], *, now: datetime
) -> list[str]:
    with transaction.atomic():
        Notebook.objects.select_for_update(of=("self",)).get(pk=notebook.pk)
        have = frozenset(Tag.objects.filter(notebook=notebook).values_list("name", flat=True))
        after = change(have)
        if len(after) > MOST:
            raise BadInput(
                "tag.too_many",
                f"A notebook has at most {MOST} tags; it would have {len(after)}.",
                "Take some off first.",
            )
        if after != have:
            Tag.objects.filter(notebook=notebook, name__in=have - after).delete()
            Tag.objects.bulk_create(Tag(notebook=notebook, name=name) for name in sorted(after - have))
            index_tags(notebook)
            record(
                "notebook.tagged",
                subject=("notebook", notebook.pk),
                actor=actor,
                team_id=notebook.team_id,
                now=now,
                data={"tags": sorted(after)},
            )
    return sorted(after)
