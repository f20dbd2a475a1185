"""The documents for members name every command, option and route, and nothing that does not exist."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_group

from studium.api.site import api
from studium.cli.main import app

DOCS = Path(__file__).parents[2] / "docs" / "members"
GROUP: Any = get_group(app)


def commands(group: Any = GROUP) -> Iterator[tuple[str, Any]]:
    """Every command of the client with its words."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from ((f"{name} {inner}", found) for inner, found in commands(command))
        else:
            yield name, command


COMMANDS = [pytest.param(name, command, id=name) for name, command in commands()]


def section(words: str) -> str:
    """The lines of cli.md about a command: its row in a table, or its heading and what follows."""
    text = (DOCS / "cli.md").read_text()
    row = re.search(rf"^\| `studium {words}[ `].*$", text, re.MULTILINE)
    if row:
        return row[0]
    heading = re.search(rf"^### `studium {words}[ `].*?(?=^### |\Z)", text, re.MULTILINE | re.DOTALL)
    assert heading, f"docs/members/cli.md says nothing of `studium {words}`"
    return heading[0]


@pytest.mark.parametrize(("words", "command"), COMMANDS)
def test_every_command_and_option_is_documented(words: str, command: Any) -> None:
    text = section(words)
    for parameter in command.params:
        for option in [*parameter.opts, *parameter.secondary_opts] if parameter.param_type_name == "option" else []:
            assert option == "--json" or f"`{option}`" in text, f"{option} of {words}"


@pytest.mark.parametrize(("words", "command"), COMMANDS)
def test_every_command_can_print_json_and_says_what_it_does(words: str, command: Any) -> None:
    assert any("--json" in parameter.opts for parameter in command.params), words
    assert command.help
    assert all(parameter.help for parameter in command.params), words


def test_no_document_names_a_command_that_does_not_exist() -> None:
    text = (DOCS / "cli.md").read_text() + (DOCS / "rest.md").read_text()
    for found in re.findall(r"`studium ([a-z]+(?: [a-z-]+)*)", text):
        assert found in {"up", "doctor", "backup", "restore"} or exists(found.split()), found


def exists(words: list[str]) -> bool:
    """Whether the words lead to a command or a group; what follows a command are its arguments."""
    found = GROUP
    for word in words:
        if not hasattr(found, "commands"):
            break
        if (found := found.commands.get(word)) is None:
            return False
    return True


def test_every_route_is_documented_and_no_other() -> None:
    document = api.get_openapi_schema(path_prefix="")
    routes = {f"{method.upper()} /rest{path}" for path, methods in document["paths"].items() for method in methods}
    assert set(re.findall(r"^\| `([A-Z]+ /rest[^`]*)`", (DOCS / "rest.md").read_text(), re.MULTILINE)) == routes


def test_help_imports_nothing_that_takes_long() -> None:
    """Start-up stays short because a command that only prints its help loads no HTTP library, no rich, no platform."""
    code = (
        "import sys; sys.argv = ['studium', 'run', '--help']\n"
        "from studium.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "slow = ('httpx2', 'rich', 'django', 'studium.client.shapes', 'studium.operations.commands')\n"
        "print([name for name in slow if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
