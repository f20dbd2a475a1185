"""What draws interactive outputs: taken out of locked packages by the real installer, from wheels made here."""

import base64
import gzip
import hashlib
import json
import os
import threading
import zipfile
from pathlib import Path

import pytest

from studium.compute.engines.fake import FakeEngine
from studium.config.options import options
from studium.environments import libraries
from studium.errors import Broken, NotYet
from studium.operations import doctor

# What each package carries: the files that are taken, and one that is not.
CARRIED = {
    "plotly": ["plotly/package_data/plotly.min.js", "plotly/code.py"],
    "panel": [f"panel/dist/bundled/vegaplot/{name}" for name in ("vega@6", "vega-lite@6", "vega-embed@7")],
    "widgetsnbextension": ["widgetsnbextension/static/extension.js"],
}


def wheel(folder: Path, name: str, paths: list[str]) -> str:
    """A wheel of version 1.2 that carries these files, each with its own path as its text; returns its hash."""
    info = f"{name}-1.2.dist-info"
    files = {path: f"/* {path} */" for path in paths}
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n"
    files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    digests = {path: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()) for path, text in files.items()}
    lines = [f"{path},sha256={digests[path].decode().rstrip('=')},{len(text)}" for path, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*lines, f"{info}/RECORD,,", ""])
    made = folder / f"{name}-1.2-py3-none-any.whl"
    with zipfile.ZipFile(made, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return hashlib.sha256(made.read_bytes()).hexdigest()


class Index:
    """Wheels in a folder, which the installer is told to take instead of an index, and the lock that names them."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wheels, self.lock = folder / "wheels", folder / "libraries.txt"
        self.wheels.mkdir()
        self.offer(CARRIED)
        for name, value in {"NO_INDEX": "1", "FIND_LINKS": str(self.wheels), "CACHE_DIR": str(folder / "uv")}.items():
            monkeypatch.setenv(f"UV_{name}", value)
        monkeypatch.setattr(libraries, "lock_file", lambda: self.lock)

    def offer(self, carried: dict[str, list[str]]) -> None:
        lines = [
            f"{name}==1.2 --hash=sha256:{wheel(self.wheels, name, paths)}\n" for name, paths in sorted(carried.items())
        ]
        self.lock.write_text("".join(lines))

    def vanish(self) -> None:
        for each in self.wheels.iterdir():
            each.unlink()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    return Index(tmp_path, monkeypatch)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def lying(home: Path) -> list[str]:
    """What lies there, but for the file that is locked."""
    return sorted(each.name for each in (home / "libraries").iterdir() if each.name != ".lock")


def test_each_file_is_taken_with_its_compressed_twin_and_nothing_else(index: Index, home: Path) -> None:
    said: list[str] = []
    assert not libraries.built(home)
    before = os.umask(0o077)  # whoever started the platform; the web process may be another
    try:
        made = libraries.build(home, progress=said.append)
    finally:
        os.umask(before)
    assert libraries.built(home)
    names = set(libraries.FILES)
    assert {each.name for each in made.iterdir()} == {*names, *(f"{name}.gz" for name in names), libraries.RECORD}
    for name in names:
        found = libraries.find(home, name)
        assert found is not None
        assert found.path.read_text().startswith("/* ")
        assert gzip.decompress(found.packed.read_bytes()) == found.path.read_bytes()
        assert found.path.stat().st_mode & 0o777 == 0o644
    assert libraries.find(home, "plotly.min.js").path.read_text() == "/* plotly/package_data/plotly.min.js */"  # type: ignore[union-attr]
    for name in (libraries.RECORD, "plotly.min.js.gz", "../.lock"):
        assert libraries.find(home, name) is None
    record = json.loads((made / libraries.RECORD).read_text())
    assert record == {"panel": "1.2", "plotly": "1.2", "widgetsnbextension": "1.2"}
    assert lying(home) == [made.name]
    assert said == ["Fetching what draws interactive outputs (once)"]


def test_what_is_there_is_not_fetched_again_and_another_lock_is(index: Index, home: Path) -> None:
    made = libraries.build(home, progress=lambda _: None)
    index.vanish()
    assert libraries.build(home, progress=pytest.fail) == made
    index.offer({**CARRIED, "plotly": CARRIED["plotly"][:1]})
    assert not libraries.built(home)
    other = libraries.build(home, progress=lambda _: None)
    assert other != made
    assert made.is_dir(), "pages that were rendered with it may still ask for it"


def test_a_package_that_is_not_the_locked_one_is_not_taken(index: Index, home: Path) -> None:
    wheel(index.wheels, "plotly", ["plotly/package_data/plotly.min.js", "plotly/other.py"])
    with pytest.raises(NotYet) as caught:
        libraries.build(home, progress=lambda _: None)
    assert caught.value.code == "libraries.not_fetched"
    assert "plotly" in caught.value.message
    assert (libraries.built(home), lying(home)) == (False, [])


def test_a_lock_without_a_hash_is_not_followed(index: Index, home: Path) -> None:
    index.lock.write_text("".join(line.split(" --hash")[0] + "\n" for line in index.lock.read_text().splitlines()))
    with pytest.raises(NotYet) as caught:
        libraries.build(home, progress=lambda _: None)
    assert "hash" in caught.value.message


def test_without_an_index_it_says_so_and_the_next_start_tries_again(index: Index, home: Path) -> None:
    index.vanish()
    with pytest.raises(NotYet) as caught:
        libraries.build(home, progress=lambda _: None)
    assert caught.value.code == "libraries.not_fetched"
    assert lying(home) == []
    index.offer(CARRIED)
    assert libraries.build(home, progress=lambda _: None).is_dir()


@pytest.mark.parametrize("carried", [["plotly/elsewhere.js"], None], ids=["none", "two"])
def test_a_package_that_carries_something_else_is_refused(index: Index, home: Path, carried: list[str] | None) -> None:
    two = {"panel": [*CARRIED["panel"], "panel/dist/bundled/vegaplot/vega@7"]}
    index.offer({**CARRIED, **(two if carried is None else {"plotly": carried})})
    with pytest.raises(Broken) as caught:
        libraries.build(home, progress=lambda _: None)
    assert caught.value.code == "libraries.changed"
    assert (libraries.built(home), lying(home)) == (False, [])


def test_what_a_killed_one_left_is_cleared_away(index: Index, home: Path) -> None:
    left = home / "libraries" / ".fetching-killed"
    (left / "packages").mkdir(parents=True)
    made = libraries.build(home, progress=lambda _: None)
    assert lying(home) == [made.name]


def test_two_at_once_fetch_it_once(index: Index, home: Path) -> None:
    said: list[str] = []
    made: list[Path] = []
    meeting = threading.Barrier(3)

    def build() -> None:
        meeting.wait(20)
        made.append(libraries.build(home, progress=said.append))

    threads = [threading.Thread(target=build) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 3
    assert set(made) == {libraries.folder(home)}
    assert len(said) == 1


def test_the_doctor_says_whether_interactive_outputs_are_drawn(
    index: Index, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = options().model_copy(update={"home": home})
    monkeypatch.setattr(doctor, "options", lambda: here)

    def line() -> tuple[bool, bool, str]:
        (found,) = [each for each in doctor.examine(FakeEngine(lambda: 0.0, [])).checks if "outputs" in each.name]
        assert found.name == "interactive outputs"
        assert bool(found.remedy) != found.ok
        return found.ok, found.isolates, found.remedy

    assert line() == (False, False, "Run `studium up` where the package index can be reached.")
    libraries.build(home, progress=lambda _: None)
    assert line() == (True, False, "")
