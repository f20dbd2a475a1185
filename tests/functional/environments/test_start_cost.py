"""What a session's start does not spend time on."""

from functional.environments.conftest import Inside
from functional.environments.test_execute import write
from functional.environments.test_session import Server


def test_a_start_does_not_run_the_hosts_nodejs(inside: Inside) -> None:
    """JupyterLab asks it for the address of its builds' packages, which takes longer than everything else it imports."""
    write(inside, "1+1")
    programs = inside.workspace / ".local" / "bin"
    programs.mkdir(parents=True)
    asked = inside.workspace / "asked"
    node = programs / "node"
    node.write_text(f"#!/bin/sh\ntouch {asked}\n")
    node.chmod(0o755)
    Server(inside)
    assert not asked.exists()
