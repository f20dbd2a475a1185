"""Chunks: brought, owned, claimed, given up, collected; knowing a digest gives nobody the bytes."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection

from factories.accounts import NOW
from factories.datasets import block_file, bring, pack_of, seeded, sha256, stored_blocks
from studium.errors import BadInput, NotYet
from studium.lib import chunks as cutting
from studium.storage.chunks import actions, queries, reconcile
from studium.storage.models import Block, Chunk, Ownership

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_no_blocks")]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
A, B, C = b"first", b"second one", b"third"


def read(*parts: bytes, start: int = 0, length: int | None = None) -> bytes:
    return b"".join(queries.pieces([sha256(part) for part in parts], start, length))


def test_what_is_brought_is_read_whole_and_in_parts() -> None:
    bring("team:1", A, B, C)
    assert len(stored_blocks()) == 1
    whole = C + A + B + A
    assert read(C, A, B, A) == whole
    for start in range(len(whole) + 2):
        for length in (0, 1, 4, 9, 100, None):
            expected = whole[start:] if length is None else whole[start : start + length]
            assert read(C, A, B, A, start=start, length=length) == expected


def test_a_pack_that_is_sent_again_changes_nothing() -> None:
    described, content = pack_of(A, B, A)
    assert actions.bring("team:1", described, content, now=NOW) == len(A + B)
    assert actions.bring("team:1", described, content, now=NOW) == 0
    assert Chunk.objects.count() == 2
    assert len(stored_blocks()) == 1


def test_what_another_team_brought_is_brought_again_and_kept_once() -> None:
    bring("team:1", A, B)
    digests = [sha256(A), sha256(B), sha256(C)]
    assert actions.missing("team:2", digests, now=NOW) == digests
    with pytest.raises(NotYet):
        actions.claim("team:2", digests[:1], now=NOW)
    described, content = pack_of(A, B, C)
    assert actions.bring("team:2", described, content, now=NOW) == len(C)
    assert actions.missing("team:2", digests, now=NOW) == []
    assert actions.missing("team:1", digests, now=NOW) == [sha256(C)]
    assert sum(stored_blocks().values()) == len(A + B + C)
    assert queries.owned_bytes("team:1") == len(A + B)
    assert queries.owned_bytes("team:2") == len(A + B + C)


def test_missing_is_told_once_each_in_order() -> None:
    bring("team:1", B)
    asked = [sha256(part) for part in (C, A, C, B, A)]
    assert actions.missing("team:1", asked, now=NOW) == [sha256(C), sha256(A)]


@pytest.mark.parametrize(
    "digest", ["", "x", "0" * 63, "0" * 65, "A" * 64, "0" * 63 + "\n", "0" * 64 + "\n", "\x00" * 64, "\ud800"]
)
def test_what_is_no_digest_is_refused(digest: str) -> None:
    with pytest.raises(BadInput):
        actions.missing("team:1", [sha256(A), digest], now=NOW)


LARGE = bytes(cutting.LARGEST + 1)


@pytest.mark.parametrize(
    ("described", "content"),
    [
        ([], b""),
        ([], b"x"),
        ([(sha256(A), len(A))], B),
        ([(sha256(A), len(A))], A + b"x"),
        ([(sha256(A), len(A))], A[:-1]),
        ([(sha256(A), len(A) + 1)], A),
        ([(sha256(A), len(A) - 1)], A),
        ([(sha256(A).upper(), len(A))], A),
        ([(sha256(b""), 0)], b""),
        ([(sha256(b""), 0), (sha256(A), len(A))], A),
        ([(sha256(A), len(A)), (sha256(B), -1)], A + B),
        ([(sha256(A), len(A)), (sha256(C), len(B))], A + B),
        ([(sha256(LARGE), len(LARGE))], LARGE),
        ([(sha256(A), len(A))] * (cutting.PACK_CHUNKS + 1), A * (cutting.PACK_CHUNKS + 1)),
        ([(sha256(LARGE[:-1]), len(LARGE) - 1)] * 33, LARGE[:-1] * 33),
    ],
)
def test_a_pack_that_is_not_what_it_says_is_refused_and_nothing_of_it_kept(
    described: list[tuple[str, int]], content: bytes
) -> None:
    with pytest.raises(BadInput) as refused:
        actions.bring("team:1", described, content, now=NOW)
    assert refused.value.code == "storage.pack"
    assert not Chunk.objects.exists()
    assert not Block.objects.exists()
    assert stored_blocks() == {}


def test_what_is_promised_stays_and_what_is_needed_stays_longer() -> None:
    a, b = bring("team:1", A, B)
    assert actions.give_up("team:1", set(), now=NOW + actions.PROMISED_FOR - HOUR) == 0
    assert actions.give_up("team:1", {a}, now=NOW + actions.PROMISED_FOR) == 1
    assert set(Chunk.objects.values_list("digest", flat=True)) == {a}
    assert actions.missing("team:1", [a, b], now=NOW + 9 * DAY) == [b]  # asked for again, so promised again
    assert actions.give_up("team:1", set(), now=NOW + 16 * DAY) == 0
    assert actions.give_up("team:1", set(), now=NOW + 17 * DAY) == 1


def test_what_one_team_gives_up_the_other_keeps() -> None:
    bring("team:1", A)
    bring("team:2", A)
    assert actions.give_up("team:1", set(), now=NOW + 9 * DAY) == 1
    assert read(A) == A
    assert actions.missing("team:1", [sha256(A)], now=NOW + 9 * DAY) == [sha256(A)]
    assert actions.give_up("team:2", set(), now=NOW + 9 * DAY) == 1
    with pytest.raises(FileNotFoundError, match="is not kept"):
        queries.pieces([sha256(A)])  # said before the first byte


def test_a_claim_tells_what_nothing_needed_before() -> None:
    a, b = bring("team:1", A, B)
    assert actions.claim("team:1", [a, a], now=NOW) == len(A)
    assert actions.claim("team:1", [a, b], now=NOW) == len(B)
    assert actions.claim("team:1", [], now=NOW) == 0
    bring("team:1", A)
    assert actions.claim("team:1", [a, b], now=NOW) == 0


def test_a_claim_that_fails_leaves_what_was_promised() -> None:
    (a,) = bring("team:1", A)
    with pytest.raises(NotYet):
        actions.claim("team:1", [a, sha256(B)], now=NOW)
    assert queries.owned_bytes("team:1", claimed=True) == 0
    assert actions.give_up("team:1", set(), now=NOW + 7 * DAY) == 0
    assert read(A) == A


def test_a_sweep_that_knew_nothing_of_a_claim_takes_nothing_of_it() -> None:
    (a,) = bring("team:1", A, now=NOW - 9 * DAY)
    needed: set[str] = set()  # read before the claim
    actions.claim("team:1", [a], now=NOW)
    assert actions.give_up("team:1", needed, now=NOW + HOUR - timedelta(seconds=1)) == 0
    assert actions.give_up("team:1", needed, now=NOW + HOUR) == 1


def test_the_next_lapse_is_that_of_the_first_promise() -> None:
    assert actions.next_lapse("team:1", now=NOW) is None
    bring("team:1", A)
    bring("team:1", B, now=NOW - DAY)
    bring("team:2", C, now=NOW - 3 * DAY)
    assert actions.next_lapse("team:1", now=NOW) == NOW - DAY + actions.PROMISED_FOR
    assert actions.next_lapse("team:1", now=NOW + actions.PROMISED_FOR) is None


def test_a_block_without_chunks_goes_after_an_hour() -> None:
    bring("team:1", A, B)
    actions.give_up("team:1", set(), now=NOW + 9 * DAY)
    assert reconcile.collect(NOW + 9 * DAY + HOUR) == 0
    assert len(stored_blocks()) == 1
    assert reconcile.collect(NOW + 9 * DAY + 2 * HOUR) == 1
    assert stored_blocks() == {}
    assert not Block.objects.exists()


def half_gone(*, kept: int, gone: int, now: object = NOW) -> list[bytes]:
    """A block of which some of ten equal parts are still owned; those."""
    parts = [seeded(1000, seed) for seed in range(kept + gone)]
    bring("team:1", *parts)
    needed = {sha256(part) for part in parts[gone:]}
    assert actions.give_up("team:1", needed, now=NOW + 9 * DAY) == gone
    return parts[gone:]


def test_a_block_that_is_mostly_there_stays_as_it_is() -> None:
    left = half_gone(kept=8, gone=2)
    before = stored_blocks()
    assert reconcile.collect(NOW + 9 * DAY) == 0
    assert stored_blocks() == before
    assert read(*left) == b"".join(left)
    assert not Block.objects.filter(thinned=True).exists()  # not looked at again


def test_a_block_that_is_mostly_gone_is_written_anew_and_the_old_one_read_for_an_hour() -> None:
    left = half_gone(kept=4, gone=6)
    digests = [sha256(part) for part in left]
    slow = queries.pieces(digests, 0, 500)
    old, then = stored_blocks(), NOW + 9 * DAY + 5 * HOUR  # some time after what is gone was forgotten
    assert reconcile.collect(then) == 1
    assert set(old) < set(stored_blocks())
    assert reconcile.collect(then + HOUR) == 0
    assert b"".join(slow) == left[0][:500]  # as it was looked up before
    assert reconcile.collect(then + 2 * HOUR) == 1
    assert list(stored_blocks().values()) == [4000]
    assert read(*left) == b"".join(left)


def test_a_reader_that_takes_longer_than_that_finds_the_new_block() -> None:
    left = half_gone(kept=4, gone=6)
    slow = queries.pieces([sha256(part) for part in left], 1500, 2000)
    reconcile.collect(NOW + 9 * DAY)
    reconcile.collect(NOW + 9 * DAY + 2 * HOUR)
    assert b"".join(slow) == b"".join(left)[1500:3500]


def test_what_is_forgotten_or_lost_while_a_block_is_looked_at_is_looked_at_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left = half_gone(kept=8, gone=2)
    real = reconcile._looked_at

    def meanwhile(block: Block) -> None:
        monkeypatch.setattr(reconcile, "_looked_at", real)
        actions.give_up("team:1", {sha256(left[-1])}, now=NOW + 10 * DAY)
        real(block)

    monkeypatch.setattr(reconcile, "_looked_at", meanwhile)
    assert reconcile.collect(NOW + 10 * DAY) == 0
    assert reconcile.collect(NOW + 10 * DAY) == 1


def test_blocks_that_cannot_be_written_anew_hold_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "_BLOCKS_AT_ONCE", 1)
    lost, sound = [seeded(1000, seed) for seed in (50, 51)], [seeded(1000, seed) for seed in (60, 61)]
    bring("team:1", *lost)
    bring("team:1", *sound)
    actions.give_up("team:1", {sha256(lost[1]), sha256(sound[1])}, now=NOW + 9 * DAY)
    block_file(sha256(lost[1])).write_bytes(b"short")
    assert sum(reconcile.collect(NOW + 9 * DAY) for _ in range(3)) == 1
    assert read(sound[1]) == sound[1]
    with pytest.raises(FileNotFoundError, match="shorter than it was"):
        read(lost[1])


def test_damage_is_not_carried_into_a_new_block() -> None:
    left = half_gone(kept=2, gone=8)
    path = block_file(sha256(left[0]))
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    assert reconcile.collect(NOW + 9 * DAY) == 0
    assert block_file(sha256(left[0])) == path


def test_chunks_that_nobody_came_to_own_are_forgotten() -> None:
    bring("team:1", A, B)
    Ownership.objects.filter(chunk_id=sha256(A)).delete()  # as a crash between giving up and forgetting leaves it
    assert reconcile.forget_unowned(NOW) == 1
    assert reconcile.forget_unowned(NOW) == 0
    assert read(B) == B


def test_a_block_that_was_lost_or_cut_short_is_said_and_harms_no_other() -> None:
    (a,), (b,), _ = bring("team:1", A), bring("team:1", B), bring("team:1", C)
    block_file(a).unlink()
    block_file(b).write_bytes(B[:-1])
    with pytest.raises(FileNotFoundError):
        read(A)
    with pytest.raises(FileNotFoundError, match="shorter than it was"):
        read(B)
    assert read(B, length=len(B) - 1) == B[:-1]
    with pytest.raises(FileNotFoundError, match="shorter than it was"):
        read(B, start=len(B) - 1)
    assert read(C) == C


def test_what_a_killed_writer_left_goes_after_an_hour() -> None:
    """The library writes beside the name that an object is to have; a process killed meanwhile leaves that."""
    bring("team:1", A)
    Block.objects.create(id="kbegun23", size=3, unused_since=NOW)
    part = block_file(sha256(A)).parent.parent / "kb" / "kbegun23#1"
    part.parent.mkdir(exist_ok=True)
    part.write_bytes(b"hal")
    reconcile.collect(NOW + HOUR)
    assert part.exists()
    assert reconcile.collect(NOW + 2 * HOUR) == 1
    assert not part.exists()
    assert read(A) == A


def test_a_block_whose_writer_comes_back_too_late_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Removed in between, or about to be: the bytes are written again, and no row points at nothing."""
    from studium.storage.chunks import blocks

    real = blocks.written

    def slowly(parts: dict[str, bytes], *, now: object) -> list[Chunk]:
        rows = real(parts, now=NOW)
        reconcile._mark(NOW + 2 * HOUR)  # the collector is about to remove it
        return rows

    monkeypatch.setattr(blocks, "written", slowly)
    with pytest.raises(NotYet, match="cleaned away"):
        bring("team:1", A)
    assert not Chunk.objects.exists()
    monkeypatch.setattr(blocks, "written", real)
    assert reconcile.collect(NOW + 2 * HOUR) == 1
    bring("team:1", A)
    assert read(A) == A
    assert len(stored_blocks()) == 1


