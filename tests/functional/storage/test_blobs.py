"""Blobs: written once, held, collected when nobody holds them, whoever dies in between."""

from datetime import timedelta

import pytest

from factories.accounts import NOW
from studium.errors import NotYet
from studium.storage import actions, reconcile, stores
from studium.storage.models import Blob

pytestmark = pytest.mark.django_db


def later(hours: float):  # type: ignore[no-untyped-def]
    return NOW + timedelta(hours=hours)


def test_the_same_bytes_are_one_blob() -> None:
    first, second = actions.put(b"the same", now=NOW), actions.put(b"the same", now=later(1))
    assert first.digest == second.digest
    assert Blob.objects.count() == 1
    assert actions.get(first.digest) == b"the same"


def test_what_is_held_stays_and_what_is_not_goes_after_the_grace() -> None:
    held, loose = actions.put(b"held", now=NOW), actions.put(b"loose", now=NOW)
    actions.hold("a", held.digest)
    assert reconcile.collect(later(0.5)) == 0
    assert reconcile.collect(later(2)) == 1
    assert actions.get(held.digest) == b"held"
    with pytest.raises(FileNotFoundError):
        actions.get(loose.digest)
    assert not Blob.objects.filter(digest=loose.digest).exists()


def test_a_holder_holds_one_blob() -> None:
    old, new = actions.put(b"old", now=NOW), actions.put(b"new", now=NOW)
    actions.hold("a", old.digest)
    actions.hold("a", new.digest)
    reconcile.collect(later(2))
    assert set(Blob.objects.values_list("digest", flat=True)) == {new.digest}
    actions.release("a")
    reconcile.collect(later(2))
    assert not Blob.objects.exists()


def test_putting_again_restarts_the_grace() -> None:
    blob = actions.put(b"x", now=NOW)
    actions.put(b"x", now=later(1.5))
    assert reconcile.collect(later(2)) == 0
    assert actions.get(blob.digest) == b"x"


def test_a_collector_that_died_is_finished_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    blob = actions.put(b"x", now=NOW)
    monkeypatch.setattr(stores, "remove", lambda _: (_ for _ in ()).throw(OSError("disk away")))
    with pytest.raises(OSError, match="disk away"):
        reconcile.collect(later(2))
    monkeypatch.undo()
    with pytest.raises(NotYet):  # meanwhile nobody gets bytes that are going
        actions.put(b"x", now=later(2))
    assert reconcile.collect(later(2)) == 1
    actions.put(b"x", now=later(2))
    assert actions.get(blob.digest) == b"x"
