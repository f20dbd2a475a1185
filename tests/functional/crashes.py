"""What interrupts: a crash at a chosen step, or the collectors running at every one. A step is a statement of SQL or a call of
the store; both sides of a call count, since a process can die before and after it."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

from django.db import connection

from factories.datasets import content_of, sha256, stored_blocks
from studium.datasets import reconcile as datasets
from studium.datasets.models import DatasetVersion, Sweep
from studium.storage import manifests, stores
from studium.storage import reconcile as blobs
from studium.storage.chunks import reconcile as chunks
from studium.storage.chunks.reconcile import WORTH_KEEPING
from studium.storage.errors import StoreFailed
from studium.storage.models import Block, Chunk, Ownership
from studium.storage.uploads import actions as uploads

_CALLS = ("write", "read", "remove", "write_block", "read_block_part", "remove_block")
DAY = timedelta(days=1)


class Crash(BaseException):
    """As a process that dies: nothing catches it."""


@contextmanager
def at_each_step(before: Callable[[], None]) -> Iterator[None]:
    """Call `before` ahead of every step, and behind every call of the store."""

    def query(execute: Callable[..., Any], *arguments: Any) -> Any:
        before()
        return execute(*arguments)

    def call(real: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any) -> Any:
            before()
            found = real(*arguments)
            before()
            return found

        return called

    with ExitStack() as stack:
        for name in _CALLS:
            stack.enter_context(mock.patch.object(stores, name, call(getattr(stores, name))))
        stack.enter_context(connection.execute_wrapper(query))
        yield


def crashed(work: Callable[[], object], step: int) -> bool:
    """Do the work and die at this step; whether it came so far."""
    steps = itertools.count()

    def die() -> None:
        if next(steps) == step:
            raise Crash

    try:
        with at_each_step(die):
            work()
    except Crash:
        return True
    return False


@contextmanager
def store_failing_at(call: int) -> Iterator[None]:
    """The store refuses this call, counted from 0, and works again from then on."""
    calls = itertools.count()

    def refuse(real: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any) -> Any:
            if next(calls) == call:
                raise StoreFailed("The object store did not do it: it is away")
            return real(*arguments)

        return called

    with ExitStack() as stack:
        for name in _CALLS:
            stack.enter_context(mock.patch.object(stores, name, refuse(getattr(stores, name))))
        yield


def collect_all(now: datetime) -> None:
    """Every collector once, and every team is looked at."""
    Sweep.objects.update(due_at=now)
    datasets.sweep(now)
    uploads.forget_expired(now)
    chunks.forget_unowned(now)
    chunks.collect(now)
    blobs.collect(now)


@contextmanager
def collecting(now: datetime) -> Iterator[None]:
    """Everything is collected between every two steps that no transaction holds together."""
    busy = False

    def collect() -> None:
        nonlocal busy
        if busy or connection.in_atomic_block:
            return
        busy = True
        try:
            collect_all(now)
        finally:
            busy = False

    with at_each_step(collect):
        yield


def settle(now: datetime) -> datetime:
    """Collect until nothing can be left to collect; the time at which that is so."""
    for _ in range(4):
        now += 10 * DAY
        collect_all(now)
        now += timedelta(hours=2)
        collect_all(now)
    return now


def check_kept(expected: dict[int, dict[str, bytes]]) -> None:
    """These are the live versions, by key, and each reads back byte for byte."""
    live = DatasetVersion.objects.filter(deleted_at=None)
    assert {version.pk for version in live} == set(expected)
    for version in live:
        assert content_of(version) == expected[version.pk]


def check_nothing_else() -> None:
    """What is stored is what live versions need, up to the part of a block that is not worth writing anew."""
    needed: dict[str, set[str]] = {}
    for version in DatasetVersion.objects.filter(deleted_at=None).select_related("dataset"):
        owned = needed.setdefault(f"team:{version.dataset.team_id}", set())
        for entry in manifests.read(version.manifest):
            owned.update(entry.chunks or ())
    owned_now = set(Ownership.objects.values_list("owner", "chunk_id"))
    assert owned_now == {(owner, digest) for owner, digests in needed.items() for digest in digests}
    assert set(Chunk.objects.values_list("digest", flat=True)) == set().union(*needed.values())
    blocks = {block.pk: block for block in Block.objects.all()}
    assert stored_blocks() == {key: block.size for key, block in blocks.items()}
    for key, block in blocks.items():
        inside = list(Chunk.objects.filter(block_id=key).order_by("offset"))
        assert sum(chunk.size for chunk in inside) >= block.size * WORTH_KEEPING
        for chunk in inside:
            assert sha256(stores.read_block_part(key, chunk.offset, chunk.size)) == chunk.digest