def test_a_block_with_chunks_is_never_marked_however_old() -> None:
    """Its writer may have come to record them since the collector saw it empty: that is looked at again under the lock."""
    bring("team:1", A)
    Block.objects.update(unused_since=NOW - 9 * DAY)
    reconcile._mark(NOW)
    assert not Block.objects.filter(deleting=True).exists()


def test_a_chunk_that_is_forgotten_between_being_found_and_owned_is_written_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bring("team:2", A)
    real = actions._unknown

    def then_gone(digests: dict[str, object]) -> list[str]:
        found = real(digests)
        monkeypatch.setattr(actions, "_unknown", real)
        actions.give_up("team:2", set(), now=NOW + 9 * DAY)
        return found

    monkeypatch.setattr(actions, "_unknown", then_gone)
    described, content = pack_of(A, B)
    assert actions.bring("team:1", described, content, now=NOW) == len(A + B)
    assert read(A, B) == A + B
    assert Ownership.objects.filter(owner="team:1").count() == 2


def test_a_block_of_which_others_brought_most_meanwhile_is_written_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    from studium.storage.chunks import blocks

    parts, real = [seeded(1000, seed) for seed in range(10)], blocks.written

    def others_first(given: dict[str, bytes], *, now: object) -> list[Chunk]:
        monkeypatch.setattr(blocks, "written", real)
        bring("team:2", *parts[:8])
        return real(given, now=NOW)

    monkeypatch.setattr(blocks, "written", others_first)
    bring("team:1", *parts)
    assert sorted(stored_blocks().values()) == [8000, 10_000]
    assert reconcile.collect(NOW) == 1
    assert reconcile.collect(NOW + 2 * HOUR) == 1
    assert sorted(stored_blocks().values()) == [2000, 8000]
    assert read(*parts) == b"".join(parts)


def test_a_block_that_is_recorded_while_the_collector_looks_is_not_marked() -> None:
    """The collector saw it empty; it looks again once nobody else can record it."""
    (digest,) = bring("team:1", A)
    found = Chunk.objects.get(pk=digest)
    Ownership.objects.all().delete()
    found.delete()
    Block.objects.update(unused_since=NOW - 9 * DAY)
    seen: list[str] = []

    def recorded(execute: Callable[..., object], sql: str, *given: object) -> object:
        if sql.startswith("SELECT") and "storage_block" in sql:
            seen.append(sql)
            if len(seen) == 2:
                Chunk(digest=digest, size=found.size, crc=found.crc, block_id=found.block_id, offset=0).save(
                    force_insert=True
                )
        return execute(sql, *given)

    with connection.execute_wrapper(recorded):
        reconcile._mark(NOW)
    assert len(seen) >= 2
    assert not Block.objects.filter(deleting=True).exists()
