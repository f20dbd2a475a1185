"""`!pip install` in a session: into the workspace, on top of the read-only environment, still there next time."""

import zipfile
from pathlib import Path

import pytest

from functional.environments.conftest import Inside
from functional.environments.test_execute import cells, text, write

WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def wheel(folder: Path, name: str, version: str) -> None:
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        info = f"{name}-{version}.dist-info"
        archive.writestr(
            f"{name}.py", f"__version__ = {version!r}\ndef main():\n    print('hello from', __version__)\n"
        )
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Dist: numpy\n"
        )
        archive.writestr(f"{info}/WHEEL", WHEEL)
        archive.writestr(f"{info}/entry_points.txt", f"[console_scripts]\n{name}-hello={name}:main\n")
        archive.writestr(f"{info}/RECORD", "")


@pytest.fixture
def wheels(tmp_path: Path) -> str:
    for name, version in (("greeter", "1.0"), ("greeter", "2.0"), ("six", "99.0")):
        wheel(tmp_path, name, version)
    return f"--no-index --find-links {tmp_path} -q"


def test_an_installed_package_works_at_once_and_next_time(inside: Inside, wheels: str) -> None:
    write(inside, f"!pip install {wheels} greeter==1.0", "import greeter\nprint(greeter.__version__)", "!greeter-hello")
    done = inside.execute("a.ipynb")
    assert done.returncode == 0, done.stderr
    assert [text(cell) for cell in cells(inside)] == ["", "1.0\n", "hello from 1.0\n"]
    assert list((inside.workspace / ".local").glob("lib/python3.*/site-packages/greeter.py"))
    write(inside, "import greeter\nprint(greeter.__version__)")
    assert inside.execute("a.ipynb").stdout == "1.0\n"


@pytest.mark.parametrize("pip", ["pip", "pip3", "python -m pip", "python -Im pip"])
def test_every_way_to_call_pip(inside: Inside, wheels: str, pip: str) -> None:
    write(inside, f"!{pip} install {wheels} greeter", f"!{pip} list | grep greeter", f"!{pip} uninstall -q -y greeter")
    assert inside.execute("a.ipynb").returncode == 0
    installed, listed, removed = cells(inside)
    assert text(installed) == ""
    assert text(listed).split() == ["greeter", "2.0"]
    assert text(removed) == ""
    assert not list((inside.workspace / ".local").glob("lib/python3.*/site-packages/greeter*"))


def test_percent_pip_and_user(inside: Inside, wheels: str) -> None:
    write(inside, f"%pip install --user {wheels} greeter", "import greeter\nprint(greeter.__file__)")
    assert inside.execute("a.ipynb").returncode == 0
    assert str(inside.workspace / ".local") in text(cells(inside)[1])


def test_a_newer_version_hides_the_environments_but_not_from_the_server(inside: Inside, wheels: str) -> None:
    write(inside, f"!pip install {wheels} six==99.0")
    assert inside.execute("a.ipynb").returncode == 0
    code = "import six; print(six.__version__)"
    assert inside.run(inside.python, "-c", code).stdout == "99.0\n"
    assert inside.run(inside.python, "-s", "-c", code).stdout != "99.0\n"
    assert (inside.environment / "bin" / "python").exists()


def test_a_broken_package_cannot_keep_a_notebook_from_running_again(inside: Inside) -> None:
    """The executor and the server leave the workspace's packages out; only the kernel sees them."""
    write(inside, "import sys; print(sys.path)")
    assert inside.execute("a.ipynb").returncode == 0
    library = next((inside.workspace / ".local").glob("lib/python3.*/site-packages"))
    for name in ("traitlets", "jupyter_client"):
        (library / f"{name}.py").write_text("raise RuntimeError('broken')")
    done = inside.execute("a.ipynb")
    assert done.returncode == 3
    assert "The kernel ended" in done.stderr
