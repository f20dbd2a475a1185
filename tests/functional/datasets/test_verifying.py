"""`studium storage verify`: whom damage in the store hurts."""

import pytest

from factories.accounts import NOW, Cast
from factories.datasets import block_file, make_dataset, make_version, seeded, sha256
from studium.config.options import options
from studium.operations.verifying import verified
from studium.storage import actions as storage
from studium.storage import manifests, stores, trees

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_no_blocks")]


def test_all_is_well(cast: Cast) -> None:
    make_version(cast.owner, make_dataset(cast.owner, cast.team), {"a.bin": [seeded(5000)], "empty": []})
    assert list(verified()) == []


def test_a_damaged_chunk_is_said_with_every_file_that_has_it(cast: Cast) -> None:
    shared, own = seeded(5000, 1), seeded(4000, 2)
    dataset = make_dataset(cast.owner, cast.team, "Numbers")
    make_version(cast.owner, dataset, {"a.bin": [shared, own], "b.bin": [own]})
    make_version(cast.owner, dataset, {"deep/c.bin": [shared]})
    path = block_file(sha256(shared))
    content = bytearray(path.read_bytes())
    content[content.index(shared[:100])] ^= 1
    path.chmod(0o600)
    path.write_bytes(bytes(content))
    (hurt,) = verified()
    assert hurt.what.startswith(f"chunk {sha256(shared)[:12]} of 5,000 bytes in block ")
    assert hurt.why == "Its bytes are not what they were."
    name = f"{cast.team.slug}/numbers"
    assert hurt.who == [f"a.bin of {name}, version 1", f"deep/c.bin of {name}, version 2"]


def test_damaged_and_lost_blobs_are_said_with_who_holds_them(cast: Cast) -> None:
    blob = storage.put(b"a document", now=NOW)
    lost = storage.put(b"another", now=NOW)
    storage.hold("notebook:x:document", blob.digest)
    stores.remove(blob.digest)
    stores.write(blob.digest, b"something else")
    stores.remove(lost.digest)
    found = {hurt.what: hurt for hurt in verified()}
    assert found[f"blob {blob.digest[:12]}"].why == "Its bytes are not what they were."
    assert found[f"blob {blob.digest[:12]}"].who == ["notebook:x:document"]
    assert found[f"blob {lost.digest[:12]}"].why == "It is gone."


def damage(digest: str, of: bytes) -> None:
    """Change a bit of a chunk where it lies."""
    path = block_file(digest)
    content = bytearray(path.read_bytes())
    content[content.index(of[:100])] ^= 1
    path.chmod(0o600)
    path.write_bytes(bytes(content))


def test_what_this_machine_still_has_is_mended(cast: Cast) -> None:
    kept, lost = seeded(5000, 1), seeded(4000, 2)
    dataset = make_dataset(cast.owner, cast.team, "Numbers")
    first = make_version(cast.owner, dataset, {"a.bin": [seeded(700, 3), kept]})
    second = make_version(cast.owner, dataset, {"b.bin": [lost]})
    trees.lay_down(first.manifest, now=NOW)
    damage(sha256(kept), kept)
    damage(sha256(lost), lost)
    assert [hurt.mended for hurt in verified()] == [False, False], "not without being asked"
    found = {hurt.what.split()[1]: hurt for hurt in verified(mend=True)}
    assert found[sha256(kept)[:12]].mended
    assert not found[sha256(lost)[:12]].mended
    assert [hurt.what.split()[1] for hurt in verified()] == [sha256(lost)[:12]]
    assert b"".join(manifests.read(first.manifest)[0].pieces()) == seeded(700, 3) + kept
    # A tree that is itself not what it was is not believed.
    trees.lay_down(second.manifest, now=NOW)
    assert not any(hurt.mended for hurt in verified(mend=True))


def test_a_blob_that_was_kept_for_starts_is_mended(cast: Cast) -> None:
    blob = storage.put(b"a document", now=NOW)
    storage.hold("notebook:x:document", blob.digest)
    kept = options().home / "seeds" / blob.digest
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(b"a document, changed")
    stores.remove(blob.digest)
    assert [hurt.mended for hurt in verified(mend=True) if hurt.what == f"blob {blob.digest[:12]}"] == [False]
    kept.write_bytes(b"a document")
    assert [hurt.mended for hurt in verified(mend=True) if hurt.what == f"blob {blob.digest[:12]}"] == [True]
    assert stores.read(blob.digest) == b"a document"
    kept.unlink()
