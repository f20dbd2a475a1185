"""Kernel files: what they say, what they may not say, which of several counts."""

from pathlib import Path

import pytest

from studium.environments import kernels
from studium.environments.commands import code_folder
from studium.environments.inside.kernel_files import BadKernelFile, read, read_all
from studium.errors import BadInput

GOOD = """
display_name = "Bash"
argv = ["python3", "-m", "bash_kernel", "-f", "{connection_file}"]
transport = "tcp"
needs = ["bash", ["/usr/lib/nothing", "/usr/bin/env"]]
debian = ["python3-bash-kernel"]
variables = { BASH_HOME = "{scratch}/bash" }
folders = ["{packages}/bash"]

[[languages]]
slug = "bash"
name = "Bash"
language_info = { name = "bash", file_extension = ".sh" }
"""


def written(folder: Path, content: str, name: str = "bash") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(content)
    return path


def test_a_file_becomes_a_specification(tmp_path: Path) -> None:
    kernel = read(written(tmp_path, GOOD))
    assert kernel.name == "bash"
    spec = kernel.specification({"environment": "/opt/env", "packages": "/n/.local", "scratch": "/tmp/s"})
    assert spec["argv"][-1] == "{connection_file}", "Jupyter's own word is left to Jupyter"
    assert (spec["display_name"], spec["language"], spec["interrupt_mode"]) == ("Bash", "bash", "signal")
    assert spec["env"] == {"BASH_HOME": "/tmp/s/bash"}
    assert spec["metadata"]["studium"]["transport"] == "tcp"
    assert spec["metadata"]["studium"]["folders"] == ["/n/.local/bash"]


def test_what_is_missing_is_named_and_one_of_alternatives_is_enough(tmp_path: Path) -> None:
    assert read(written(tmp_path, GOOD)).missing(tmp_path) == []
    lacking = GOOD.replace(
        '["bash", ["/usr/lib/nothing", "/usr/bin/env"]]', '["no-such-program", "{environment}/bin/x"]'
    )
    kernel = read(written(tmp_path, lacking))
    assert kernel.missing(tmp_path) == ["no-such-program", "x"]
    (tmp_path / "bin").mkdir()
    for name in ("no-such-program", "x"):
        (tmp_path / "bin" / name).touch(mode=0o755)
    assert kernel.missing(tmp_path) == []
    assert kernel.how_to_add() == "sudo apt-get install --no-install-recommends -y python3-bash-kernel"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('transport = "tcp"', 'transport = "udp"', "`transport` is 'ipc' or 'tcp', not 'udp'"),
        ('"{connection_file}"', '"x"', "no `{connection_file}`"),
        ('display_name = "Bash"', "", "`display_name` is a text that must be given"),
        ("needs = [", "wants = [", "`wants`, which is no field"),
        ('"/usr/bin/env"', '"/opt/bash"', "a run sees only what is below /usr"),
        ('"/usr/bin/env"', "7", "each of `needs`"),
        ("debian =", "#", "how the kernel is added"),
        ("[[languages]]", "[variables2]", "`variables2`, which is no field"),
        ('slug = "bash"', 'slug = "Bash script"', "`slug`"),
        ('{ name = "bash", file_extension = ".sh" }', "{}", "no `language_info` with a `name`"),
        ("{ BASH_HOME =", "{ BASH_HOME = 1, X =", "table of texts"),
        ('transport = "tcp"', 'fence = "x"', "no `{mark}`"),
        ('display_name = "Bash"', "display_name = ", "is not TOML"),
    ],
)
def test_a_bad_file_is_said_with_its_name(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in GOOD
    with pytest.raises(BadKernelFile) as caught:
        read(written(tmp_path, GOOD.replace(old, new, 1)))
    assert str(caught.value).startswith("bash.toml")
    assert says in str(caught.value)


def test_a_later_folder_wins_and_a_bad_file_leaves_the_others(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    written(ours, GOOD)
    written(theirs, GOOD.replace('"Bash"', '"Their bash"', 1))
    written(theirs, "not toml", "bad")
    found, wrong = read_all(ours, theirs, tmp_path / "not there")
    assert [kernel.display_name for kernel in found] == ["Their bash"]
    assert [str(error).split()[0] for error in wrong] == ["bad.toml"]


def test_the_shipped_files_are_good() -> None:
    found, wrong = read_all(code_folder() / "kernels")
    assert wrong == []
    assert [kernel.name for kernel in found] == ["deno", "ir", "python3"]


def test_python_is_offered_first_and_an_unknown_language_is_refused() -> None:
    offered = kernels.choices(kernels.NOT_BUILT)
    assert [choice.slug for choice in offered] == ["python", "javascript", "r", "typescript"]
    assert all(choice.missing for choice in offered if choice.slug in ("javascript", "typescript"))
    with pytest.raises(BadInput, match="'cobol'") as caught:
        kernels.find("cobol")
    assert "python, javascript, r, typescript" in caught.value.next_step
