"""Trees of files that are kept in chunks: byte for byte, whole or not there, beside those of blobs."""

import json
import shutil
import stat
from datetime import timedelta

import pytest

from factories.accounts import NOW
from factories.datasets import block_file, manifest_of, seeded, sha256
from studium.config.options import options
from studium.lib.folders import remove
from studium.storage import actions, stores, trees
from studium.storage.chunks import actions as chunks
from studium.storage.chunks import queries, reconcile

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_no_blocks")]
LARGE = [seeded(700_000, seed) for seed in range(5)]


@pytest.fixture(autouse=True)
def nothing_laid_down() -> None:
    remove(options().home / "trees")


def read(manifest: str) -> dict[str, bytes]:
    top = trees.folder_of(manifest)
    return {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()}


def left() -> list[str]:
    folder = options().home / "trees"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_many_small_large_empty_and_odd_ones() -> None:
    files: dict[str, list[bytes]] = {f"small/{number % 7}/{number}.txt": [b"%d" % number] for number in range(700)}
    files |= {
        "large.bin": LARGE, "large twice.bin": LARGE * 2, "backwards.bin": LARGE[::-1], "empty": [], "deep/" * 20 + "empty": [],
        "größe/数据/🙂 \\ 'a\".csv": [b"odd"], "-rf": [b"x"], "x" * 255: [b"long"], "a": [b"lower"], "A": [b"upper"],
        "zeros": [bytes(1024 * 1024)] * 3,
    }  # fmt: skip
    manifest = manifest_of("team:1", files)
    trees.lay_down(manifest, now=NOW)
    assert read(manifest) == {path: b"".join(parts) for path, parts in files.items()}
    for path in [trees.folder_of(manifest), *trees.folder_of(manifest).rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o555 if path.is_dir() else 0o444)


def test_one_from_before_is_laid_down_beside() -> None:
    blob = actions.put(b"as one blob", now=NOW)
    old = actions.put(
        json.dumps({"files": [{"path": "a", "size": blob.size, "digest": blob.digest}]}).encode(), now=NOW
    ).digest
    new = manifest_of("team:1", {"a": [b"in ", b"chunks"]})
    for manifest in (old, new):
        trees.lay_down(manifest, now=NOW)
    assert read(old) == {"a": b"as one blob"}
    assert read(new) == {"a": b"in chunks"}


def test_more_blocks_than_are_open_at_once() -> None:
    parts = [seeded(3000, seed) for seed in range(30)]
    for part in parts:
        manifest_of("team:1", {"x": [part]})  # a block each
    order = parts[::2] + parts[::-1] + parts
    manifest = manifest_of("team:1", {"mixed": order, "again": order[::-1]})
    trees.lay_down(manifest, now=NOW)
    assert read(manifest) == {"mixed": b"".join(order), "again": b"".join(order[::-1])}


@pytest.mark.parametrize("harm", ["missing", "short", "unknown"])
def test_what_is_lost_is_said_and_leaves_nothing_half_made(harm: str) -> None:
    manifest = manifest_of("team:1", {"a": [b"kept"], "b": LARGE[:2]})
    whole = manifest_of("team:1", {"c": [LARGE[2]]})
    path = block_file(sha256(LARGE[1]))
    if harm == "missing":
        path.unlink()
    elif harm == "short":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        chunks.give_up("team:1", {sha256(LARGE[2])}, now=NOW + timedelta(days=9))
    with pytest.raises(FileNotFoundError):
        trees.lay_down(manifest, now=NOW)
    assert left() == []
    trees.lay_down(whole, now=NOW)
    assert read(whole) == {"c": LARGE[2]}


def test_a_crash_in_the_middle_leaves_no_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = manifest_of("team:1", {"a": [b"one"], "b": [b"two"]})
    real = queries._copy

    def dies(*given: object) -> None:
        monkeypatch.setattr(queries, "_copy", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(queries, "_copy", dies)
    with pytest.raises(KeyboardInterrupt):
        trees.lay_down(manifest, now=NOW)
    assert left() == []
    monkeypatch.undo()
    trees.lay_down(manifest, now=NOW)
    assert read(manifest) == {"a": b"one", "b": b"two"}


def test_blocks_that_are_written_anew_meanwhile_are_found_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [seeded(1000, seed) for seed in range(10)]
    manifest = manifest_of("team:1", {"a": parts[:3], "b": [parts[3]]})
    manifest_of("team:1", {"gone": parts[4:]})
    # One block of all ten, so that six of them can go.
    later, real = NOW + timedelta(days=9), queries.places

    def then_moved(digests: list[str]) -> dict[str, queries.Place]:
        found = real(digests)
        monkeypatch.setattr(queries, "places", real)
        move_everything(later)
        return found

    monkeypatch.setattr(queries, "places", then_moved)
    trees.lay_down(manifest, now=NOW)
    assert read(manifest) == {"a": b"".join(parts[:3]), "b": parts[3]}


def move_everything(now: object) -> None:
    """Write every block anew and remove the old ones."""
    from studium.storage.chunks import blocks
    from studium.storage.models import Block, Chunk

    for block in list(Block.objects.all()):
        inside = Chunk.objects.filter(block=block).order_by("-offset")
        parts = {each.digest: stores.read_block_part(block.pk, each.offset, each.size) for each in inside}
        blocks.move(blocks.written(parts, now=NOW), block.pk, now=NOW)
    reconcile.collect(NOW + timedelta(hours=2))


def test_a_tree_that_does_not_fit_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = manifest_of("team:1", {"a": LARGE[:1] * 100})
    usage = shutil.disk_usage(options().home)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=69_000_000))
    with pytest.raises(OSError, match=r"70,000,000 bytes .* 69,000,000"):
        trees.lay_down(manifest, now=NOW)
    assert left() == []
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=2**40))
    trees.lay_down(manifest, now=NOW)
    assert (trees.folder_of(manifest) / "a").stat().st_size == 70_000_000
