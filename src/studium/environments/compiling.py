"""Compiles the modules of a published environment, so that imports in every later run are faster.

Installing is a matter of a second, compiling of many; so it comes after, while the environment can be used already. It is
done in a sandbox without network, as the sources are anybody's. Nothing of them is run.
"""

import subprocess
from pathlib import Path

import structlog

from studium.environments.build import unseal
from studium.environments.building import server_python
from studium.environments.commands import ENVIRONMENT, SERVER
from studium.lib.folders import seal
from studium.runner import programs

log = structlog.get_logger(__name__)
_SECONDS, _MEMORY = 900, 4 * 1024**3


def compile_modules(environment: Path, server: Path) -> bool:
    """Compile what lies in `environment`; `server` is the default one. False, with a line in the log, if it failed."""
    bubblewrap = programs.find("bwrap")
    if bubblewrap is None:
        return False
    links = [name for name in ("bin", "lib", "lib64") if Path(f"/{name}").is_symlink()]
    system = ["--ro-bind", "/usr", "/usr", *(w for n in links for w in ("--symlink", f"usr/{n}", f"/{n}"))]
    command = [
        "nice", "-n", "15", "prlimit", f"--cpu={_SECONDS}", f"--as={_MEMORY}", "--core=0",
        bubblewrap, "--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL", *system,
        "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",  # noqa: S108 (inside)
        "--ro-bind", str(server), SERVER, "--bind", str(environment), ENVIRONMENT, "--",
        # The files never change again, so nobody has to look whether the source is newer.
        server_python(), "-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", f"{ENVIRONMENT}/lib",
    ]  # fmt: skip
    unseal(environment)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=2 * _SECONDS, check=False, env={})
    except subprocess.TimeoutExpired:
        log.warning("environment_not_compiled", path=str(environment), why="it took too long")
        return False
    finally:
        seal(environment)
    # 1 is what it says when some file cannot be compiled, as templates and those for other versions cannot.
    if done.returncode not in (0, 1):
        log.warning("environment_not_compiled", path=str(environment), why=done.stderr[-300:])
    return done.returncode in (0, 1)
