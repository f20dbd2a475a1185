"""The pass of search: read what changed, forget what is gone. The whole cache may be deleted at any time."""

import json
import time
from datetime import datetime, timedelta

import structlog
from django.db.models import F, Q, QuerySet

from studium.errors import BadInput
from studium.lib.units import MIB
from studium.notebooks.bounded import Bounds, OutOfBounds, run_bounded
from studium.notebooks.document import READ_HERE
from studium.notebooks.models import Notebook, SearchCache
from studium.notebooks.search import actions
from studium.notebooks.search.contents import LAYOUT, NOTHING, Contents, contents
from studium.notebooks.states import Visibility
from studium.storage import actions as storage

log = structlog.get_logger(__name__)
AT_ONCE, MOST_SECONDS = 50, 20.0
# What changed lately is looked for often, by an index; everything, to heal what was missed, now and then.
LATELY = timedelta(minutes=10)
# Of an answer: what is kept of a notebook, escaped in the longest way.
BOUNDS = Bounds(memory_bytes=3072 * MIB, seconds=40, answer_bytes=4 * MIB)


def index_lately(now: datetime) -> int:
    """Read what changed in the last minutes; returns how many were read."""
    # By each visibility, for that is what the index begins with.
    return _index(_stale().filter(visibility__in=list(Visibility), changed_at__gt=now - LATELY))


def index_changed(now: datetime) -> int:
    """Read all that is not of the newest content, for a while, and forget what is gone; returns how many."""
    began, done = time.monotonic(), _forget_deleted()
    while time.monotonic() - began < MOST_SECONDS and (read := _index(_stale())):
        done += read
    return done


def _stale() -> QuerySet[Notebook]:
    old = Q(search_cache=None) | ~Q(search_cache__document=F("document")) | ~Q(search_cache__title=F("title"))
    return Notebook.objects.filter(old | ~Q(search_cache__layout=LAYOUT), deleted_at=None)


def _index(stale: QuerySet[Notebook]) -> int:
    """Bring some of these up to date. Repeatable, in any number at once."""
    return sum(actions.keep(notebook, _read(notebook)) for notebook in stale.order_by("-changed_at")[:AT_ONCE])


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
