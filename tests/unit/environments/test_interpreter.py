"""Which Python an environment is made from."""

import sys
from pathlib import Path

import pytest

from studium.environments import interpreter
from studium.environments.describe import describe
from studium.errors import NotFound, Refused


def fake_python(folder: Path, answer: str) -> Path:
    program = folder / "python3"
    program.write_text(f"#!/bin/sh\nprintf '{answer}'\n")
    program.chmod(0o755)
    return program


def test_the_systems_python_is_preferred_and_not_copied(tmp_path: Path) -> None:
    found = interpreter.choose(fake_python(tmp_path, r"3\n12\n4\n/usr\n/usr/bin/env\n"))
    assert (found.version, found.copied) == ((3, 12, 4), False)


def test_an_old_system_python_is_passed_over(tmp_path: Path) -> None:
    found = interpreter.choose(fake_python(tmp_path, r"3\n10\n4\n/usr\n/usr/bin/env\n"))
    assert found.version == sys.version_info[:3]


def test_one_that_sandboxes_cannot_see_is_copied(tmp_path: Path) -> None:
    found = interpreter.choose(fake_python(tmp_path, rf"3\n13\n0\n{tmp_path}\n{tmp_path}/python3\n"))
    assert found.copied


def test_without_any_fitting_python_the_person_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter, "MINIMUM", (9, 0))
    with pytest.raises(Refused, match=r"No Python 9\.0 or newer"):
        interpreter.choose(tmp_path / "missing")


def test_describing_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        describe(tmp_path)


def test_one_answers_once_until_another_is_in_its_place(tmp_path: Path) -> None:
    program, asked = tmp_path / "python", tmp_path / "asked"
    words = "#!/bin/sh\necho >> {asked}\nprintf '3\\n{minor}\\n0\\n/usr\\n/usr/bin/python3\\n'\n"
    for minor in (11, 12):
        fresh = tmp_path / "fresh"
        fresh.write_text(words.format(asked=asked, minor=minor))
        fresh.chmod(0o755)
        fresh.rename(program)
        for _ in range(3):
            found = interpreter.probe(program)
            assert found is not None
            assert found.version == (3, minor, 0)
    assert asked.read_text() == "\n\n"


def test_one_that_failed_is_asked_again(tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\ntest -e {tmp_path}/well && printf '3\\n11\\n2\\n/usr\\n/usr/bin/python3\\n'\n")
    program.chmod(0o755)
    assert interpreter.probe(program) is None
    (tmp_path / "well").touch()
    assert interpreter.probe(program) is not None
