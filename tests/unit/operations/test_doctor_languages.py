"""What `studium doctor` says of the languages of notebooks."""

from pathlib import Path

import pytest

from studium.environments import kernels
from studium.environments.inside import kernel_files
from studium.operations import doctor


def test_a_language_that_is_missing_comes_with_its_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(kernel_files, "PROGRAM_FOLDERS", ())
    monkeypatch.setattr(doctor, "built_default", lambda home: tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "deno").touch(mode=0o755)
    found = {check.name: check for check in doctor.languages()}
    assert list(found) == [
        "notebooks in Python",
        "notebooks in JavaScript",
        "notebooks in R",
        "notebooks in TypeScript",
    ]
    r = found["notebooks in R"]
    assert (r.ok, r.isolates) == (False, False)
    assert "R is missing" in r.detail or "R and IRkernel is missing" in r.detail
    assert r.remedy == "sudo apt-get install --no-install-recommends -y r-base-core r-cran-irkernel"
    assert found["notebooks in TypeScript"].ok


def test_a_bad_file_has_a_line_with_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(kernels, "operator_folder", lambda: tmp_path)
    (tmp_path / "bash.toml").write_text("argv = 1")
    bad = doctor.languages()[-1]
    assert (bad.name, bad.ok) == ("kernel file", False)
    assert bad.detail.startswith("bash.toml: ")
    assert str(tmp_path) in bad.remedy
