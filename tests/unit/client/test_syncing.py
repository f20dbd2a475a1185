"""What travels at once when folders are made alike, and what is told of it."""

import threading
from datetime import UTC, datetime
from pathlib import Path

from studium.client import syncing
from studium.client.errors import ApiError, StudiumClientError
from studium.client.shapes import Provider, ProviderEntry
from studium.client.syncing import Place, Synced, push

NOW = datetime(2026, 11, 28, 8, 0, tzinfo=UTC)
LARGE = syncing._SMALL + 1


class Far:
    """A provider that answers as it is told, and notes in which thread each file came and what came meanwhile."""

    def __init__(self, *, meeting: int = 0, wrong: dict[str, StudiumClientError] | None = None) -> None:
        self.meeting = threading.Barrier(meeting) if meeting else None
        self.wrong = wrong or {}
        self.came: dict[str, threading.Thread] = {}

    def get(self, _team: str, name: str) -> Provider:
        return Provider(
            name=name, team="lab", kind="s3", bucket="b", prefix="", region="", account="", endpoint="", key_id_secret="",
            key_secret="", writable=True, created_by="", created_at=NOW, changed_by="", changed_at=NOW, tested_at=None,
            test_code="",
        )  # fmt: skip

    def files(self, *_: str) -> list[ProviderEntry]:
        return []

    def write(self, _team: str, _name: str, to: str, source: Path) -> None:
        if self.meeting and self.came and source.stat().st_size < LARGE:
            self.meeting.wait(timeout=20)
        self.came[to] = threading.current_thread()
        if error := self.wrong.get(to):
            raise error


def sent(far: Far, folder: Path, *, dry_run: bool = False) -> tuple[Synced, list[str]]:
    seen: list[str] = []
    place = Place(far, "lab", "far", "in")  # type: ignore[arg-type]
    done = push(folder, place, delete=False, dry_run=dry_run, seen=lambda _, relative: seen.append(relative))
    return done, seen


def files(folder: Path, count: int) -> list[str]:
    names = [f"{n:02}.txt" for n in range(count)]
    for name in names:
        (folder / name).write_text(name)
    return names


def test_small_files_travel_three_at_once_and_are_told_of_in_order(tmp_path: Path) -> None:
    names = files(tmp_path, 10)
    done, seen = sent(Far(meeting=3), tmp_path)
    assert done.sent == seen == names
    assert (done.failed, done.bytes) == ([], 10 * 6)


def test_a_large_file_goes_by_itself_where_stopping_the_command_stops_it(tmp_path: Path) -> None:
    names = files(tmp_path, 8)
    with (tmp_path / "04.txt").open("wb") as out:
        out.truncate(LARGE)
    far = Far(meeting=3)
    done, _ = sent(far, tmp_path)
    assert done.sent == names
    mine = [to for to, thread in far.came.items() if thread is threading.current_thread()]
    assert mine == ["in/00.txt", "in/04.txt"]
    assert sorted(far.came)[:5] == sorted(list(far.came)[:5]), "those before it are there before it"


def test_one_that_fails_keeps_no_other(tmp_path: Path) -> None:
    names = files(tmp_path, 5)
    done, _ = sent(Far(wrong={"in/01.txt": ApiError("provider.no_write", "No.", "", 403)}), tmp_path)
    assert done.sent == [names[0], *names[2:]]
    assert done.failed == [("01.txt", "No.")]
    assert done.stopped == ""


def test_where_all_would_fail_alike_what_is_under_way_is_told_of_and_nothing_more_is_tried(tmp_path: Path) -> None:
    names = files(tmp_path, 20)
    same = ApiError("provider.refused", "The key is not known.", "See the key.", 409)
    far = Far(wrong={f"in/{name}": same for name in names[2:]})
    done, seen = sent(far, tmp_path)
    assert done.sent == names[:2]
    assert done.failed == [(name, "The key is not known.") for name in names[2 : len(seen)]]
    assert len(far.came) == len(seen) <= 5
    assert done.stopped == "See the key."
    far = Far(wrong={f"in/{name}": same for name in names})
    done, seen = sent(far, tmp_path)
    assert (list(far.came), seen, [name for name, _ in done.failed]) == (["in/00.txt"], names[:1], names[:1])


def test_a_dry_run_sends_nothing(tmp_path: Path) -> None:
    far = Far()
    names = files(tmp_path, 4)
    done, seen = sent(far, tmp_path, dry_run=True)
    assert done.sent == seen == names
    assert far.came == {}
