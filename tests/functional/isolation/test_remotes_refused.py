"""Storage providers where they cannot be mounted: the run ends with words, and `studium doctor` says what to do."""

import os
from pathlib import Path

import pytest

from functional.isolation.places import Place
from functional.isolation.test_life import needs_root
from studium.compute.engines.local import LocalEngine
from studium.compute.spec import Remote
from studium.runner import remotes

LAB = Remote(source="p", target="/providers/lab", name="lab", root="P:", hosts=("files.example:443",))


def test_such_a_run_ends_with_words(place: Place) -> None:
    """An ordinary user mounts nothing; root here was handed nothing that opens it."""
    ended = place.run("print('ran')", remotes=(LAB,))
    assert (ended.cause, ended.log) == ("could_not_start", "")
    words = "lab could not be mounted" if place.is_root else "that needs a platform that runs as root"
    assert words in ended.seen["message"]


@needs_root
@pytest.mark.parametrize(("lacking", "remedy"), [("DEVICE", "modprobe fuse"), ("SETTINGS", "Install fuse3.")])
def test_doctor_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: str, remedy: str
) -> None:
    def check() -> tuple[bool, str]:
        (found,) = [each for each in LocalEngine(tmp_path).checks() if each.name == "mounted providers"]
        return found.ok, found.remedy

    assert check() == (os.path.exists("/dev/fuse"), "")
    monkeypatch.setattr(remotes, lacking, str(tmp_path / "none"))
    ok, said = check()
    assert (ok, remedy in said) == (False, True)
