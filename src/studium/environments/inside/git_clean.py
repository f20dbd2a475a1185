"""Git with nothing of the workspace's own settings: its config, hooks, filters and attributes of the system are never read.

The repository in the workspace is anybody's who could write there. So git is given a folder of its own, with a config written
here, beside the workspace's objects and index; HEAD, branches and the list of shallow commits are read and written by hand.
"""

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

GIT = "/usr/bin/git"
SHOW_SECONDS = 3.0
HEX = re.compile(r"[0-9a-f]{40}")
_REF_NAME = re.compile(r"[^\x00-\x20\x7f~^:?*\[\\]{1,250}")
# What the platform and Jupyter put into a workspace, and an ext4 volume has.
EXCLUDED = (
    "/.local/", "/.cache/", "/.config/", "/.ipython/", "/.jupyter/", "/.npm/", "/lost+found/", ".ipynb_checkpoints/",
    "/.gitconfig", "/.python_history", "/.bash_history",
)  # fmt: skip
CONFIG = """[core]
	repositoryformatversion = 0
	filemode = true
	bare = false
	hooksPath = /dev/null
	fsmonitor = false
	attributesFile = /dev/null
	protectNTFS = true
	protectHFS = true
	packedGitWindowSize = 32m
	packedGitLimit = 128m
	bigFileThreshold = 16m
	logAllRefUpdates = false
[transfer]
	fsckObjects = true
[fsck]
	zeroPaddedFilemode = ignore
	missingSpaceBeforeDate = ignore
	badTimezone = ignore
[fetch]
	unpackLimit = 1
	fsckObjects = true
	recurseSubmodules = no
[fetch "fsck"]
	zeroPaddedFilemode = ignore
	missingSpaceBeforeDate = ignore
	badTimezone = ignore
[pack]
	threads = 1
	windowMemory = 64m
	deltaCacheSize = 32m
[gc]
	auto = 0
[maintenance]
	auto = false
[protocol]
	allow = never
[submodule]
	recurse = false
[commit]
	gpgSign = false
[http]
	lowSpeedLimit = 1000
	lowSpeedTime = 60
	followRedirects = initial
[advice]
	detachedHead = false
[filter "lfs"]
	clean = {clean}
	smudge = cat
	required = true
"""
# Of a file that Git LFS keeps the commit has a pointer, whatever is in its place here.
_CLEAN = f"{shlex.quote(sys.executable)} -I {shlex.quote(str(Path(__file__).with_name('lfs_pointer.py')))}"


class GitError(Exception):
    """Git or the rules here said no: a stable code, a sentence, and what it is about."""

    def __init__(self, code: str, message: str, **facts: object) -> None:
        super().__init__(message)
        self.code, self.message, self.facts = code, message, facts


class Done(NamedTuple):
    code: int
    out: bytes
    err: str


class Remote(NamedTuple):
    """Where the repository is, who we are there, and the proxy that leads to it."""

    url: str
    proxy: str
    variables: dict[str, str]
    helper: str = ""

    @property
    def scheme(self) -> str:
        return self.url.partition(":")[0]


