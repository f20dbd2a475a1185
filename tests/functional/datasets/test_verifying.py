"""`studium storage verify`: whom damage in the store hurts."""

import pytest

from factories.accounts import NOW, Cast
from factories.datasets import block_file, make_dataset, make_version, seeded, sha256
from studium.operations.verifying import verified
from studium.storage import actions as storage
from studium.storage import stores

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
