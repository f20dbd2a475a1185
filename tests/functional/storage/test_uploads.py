"""Uploads: piece by piece, sent twice, cut anywhere, begun again; what arrives is the file."""

import hashlib
from datetime import timedelta

import pytest

from factories.accounts import NOW
from factories.datasets import bring, seeded, sha256
from studium.errors import BadInput, NotFound, NotYet
from studium.lib import chunks as cutting
from studium.storage.chunks import actions as chunks
from studium.storage.chunks import queries
from studium.storage.models import Chunk, Upload
from studium.storage.uploads import actions
from studium.storage.uploads.queries import needed_by

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_no_blocks")]
CONTENT = seeded(2_500_000, 11)


def begin(size: int = len(CONTENT), **more: str) -> Upload:
    given = {"owner": "team:1", "purpose": "dataset:x", "path": "a.bin", "fingerprint": "1"} | more
    return actions.begin(
        given["owner"], given["purpose"], given["path"], size, fingerprint=given["fingerprint"], now=NOW
    )


def send(upload: Upload, start: int, end: int, content: bytes = CONTENT) -> Upload:
    return actions.receive(upload, start, content[start:end], now=NOW)


def check(upload: Upload, content: bytes = CONTENT) -> None:
    """It is all there, and cut as if it had been read at once."""
    stored = Upload.objects.get(pk=upload.pk)
    assert stored.received == len(content)
    assert stored.digest == hashlib.sha256(content).hexdigest()
    assert bytes(stored.tail) == b""
    digests = actions.chunks_of(stored)
    assert b"".join(queries.pieces(digests)) == content
    import io

    assert digests == [chunk.digest for chunk, _ in cutting.cut(io.BytesIO(content))]


@pytest.mark.parametrize("piece", [50_000, 64 * 1024, 333_333, 1024 * 1024, 2_499_999, 2_500_000])
def test_pieces_of_any_size_are_the_file(piece: int) -> None:
    upload = begin()
    for start in range(0, len(CONTENT), piece):
        upload = send(upload, start, start + piece)
    check(upload)


def test_single_bytes_around_the_cuts() -> None:
    import io

    cuts = [chunk.offset for chunk, _ in cutting.cut(io.BytesIO(CONTENT))][1:4]
    upload, position = begin(), 0
    for cut in cuts:
        upload = send(upload, position, cut - 3)
        for position in range(cut - 3, cut + 3):
            upload = send(upload, position, position + 1)
        position = cut + 3
    check(send(upload, position, len(CONTENT)))


def test_a_small_file_byte_by_byte_and_an_empty_one() -> None:
    upload = begin(5)
    for start in range(5):
        upload = send(upload, start, start + 1)
    check(upload, CONTENT[:5])
    empty = begin(0, path="empty")
    assert empty.digest == hashlib.sha256(b"").hexdigest()
    assert actions.chunks_of(empty) == []
    assert actions.receive(empty, 0, b"", now=NOW).received == 0


def test_what_is_repeated_or_overlaps_changes_nothing() -> None:
    upload = send(begin(), 0, 1_000_000)
    upload = send(upload, 0, 1_000_000)
    upload = send(upload, 200_000, 300_000)
    assert upload.received == 1_000_000
    upload = send(upload, 900_000, 1_500_000)
    assert upload.received == 1_500_000
    upload = send(upload, 0, len(CONTENT))
    check(upload)
    check(send(upload, 100, 200))


def test_what_comes_too_early_is_told_where_to_go_on() -> None:
    upload = send(begin(), 0, 1000)
    with pytest.raises(NotYet) as early:
        send(upload, 1001, 2000)
    assert early.value.code == "upload.elsewhere"
    assert early.value.facts == {"received": 1000, "size": len(CONTENT)}
    assert Upload.objects.get().received == 1000
    with pytest.raises(NotYet):
        actions.chunks_of(upload)