class Git:
    """Git over one repository folder (`.git` of the workspace, or that of a submodule) and its tree of files."""

    def __init__(self, folder: Path, tree: Path, scratch: Path) -> None:
        self.folder, self.tree, self.own = folder, tree, scratch
        self.index = folder / "index"

    def open(self) -> None:
        """Make the folder of our own, anew."""
        shutil.rmtree(self.own, ignore_errors=True)
        for name in ("refs/heads", "info"):
            (self.own / name).mkdir(parents=True)
        (self.own / "HEAD").write_text("ref: refs/heads/none\n")
        (self.own / "config").write_text(CONFIG.format(clean=_CLEAN))
        (self.own / "info/exclude").write_text("".join(f"{line}\n" for line in EXCLUDED))
        shallow = self._plain("shallow", 4 * 1024**2)
        if shallow and all(HEX.fullmatch(line) for line in shallow.split()):
            (self.own / "shallow").write_text(shallow)
        for name in ("index.lock", "shallow.lock"):
            with contextlib.suppress(
                OSError
            ):  # left by a session that was killed: no run but this one has the workspace
                os.unlink(self.folder / name)

    def _plain(self, name: str, most: int = 65536) -> str:
        """The text of a plain file of the repository's folder, empty without one."""
        path = self.folder / name
        try:
            if path.is_symlink() or not path.is_file() or path.stat().st_size > most:
                return ""
            return path.read_text(errors="replace")
        except OSError:
            return ""

    def variables(self, remote: Remote | None = None) -> dict[str, str]:
        found = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": "/nowhere",
            "LC_ALL": "C.UTF-8",
            "GIT_DIR": str(self.own),
            "GIT_WORK_TREE": str(self.tree),
            "GIT_OBJECT_DIRECTORY": str(self.folder / "objects"),
            "GIT_INDEX_FILE": str(self.index),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_PROTOCOL_FROM_USER": "0",
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_LFS_SKIP_SMUDGE": "1",
            "GIT_ALLOW_PROTOCOL": remote.scheme if remote else "none",
            "GIT_ADVICE": "0",
        }
        return found | (remote.variables if remote else {})

    def command(self, words: tuple[str, ...], remote: Remote | None) -> list[str]:
        more: list[str] = []
        if remote:
            more = ["-c", f"http.proxy={remote.proxy}", "-c", "credential.helper="]
            if remote.helper:
                more += ["-c", f"credential.helper={remote.helper}"]
        return [GIT, *more, *words]

    def run(
        self, *words: str, remote: Remote | None = None, given: bytes = b"", shown: bool = False, **more: str
    ) -> Done:
        """Run a git command. `remote` for those that speak to the server; `shown` lets its progress into the log."""
        env = {**self.variables(remote), **more}
        pipe = subprocess.PIPE
        with subprocess.Popen(
            self.command(words, remote), stdin=pipe, stdout=pipe, stderr=pipe, cwd=self.tree, env=env
        ) as child:
            heard: list[bytes] = []
            listener = threading.Thread(target=_listen, args=(child.stderr, heard, shown))
            listener.start()
            assert child.stdin is not None
            assert child.stdout is not None
            # Beside the reading: a command that answers as it reads would wait for us, and we for it.
            feeder = threading.Thread(target=_feed, args=(child.stdin, given))
            feeder.start()
            out = child.stdout.read()
            listener.join()
            feeder.join()
        return Done(child.returncode, out, b"".join(heard).decode(errors="replace"))

    def text(self, *words: str) -> str:
        """What a local command says, without the last line's end. Raises GitError."""
        done = self.run(*words)
        if done.code:
            raise GitError("git.broken", f"git {words[0]} failed: {last_words(done.err)}")
        return done.out.decode(errors="replace").strip("\n")

    @contextlib.contextmanager
    def lines(self, *words: str) -> Iterator[Iterator[bytes]]:
        """What a local command says, cut at NUL bytes as it comes; the rest is not waited for."""
        with subprocess.Popen(
            self.command(words, None), stdout=subprocess.PIPE, env=self.variables(), cwd=self.tree
        ) as child:
            assert child.stdout is not None
            try:
                yield _cut(child.stdout)
            finally:
                child.kill()

    def configure(self, settings: dict[str, str]) -> None:
        """Write settings into the repository's own config, for git in a terminal."""
        path = self.folder / "config"
        if not path.exists():
            path.write_text("[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n")
        for key, value in settings.items():
            self.text("config", "--file", str(path), key, value)

    # HEAD and branches of the repository, which are not git's to read here.

    def head(self) -> tuple[str, str]:
        """The branch (empty where HEAD is a commit) and the commit (empty where there is none yet)."""
        said = self._plain("HEAD").strip()
        if said.startswith("ref: refs/heads/"):
            branch = said.removeprefix("ref: refs/heads/")
            if not is_ref_name(branch):
                raise GitError("git.no_repository", "The workspace's repository has a HEAD that is none.")
            return branch, self.ref(f"refs/heads/{branch}")
        if HEX.fullmatch(said):
            return "", said
        raise GitError("git.no_repository", "The workspace holds no git repository any more.")

    def ref(self, name: str) -> str:
        """The commit of a ref, empty where there is none."""
        said = self._plain(name).strip()
        if HEX.fullmatch(said):
            return said
        for line in self._plain("packed-refs", 16 * 1024**2).splitlines():
            commit, _, found = line.partition(" ")
            if found == name and HEX.fullmatch(commit):
                return commit
        return ""

    def adopt(self, branch: str, commit: str, upstream: str = "") -> None:
        """Let our own git know HEAD, the branch and what the remote had."""
        name = branch or "detached"
        self._own_ref(f"refs/heads/{name}", commit)
        (self.own / "HEAD").write_text(f"ref: refs/heads/{name}\n" if branch else f"{commit}\n")
        if upstream:
            self._own_ref(f"refs/remotes/origin/{name}", upstream)

    def _own_ref(self, name: str, commit: str) -> None:
        if commit:
            path = self.own / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{commit}\n")

    def index_apart(self) -> None:
        """Work on a copy of the index from here on: the workspace has the old one until `keep_index`."""
        self.index = self.own / "index"
        if (self.folder / "index").is_file():
            # With its time: git looks again at files that are not older than the index.
            shutil.copy2(self.folder / "index", self.index)

    def keep_index(self) -> None:
        """Let the workspace have the index that was worked on apart."""
        if self.index.exists():
            fresh = self.folder / "index.studium"
            fresh.unlink(missing_ok=True)
            shutil.copy2(self.index, fresh)
            fresh.rename(self.folder / "index")

    def keep_ref(self, name: str, commit: str) -> None:
        """Set a ref of the repository."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.studium")
        fresh.write_text(f"{commit}\n")
        fresh.rename(path)

    def keep_head(self, branch: str, commit: str) -> None:
        fresh = self.folder / "HEAD.studium"
        fresh.write_text(f"ref: refs/heads/{branch}\n" if branch else f"{commit}\n")
        fresh.rename(self.folder / "HEAD")

    def keep_shallow(self) -> None:
        """Give the repository the list of commits at which its history is cut."""
        mine, theirs = self.own / "shallow", self.folder / "shallow"
        if mine.exists():
            shutil.copyfile(mine, theirs)
        else:
            theirs.unlink(missing_ok=True)


def origin_of(url: str) -> dict[str, str]:
    """Settings of the remote that a clone has."""
    return {"remote.origin.url": url, "remote.origin.fetch": "+refs/heads/*:refs/remotes/origin/*"}


def is_ref_name(name: str) -> bool:
    """Whether it can be a branch or a tag, by git's rules."""
    parts = name.split("/")
    bad = (
        name.startswith(("-", "/"))
        or name.endswith(("/", "."))
        or ".." in name
        or "@{" in name
        or name in ("@", "HEAD")
    )
    return not bad and bool(_REF_NAME.fullmatch(name)) and not any(
        part == "" or part.startswith(".") or part.endswith(".lock") for part in parts
    )  # fmt: skip


def last_words(err: str) -> str:
    """The line of git's complaint that says most."""
    lines = [line.strip() for line in err.replace("\r", "\n").splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal:", "error:", "remote:"))]
    return (telling or lines or ["it said nothing"])[-1][:300]


def _feed(stream: IO[bytes], given: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), stream:
        stream.write(given)


def _listen(stream: object, heard: list[bytes], shown: bool) -> None:
    """Keep the last of what git says, and pass it on to the log; of a progress that counts up only now and then a line."""
    told = time.monotonic()
    line = b""
    while piece := stream.read1(65536):  # type: ignore[attr-defined]
        heard[:] = [(b"".join(heard) + piece)[-65536:]]
        *lines, line = re.split(rb"[\r\n]", line + piece)
        for each in lines:
            counting = b"%" in each and b"done" not in each
            if shown and each.strip() and (not counting or time.monotonic() - told > SHOW_SECONDS):
                told = time.monotonic()
                print(each.decode(errors="replace").strip(), flush=True)


def _cut(stream: object) -> Iterator[bytes]:
    rest = b""
    while piece := stream.read1(65536):  # type: ignore[attr-defined]
        *whole, rest = (rest + piece).split(b"\0")
        yield from whole
    if rest:
        yield rest
