"""The check of the store: it names each damaged chunk and no other, of everybody or of one owner."""

import pytest

from factories.accounts import NOW
from factories.datasets import block_file, bring, seeded, sha256
from studium.storage import stores
from studium.storage.chunks import actions, verify
from studium.storage.errors import StoreFailed
from studium.storage.models import Chunk

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_no_blocks")]
PARTS = [seeded(1000, seed) for seed in range(12)]


def found(owner: str = "") -> list[tuple[str, str]]:
    return [(each.digest, each.why) for each in verify.damaged(owner)]


@pytest.fixture
def stored() -> list[str]:
    return [digest for start in range(0, 12, 3) for digest in bring("team:1", *PARTS[start : start + 3])]


def test_what_is_sound_is_not_named(stored: list[str]) -> None:
    assert found() == []
    assert found("team:1") == []


def test_each_kind_of_damage_is_named(stored: list[str]) -> None:
    path = block_file(stored[1])
    flipped = bytearray(path.read_bytes())
    flipped[1500] ^= 1
    path.write_bytes(flipped)
    path = block_file(stored[3])
    path.write_bytes(path.read_bytes()[:1999])
    block_file(stored[9]).unlink()
    cut, gone = "Its block is cut short.", "Its block is gone."
    assert sorted(found()) == sorted(
        [(stored[1], "Its bytes are not what they were."), (stored[4], cut), (stored[5], cut)]
        + [(digest, gone) for digest in stored[9:]]
    )
    assert [each.offset for each in verify.damaged() if each.digest == stored[5]] == [2000]


def test_those_of_one_owner(stored: list[str]) -> None:
    bring("team:2", PARTS[3], PARTS[9])
    block_file(stored[3]).unlink()
    assert found("team:2") == [(stored[3], "Its block is gone.")]
    assert len(found("team:1")) == 3
    assert found("team:3") == []


def test_a_digest_of_the_same_size_that_lies_elsewhere_is_damage(stored: list[str]) -> None:
    Chunk.objects.filter(pk=stored[0]).update(offset=1000)
    assert [digest for digest, _ in found()] == [stored[0]]


def test_what_is_forgotten_meanwhile_is_no_damage(stored: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    real = stores.read_block_part

    def then_gone(block: str, start: int, length: int) -> bytes:
        monkeypatch.setattr(stores, "read_block_part", real)
        digest = Chunk.objects.get(block_id=block, offset=start).digest
        Chunk.objects.get(pk=digest).ownerships.all().delete()
        actions.forget([digest], now=NOW)
        raise FileNotFoundError(block)

    monkeypatch.setattr(stores, "read_block_part", then_gone)
    assert found() == []
    assert Chunk.objects.count() == 11


def test_a_store_that_does_not_answer_is_no_damage(stored: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> bytes:
        raise StoreFailed("away")

    monkeypatch.setattr(stores, "read_block_part", away)
    with pytest.raises(StoreFailed):
        found()


def test_more_blocks_than_are_looked_up_at_once(stored: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "_BLOCKS_AT_ONCE", 1)
    for digest in stored[::3]:
        block_file(digest).unlink()
    assert sorted(digest for digest, _ in found()) == sorted(stored)


def test_the_digests_named_are_those_of_the_bytes_brought(stored: list[str]) -> None:
    assert stored == [sha256(part) for part in PARTS]
