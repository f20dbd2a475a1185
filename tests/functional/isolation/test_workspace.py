"""A workspace that its run left hostile: the platform, which is root, reads and writes its document there afterwards."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from functional.isolation.test_life import MIB, Bench
from studium.compute.engines.base import Cause, EngineError
from studium.compute.spec import Seed

TRAPS = {
    "link to a file": "os.symlink('/etc/shadow', NAME)",
    "link to the home": "os.symlink('../../../../../../keys/django', NAME)",
    "link to a process": "os.symlink('/proc/self/environ', NAME)",
    "dangling link": "os.symlink('/run/nothing', NAME)",
    "link to itself": "os.symlink(NAME, NAME)",
    "pipe": "os.mkfifo(NAME)",
    "folder": "os.makedirs(NAME + '/deep')",
    "socket": "import socket; socket.socket(socket.AF_UNIX).bind(NAME)",
    "nothing": "pass",
}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    (made.home / "keys").mkdir(parents=True)
    (made.home / "keys" / "django").write_text("the platform's secret")
    yield made
    made.close()


def test_nothing_but_a_plain_file_is_read_back(bench: Bench) -> None:
    makes = "\n".join(
        f"NAME = {f't{n}.ipynb'!r}\ntry:\n    {code}\nexcept OSError as e:\n    print(e)"
        for n, code in enumerate(TRAPS.values())
    )
    code = f"import os\n{makes}\nopen('huge', 'wb').truncate(1 << 34)\nopen('plain', 'w').write('x')\nos.link('plain', 'hard')\n"
    seen = bench.run("a", code, command=("/usr/bin/python3", "-c", code))
    assert seen.exit_code == 0, bench.log("a")
    for n, name in enumerate(TRAPS):
        assert bench.engine.read_file("v", f"t{n}.ipynb", MIB) is None, name
    with pytest.raises(EngineError, match="more than"):
        bench.engine.read_file("v", "huge", MIB)
    assert bench.engine.read_file("v", "hard", MIB) == b"x"


@pytest.mark.parametrize("trap", [name for name in TRAPS if name != "folder"])
def test_a_new_document_takes_the_place_of_whatever_stands_there(bench: Bench, tmp_path: Path, trap: str) -> None:
    code = f"import os\nNAME = 'notebook.ipynb'\n{TRAPS[trap]}"
    assert bench.run("a", code, command=("/usr/bin/python3", "-c", code)).exit_code == 0, bench.log("a")
    source = tmp_path / "document"
    source.write_text("the new one")
    seeds = (Seed(source=str(source), target="notebook.ipynb"),)
    look = "import os; print(os.path.islink('notebook.ipynb'), open('notebook.ipynb').read())"
    assert bench.run("b", look, seeds=seeds).exit_code == 0, bench.engine.poll("b")
    assert bench.log("b") == "False the new one\n"
    assert (bench.home / "keys" / "django").read_text() == "the platform's secret"
    assert os.path.getsize("/etc/shadow") > 20


def test_a_folder_in_the_documents_place_is_moved_aside(bench: Bench, tmp_path: Path) -> None:
    """Nobody could open the notebook any more to take it away."""
    assert bench.run("a", "import os; os.makedirs('notebook.ipynb/deep')").exit_code == 0
    source = tmp_path / "document"
    source.write_text("the new one")
    seeds = (Seed(source=str(source), target="notebook.ipynb"),)
    look = "import os; print(open('notebook.ipynb').read(), [n for n in os.listdir() if 'folder' in n])"
    seen = bench.run("b", look, seeds=seeds)
    assert (seen.exit_code, seen.cause) == (0, Cause.EXIT), seen
    assert bench.log("b").startswith("the new one ['notebook.ipynb.folder-")
