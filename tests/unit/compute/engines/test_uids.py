"""Host user ids of volumes."""

import threading
from pathlib import Path

import pytest

from studium.compute.engines.uids import FIRST, LAST, NoUidLeftError, Uids, start_for


def test_a_name_keeps_its_id_and_no_other_gets_it(tmp_path: Path) -> None:
    uids = Uids(tmp_path / "uids.json", 100, 105)
    assert [uids.of(name) for name in ("a", "b", "a")] == [100, 101, 100]
    assert Uids(tmp_path / "uids.json", 100, 105).of("b") == 101
    uids.free("a")
    assert uids.of("c") == 102
    uids.free("nobody")


def test_ids_of_deleted_names_come_again_only_at_the_end_of_the_range(tmp_path: Path) -> None:
    uids = Uids(tmp_path / "uids.json", 100, 102)
    for name in ("a", "b", "c"):
        uids.of(name)
    uids.free("b")
    uids.free("a")
    assert [uids.of("d"), uids.of("e")] == [101, 100]
    with pytest.raises(NoUidLeftError):
        uids.of("f")


def test_many_at_once_get_different_ids(tmp_path: Path) -> None:
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda n=n: found.append(Uids(tmp_path / "uids.json").of(f"n{n}")))  # type: ignore[misc]
        for n in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 20


def test_a_home_begins_where_others_do_not_and_goes_once_around(tmp_path: Path) -> None:
    uids = Uids(tmp_path / "uids.json", 100, 102, start=102)
    assert [uids.of(name) for name in "abc"] == [102, 100, 101]
    assert start_for(Path("/a")) != start_for(Path("/b"))
    assert FIRST <= start_for(tmp_path) <= LAST