@pytest.mark.parametrize(("offset", "length"), [(0, 11), (5, 6), (10, 1), (11, 0), (-1, 1), (-5, 5)])
def test_more_than_was_said_is_refused(offset: int, length: int) -> None:
    upload = begin(10)
    with pytest.raises(BadInput):
        actions.receive(upload, offset, bytes(length), now=NOW)
    assert Upload.objects.get().received == 0


@pytest.mark.parametrize("size", [-1, actions.MOST_BYTES + 1])
def test_a_size_that_no_file_has_is_refused(size: int) -> None:
    with pytest.raises(BadInput):
        begin(size)


def test_of_two_at_the_same_place_one_is_told_to_go_on_elsewhere() -> None:
    upload = send(begin(), 0, 500_000)
    twin = Upload.objects.get(pk=upload.pk)
    send(upload, 500_000, 1_200_000)
    with pytest.raises(NotYet) as late:
        send(twin, 500_000, 900_000)
    assert late.value.facts["received"] == 1_200_000
    check(send(upload, 1_200_000, len(CONTENT)))


def test_one_that_is_given_up_meanwhile_is_unknown() -> None:
    upload = send(begin(), 0, 500_000)
    actions.end([upload])
    with pytest.raises(NotFound):
        send(upload, 500_000, 600_000)


def test_it_is_known_again_by_what_it_is() -> None:
    upload = send(begin(), 0, 700_000)
    again = begin()
    assert (again.pk, again.received) == (upload.pk, 700_000)
    for other in (
        begin(fingerprint="2"),
        begin(path="b.bin"),
        begin(purpose="dataset:y"),
        begin(owner="team:2"),
        begin(len(CONTENT) + 1),
    ):
        assert other.pk != upload.pk
        assert other.received == 0
    check(send(again, 700_000, len(CONTENT)))
    begin(fingerprint="\ud800\x00" * 1000)  # whatever a client knows it by


def test_it_is_nobody_elses() -> None:
    upload = begin()
    assert actions.upload_of(upload.pk, "team:1", "dataset:x", now=NOW).pk == upload.pk
    for owner, purpose in (("team:2", "dataset:x"), ("team:1", "dataset:y")):
        with pytest.raises(NotFound):
            actions.upload_of(upload.pk, owner, purpose, now=NOW)
    with pytest.raises(NotFound):
        actions.upload_of("nothere", "team:1", "dataset:x", now=NOW)


def test_it_is_kept_a_week_after_the_last_byte() -> None:
    upload = begin()
    later = NOW + timedelta(days=6)
    actions.receive(upload, 0, CONTENT[:1_500_000], now=later)
    end = later + actions.KEPT_FOR
    almost = end - timedelta(seconds=1)
    assert actions.forget_expired(almost) == 0
    assert actions.upload_of(upload.pk, "team:1", "dataset:x", now=almost).received == 1_500_000
    with pytest.raises(NotFound):
        actions.upload_of(upload.pk, "team:1", "dataset:x", now=end)
    fresh = actions.begin("team:1", "dataset:x", "a.bin", len(CONTENT), fingerprint="1", now=end)
    assert fresh.pk != upload.pk
    assert needed_by("team:1") != set()
    assert actions.forget_expired(end) == 1
    assert needed_by("team:1") == set()
    chunks.give_up("team:1", set(), now=later + chunks.PROMISED_FOR)
    assert not Chunk.objects.exists()


def test_what_it_needs_is_what_was_cut_of_it() -> None:
    upload = send(begin(), 0, len(CONTENT))
    send(begin(owner="team:2"), 0, len(CONTENT))
    assert needed_by("team:1") == set(actions.chunks_of(upload))


def test_its_chunks_are_its_owners_whoever_had_them_before() -> None:
    bring("team:2", CONTENT[:1000])
    upload = begin(1000)
    check(send(upload, 0, 1000), CONTENT[:1000])
    assert chunks.missing("team:1", [sha256(CONTENT[:1000])], now=NOW) == []
    assert Chunk.objects.count() == 1
