"""The variables and folders that a session's server and an executed notebook both need, set before Jupyter is imported.

Runs inside the sandbox, with the server's Python and nothing of the platform. What a person installs or configures
lives in their workspace below `.local`; what only this run needs lives below `/tmp/studium`.
"""

import contextlib
import os
import shutil
import sys
from pathlib import Path

WORKSPACE = Path(os.environ.get("STUDIUM_WORKSPACE") or "/notebooks")
RUN_FOLDER = Path(os.environ.get("STUDIUM_RUN_FOLDER") or "/run/studium")
PACKAGES = Path(os.environ.get("STUDIUM_PACKAGES") or WORKSPACE / ".local")
SCRATCH = Path(os.environ.get("STUDIUM_SCRATCH") or "/tmp/studium")
# For each Python kernel. Its outputs are sent in order, so the pause that ipykernel makes before each reply holds up every
# cell for nothing; and the history of inputs, which ends with the run, need not be written to disk after every cell.
# ipykernel sends what programs of a cell print to the cell, and writes it to its own output too: a log that has all outputs of
# cells would have that twice.
CELLS_LOGGED = "STUDIUM_CELLS_LOGGED"
KERNEL_CONFIG = f"""\
import codecs, os
c = get_config()
c.Kernel._execute_sleep = 0
c.HistoryManager.db_cache_size = 100
if os.environ.get({CELLS_LOGGED!r}):
    from ipykernel import iostream

    def _watch(self):
        if self._fid is None:
            return
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        try:
            while (read := os.read(self._fid, 65536)) and self._should_watch:
                self.write(decoder.decode(read))
        except Exception:
            self._exc = iostream.sys.exc_info()

    if hasattr(iostream.OutStream, "_watch_pipe_fd"):
        iostream.OutStream._watch_pipe_fd = _watch
"""
# What kernels run in. The server's own environment is another where a team made the one that the notebook uses.
ENVIRONMENT = Path(os.environ.get("STUDIUM_ENVIRONMENT") or sys.prefix)
PYTHON = str(ENVIRONMENT / "bin" / "python") if Path(sys.prefix) != ENVIRONMENT else sys.executable


def _library() -> Path:
    """Where packages lie that a person installs for the kernels' Python."""
    found = sorted(path.name for path in (ENVIRONMENT / "lib").glob("python3.*"))
    own = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return PACKAGES / "lib" / (own if own in found or not found else found[-1]) / "site-packages"


LIBRARY = _library()


def prepare() -> None:
    """Set the variables and make the folders. A full or read-only workspace is no reason not to start."""
    runtime = SCRATCH / "runtime"
    profile = SCRATCH / "ipython" / "profile_default"
    for folder in (runtime, SCRATCH / "config", profile, SCRATCH / "matplotlib"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (profile / "ipython_kernel_config.py").write_text(KERNEL_CONFIG, encoding="utf-8")
    # A folder that appears after a kernel has started is not seen by its import system, so it is made beforehand.
    for folder in (LIBRARY, PACKAGES / "bin"):
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
    # pip takes this file's word that `--user`, which means the same folder here, is all right.
    with contextlib.suppress(OSError), open(PACKAGES / "pyvenv.cfg", "x", encoding="utf-8") as handle:
        handle.write(f"home = {Path(sys.base_prefix, 'bin')}\ninclude-system-site-packages = true\n")
    with contextlib.suppress(ImportError):  # what was removed by hand is no longer said to be there
        import studium_packages

        studium_packages.note(str(LIBRARY))
    for fonts in Path(ENVIRONMENT, "share", "matplotlib").glob("fontlist*.json"):
        with contextlib.suppress(OSError):
            shutil.copy2(fonts, SCRATCH / "matplotlib" / fonts.name)
    path = [str(PACKAGES / "bin"), str(ENVIRONMENT / "bin"), os.environ.get("PATH") or os.defpath]
    os.environ.update(
        PATH=os.pathsep.join(dict.fromkeys(os.pathsep.join(path).split(os.pathsep))),
        STUDIUM_PACKAGES=str(PACKAGES),
        PYTHONUSERBASE=str(PACKAGES),
        PIP_NO_CACHE_DIR="1",  # a cache would fill the workspace's quota
        PIP_DISABLE_PIP_VERSION_CHECK="1",
        PIP_ROOT_USER_ACTION="ignore",
        PIP_NO_INPUT="1",
        PIP_PROGRESS_BAR=os.environ.get("PIP_PROGRESS_BAR", "off"),
        JUPYTER_RUNTIME_DIR=str(runtime),
        JUPYTER_CONFIG_DIR=str(SCRATCH / "config"),
        JUPYTER_DATA_DIR=str(PACKAGES / "share" / "jupyter"),
        IPYTHONDIR=str(SCRATCH / "ipython"),
        MPLCONFIGDIR=str(SCRATCH / "matplotlib"),
    )
    # The debugger's warning about frozen modules would land in a cell; it concerns those who debug the standard library.
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    os.environ.setdefault("HOME", str(WORKSPACE))
    if os.environ.get("STUDIUM_GIT_URL"):
        _introduce_to_git()
    os.environ.setdefault("LANG", "C.UTF-8")
    _limit_threads()


def _limit_threads() -> None:
    """Numeric libraries start a thread for each processor they see, which is the machine's count and not the run's."""
    granted = os.environ.get("STUDIUM_VCPU", "")
    with contextlib.suppress(ValueError):
        threads = str(max(1, int(float(granted))))
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT"):
            os.environ.setdefault(name, threads)


def _introduce_to_git() -> None:
    """Let git in a terminal know who commits and where the repository's secret is. What a person sets themselves wins."""
    said = os.environ
    origin = "/".join(said["STUDIUM_GIT_URL"].split("/")[:3])
    helper = f"!{sys.executable} -I {Path(__file__).with_name('git_credential.py')}"
    path = SCRATCH / "gitconfig"
    lines = [
        "[user]",
        f"\tname = {_quoted(said.get('STUDIUM_GIT_NAME', ''))}",
        f"\temail = {_quoted(said.get('STUDIUM_GIT_EMAIL', ''))}",
        "[init]\n\tdefaultBranch = main",
        f"[credential {_quoted(origin)}]\n\thelper = {_quoted(helper)}",
        f"[include]\n\tpath = {_quoted(str(WORKSPACE / '.gitconfig'))}",
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    os.environ["GIT_CONFIG_GLOBAL"] = str(path)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
