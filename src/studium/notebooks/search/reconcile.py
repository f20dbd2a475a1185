"""The pass of search: read what changed, forget what is gone. The whole cache may be deleted at any time."""

import json
from datetime import datetime

import structlog
from django.db.models import F, Q

from studium.errors import BadInput
from studium.lib.units import MIB
from studium.notebooks.bounded import Bounds, OutOfBounds, run_bounded
from studium.notebooks.document import READ_HERE
from studium.notebooks.models import Notebook, SearchCache
from studium.notebooks.search import actions
from studium.notebooks.search.contents import LAYOUT, NOTHING, Contents, contents
from studium.storage import actions as storage

log = structlog.get_logger(__name__)
AT_ONCE = 50
# Of an answer: what is kept of a notebook, escaped in the longest way.
BOUNDS = Bounds(memory_bytes=3072 * MIB, seconds=40, answer_bytes=4 * MIB)


def index_changed(now: datetime) -> int:
    """Bring some of the rows that are not of the newest content up to it; returns how many. Repeatable, in any number at once."""
    old = Q(search_cache=None) | ~Q(search_cache__document=F("document")) | ~Q(search_cache__title=F("title"))
    stale = Notebook.objects.filter(old | ~Q(search_cache__layout=LAYOUT), deleted_at=None)
    done = 0
    for notebook in stale.order_by("-changed_at")[:AT_ONCE]:
        done += actions.keep(notebook, _read(notebook))
    return done + _forget_deleted()


def _read(notebook: Notebook) -> Contents:
    """What is to be found in it. One that cannot be read is kept as empty, and found by its title."""
    try:
        data = storage.get(notebook.document)
        if len(data) <= READ_HERE:
            return contents(data)
        body, kinds = json.loads(run_bounded("words", data, BOUNDS))
        return Contents(body, kinds)
    except (BadInput, OutOfBounds) as error:
        log.info("search_unread", notebook=notebook.pk, error=str(error))
    except Exception as error:  # no hostile document keeps the others from being found
        log.warning("search_unread", notebook=notebook.pk, error=repr(error))
    return NOTHING


def _forget_deleted() -> int:
    gone = SearchCache.objects.exclude(notebook__deleted_at=None).values_list("pk", flat=True)[:AT_ONCE]
    rows = list(gone)
    actions.drop_rows(rows)
    return len(rows)
