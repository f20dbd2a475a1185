"""The program of git runs against a real server, outside of a sandbox but through its proxy: what it does, and what a
hostile repository, server or workspace cannot make it do."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from factories.notebooks import notebook_json
from running.git_server import GitServer, git
from studium.environments.commands import code_folder
from studium.outbound import spelling
from studium.runner import egress

BOOK = notebook_json("print(1)").decode()
Report = dict[str, Any]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    folder = tmp_path / "server"
    folder.mkdir()
    made = GitServer(folder)
    yield made
    made.close()


class Desk:
    """A workspace and the program that works on its repository."""

    def __init__(self, server: GitServer, folder: Path) -> None:
        self.server, self.tree, self.run_folder = server, folder / "notebooks", folder / "run"
        self.tree.mkdir()
        self.run_folder.mkdir()
        self.hosts, self.within = {server.entry}, [server.entry]
        self.log = ""
        listener = egress.listen(str(self.run_folder), None)
        threading.Thread(target=egress.serve, args=(listener, self.hosts, self.within), daemon=True).start()

    def start(
        self, verb: str, name: str = "repo", *, variables: dict[str, str] | None = None, **asked: Any
    ) -> subprocess.Popen[str]:
        wanted = {
            "work": "w1", "verb": verb, "url": self.server.url(name), "ref": "", "submodules": False, "depth": 0, "secret": "",
            "username": "", "message": "A message", "author": "A Person", "email": "a@example.org", "branch": "",
            "keep": False, "large_files": True, "seconds": 5, "pause": 0, **asked,
        }  # fmt: skip
        env = {
            "STUDIUM_GIT_WORK": json.dumps(wanted), "STUDIUM_WORKSPACE": str(self.tree),
            "STUDIUM_PROGRESS": str(self.run_folder / "progress.json"), "STUDIUM_EGRESS": str(self.run_folder / egress.SOCKET),
            "STUDIUM_GIT_RULES": str(Path(spelling.__file__).parent), "PATH": os.environ["PATH"], **(variables or {}),
        }  # fmt: skip
        program = code_folder() / "git_work.py"
        pipe, words = subprocess.PIPE, [sys.executable, "-I", str(program)]
        return subprocess.Popen(words, env=env, stdout=pipe, stderr=pipe, text=True, cwd=self.tree)

    def work(self, verb: str, **more: Any) -> Report:
        with self.start(verb, **more) as done:
            try:
                self.log = "".join(done.communicate(timeout=60))
            finally:
                done.kill()
        report: Report = json.loads((self.run_folder / "progress.json").read_text())
        assert report["state"] in ("done", "failed"), self.log
        assert done.returncode == (0 if report["state"] == "done" else 1), self.log
        return report

    def done(self, verb: str, **more: Any) -> Report:
        report = self.work(verb, **more)
        assert report["state"] == "done", self.log
        found: Report = report["result"]
        return found

    def refused(self, verb: str, **more: Any) -> str:
        report = self.work(verb, **more)
        assert report["state"] == "failed", self.log
        return str(report["error"]["name"])

    def notebooks(self) -> list[str]:
        found: list[str] = json.loads((self.tree / ".git/studium.json").read_text())["notebooks"]
        return found

    def git(self, *words: str) -> str:
        return git(self.tree, *words)


@pytest.fixture
def desk(server: GitServer, tmp_path: Path) -> Desk:
    return Desk(server, tmp_path)


def test_a_clone_is_a_repository_like_any_other(server: GitServer, desk: Desk) -> None:
    server.make(
        "repo", {"a/one.ipynb": BOOK, "two.ipynb": BOOK, "lib.py": "x = 1\n", ".ipynb_checkpoints/c.ipynb": BOOK}
    )
    result = desk.done("clone")
    assert desk.notebooks() == ["two.ipynb", "a/one.ipynb"]
    assert (result["kind"], result["branch"], result["commit"]) == ("branch", "main", server.head("repo"))
    assert (result["subject"], result["author"], result["ahead"], result["behind"]) == ("A change", "Somebody", 0, 0)
    assert (result["dirty"], result["lfs"], result["notes"]) == (0, 0, [])
    assert (desk.tree / "lib.py").read_text() == "x = 1\n"
    assert desk.git("status", "--porcelain=v2", "--branch").splitlines()[1:] == [
        "# branch.head main", "# branch.upstream origin/main", "# branch.ab +0 -0",
    ]  # fmt: skip
    assert desk.git("remote", "get-url", "origin") == server.url("repo")
    assert desk.git("fsck", "--strict") == ""


def test_a_branch_a_tag_a_commit_and_a_short_history(server: GitServer, desk: Desk) -> None:
    work = server.make("repo", {"a.ipynb": BOOK})
    first = server.head("repo")
    server.commit("repo", {"b.ipynb": BOOK}, branch="feature/x")
    git(work, "tag", "-a", "v1", "-m", "one", first)
    git(work, "push", "-q", "origin", "v1")
    server.commit("repo", {"c.ipynb": BOOK})
    assert desk.done("clone", ref="feature/x")["branch"] == "feature/x"
    assert desk.notebooks() == ["a.ipynb", "b.ipynb"]
    result = desk.done("clone", ref="v1")
    assert (result["kind"], result["branch"], result["commit"]) == ("tag", "", first)
    assert desk.git("describe", "--tags") == "v1"
    result = desk.done("clone", ref=first)
    assert (result["kind"], result["commit"], desk.notebooks()) == ("commit", first, ["a.ipynb"])
    assert desk.refused("pull") == "git.detached"
    desk.done("clone", depth=1)
    assert desk.git("rev-list", "--count", "HEAD") == "1"
    server.commit("repo", {"d.ipynb": BOOK})
    assert desk.done("pull")["changed"] == 1
    assert desk.git("rev-list", "--count", "HEAD") == "2"
    assert desk.refused("clone", ref="nowhere") == "git.ref_unknown"
    assert desk.refused("clone", ref="1" * 40) in ("git.ref_unknown", "git.failed")


def test_a_pull_goes_forward_and_changes_nothing_else(server: GitServer, desk: Desk) -> None:
    server.make("repo", {"a.ipynb": BOOK, "b.txt": "one\n", "c.txt": "c\n"})
    desk.done("clone")
    (desk.tree / "c.txt").write_text("mine\n")
    (desk.tree / "new.txt").write_text("mine too\n")
    assert desk.done("check")["dirty"] == 2
    newest = server.commit("repo", {"b.txt": "two\n", "d/e.txt": "e\n"})
    assert desk.done("check")["behind"] == 1
    result = desk.done("pull")
    assert (result["commit"], result["changed"], result["ahead"], result["behind"]) == (newest, 1, 0, 0)
    assert [(desk.tree / name).read_text() for name in ("b.txt", "c.txt", "d/e.txt")] == ["two\n", "mine\n", "e\n"]
    assert desk.git("status", "--porcelain").splitlines() == ["M c.txt", "?? new.txt"]
    assert "changed" not in desk.done("pull")


@pytest.mark.parametrize("kind", ["changed", "staged", "untracked", "ignored", "folder in the way"])
def test_what_was_changed_here_and_there_is_said_and_nothing_is_lost(server: GitServer, desk: Desk, kind: str) -> None:
    server.make("repo", {"a.ipynb": BOOK, "b.txt": "one\n", ".gitignore": "*.log\n"})
    desk.done("clone")
    path, mine = {
        "untracked": ("new.txt", "mine"), "ignored": ("run.log", "mine"), "folder in the way": ("f", "mine"),
    }.get(kind, ("b.txt", "mine"))  # fmt: skip
    (desk.tree / path).write_text(mine)
    if kind == "staged":
        desk.git("add", "b.txt")
    theirs = "f/g.txt" if kind == "folder in the way" else path
    server.commit("repo", {theirs: "theirs"})
    before = desk.git("rev-parse", "HEAD")
    report = desk.work("pull")
    assert report["error"]["name"] == "git.would_overwrite"
    assert report["error"]["facts"].get("files", [theirs]) == [theirs]
    assert (desk.git("rev-parse", "HEAD"), (desk.tree / path).read_text()) == (before, "mine")
    if kind == "folder in the way":
        return
    result = desk.done("pull", keep=True)
    assert (desk.tree / path).read_text() == "theirs"
    (kept,) = result["kept"]
    assert ".yours-" in kept
    assert (desk.tree / kept).read_text() == "mine"


def test_histories_that_parted_are_left_alone(server: GitServer, desk: Desk) -> None:
    server.make("repo", {"a.ipynb": BOOK})
    desk.done("clone")
    (desk.tree / "mine.txt").write_text("mine")
    git(desk.tree, "add", "mine.txt")
    git(desk.tree, "commit", "-q", "-m", "mine")
    mine = desk.git("rev-parse", "HEAD")
    server.commit("repo", {"b.txt": "theirs"})
    report = desk.work("pull", keep=True)
    assert (report["error"]["name"], report["error"]["facts"]) == ("git.diverged", {"ahead": 1, "behind": 1})
    assert desk.refused("push") == "git.behind"
    assert desk.git("rev-parse", "HEAD") == mine
    assert (desk.done("check")["ahead"], desk.done("check")["behind"]) == (1, 1)


def test_a_push_commits_what_was_changed_as_the_person(server: GitServer, desk: Desk) -> None:
    server.make("repo", {"a.ipynb": BOOK, "old.txt": "x", ".gitignore": "*.log\n"})
    desk.done("clone")
    (desk.tree / "a.ipynb").write_text(BOOK.replace("print(1)", "print(2)"))
    (desk.tree / "old.txt").unlink()
    (desk.tree / "-rf").write_text("a file with a bad name")
    (desk.tree / ":(glob)x").write_text("another")
    (desk.tree / "run.log").write_text("ignored")
    (desk.tree / ".local/lib").mkdir(parents=True)
    (desk.tree / ".local/lib/package.py").write_text("installed")
    result = desk.done(
        "push", message="Say two\n\n#1 and 'quotes' \"$(id)\"", author="Ada <L>", email="ada@example.org"
    )
    bare = server.folder / "repo.git"
    assert (result["committed"], result["pushed"], result["changed"], result["dirty"]) == (True, 1, 4, 0)
    assert (
        git(bare, "log", "-1", "--format=%an|%ae|%B", "main")
        == "Ada L|ada@example.org|Say two\n\n#1 and 'quotes' \"$(id)\""
    )
    assert git(bare, "ls-tree", "-r", "--name-only", "main").splitlines() == [
        "-rf",
        ".gitignore",
        ":(glob)x",
        "a.ipynb",
    ]
    again = desk.done("push")
    assert (again["committed"], again["pushed"]) == (False, 0)
    assert desk.git("status", "--porcelain=v2", "--branch").splitlines()[3] == "# branch.ab +0 -0"


def test_a_push_from_a_tag_makes_a_branch_and_never_forces(server: GitServer, desk: Desk) -> None:
    work = server.make("repo", {"a.ipynb": BOOK})
    git(work, "tag", "v1")
    git(work, "push", "-q", "origin", "v1")
    desk.done("clone", ref="v1")
    (desk.tree / "b.txt").write_text("b")
    assert desk.refused("push") == "git.detached"
    assert desk.refused("push", branch="-x") == "git.ref_bad"
    server.commit("repo", {"c.txt": "c"})
    assert desk.refused("push", branch="main") == "git.behind"
    assert desk.done("push", branch="mine")["target"] == "mine"
    assert server.head("repo", "mine") == desk.git("rev-parse", "HEAD")
    assert desk.git("symbolic-ref", "HEAD") == "refs/heads/main", "the commit that could not go to main is kept there"


def test_a_server_that_declines_is_quoted(server: GitServer, desk: Desk) -> None:
    server.make("repo", {"a.ipynb": BOOK})
    hook = server.folder / "repo.git/hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho 'no pushes on Fridays' >&2\nexit 1\n")
    hook.chmod(0o755)
    desk.done("clone")
    (desk.tree / "b.txt").write_text("b")
    report = desk.work("push")
    assert report["error"]["name"] == "git.declined"
    assert "no pushes on Fridays" in report["error"]["message"]
    assert desk.git("log", "-1", "--format=%s") == "A message"
    hook.unlink()
    assert desk.done("push")["pushed"] == 1


def test_credentials_go_to_their_server_alone_and_stay_nowhere(server: GitServer, desk: Desk, tmp_path: Path) -> None:
    other_folder = tmp_path / "other"
    other_folder.mkdir()
    other = GitServer(other_folder)
    other.password = "x:y"
    other.make("sub", {"s.txt": "s"})
    desk.hosts.add(other.entry)
    work = server.make("repo", {"a.ipynb": BOOK})
    (work / ".gitmodules").write_text(f'[submodule "s"]\n\tpath = s\n\turl = {other.url("sub")}\n')
    git(work, "update-index", "--add", "--cacheinfo", f"160000,{other.head('sub')},s")
    server.commit("repo", {})
    server.password = "ada:token-of-ada"
    assert desk.refused("clone") == "git.auth"
    assert desk.refused("clone", secret="TOKEN") == "git.no_secret"
    assert desk.refused("clone", secret="TOKEN", username="ada", variables={"TOKEN": "wrong"}) == "git.auth"
    given = {"TOKEN": "token-of-ada\n"}
    desk.done("clone", secret="TOKEN", username="ada", variables=given, submodules=True)
    assert "token-of-ada" not in desk.log
    assert not any("Basic" in line for line in other.asked), other.asked
    (desk.tree / "b.txt").write_text("b")
    assert desk.done("push", secret="TOKEN", username="ada", variables=given)["pushed"] == 1
    for folder, _, names in os.walk(desk.tree):
        for name in names:
            assert b"token-of-ada" not in Path(folder, name).read_bytes()
    other.close()


def test_submodules_come_on_request_by_the_same_rules(server: GitServer, desk: Desk) -> None:
    server.make("lib", {"lib.py": "y = 2\n"})
    work = server.make("repo", {"a.ipynb": BOOK})
    modules = {
        "fine": ("libs/fine", "../lib.git"), "file": ("f", f"file://{server.folder}/lib.git"), "ext": ("e", "ext::sh -c id"),
        "ssh": ("s", "ssh://git@h.example/x"), "creds": ("c", "http://u:p@127.0.0.1/x"), "inside": ("i", "http://127.0.0.1:1/x"),
        "closed": ("d", "https://127.0.0.1/x"), "path": (".github", "../lib.git"),
    }  # fmt: skip
    text = "".join(f'[submodule "{name}"]\n\tpath = {path}\n\turl = {url}\n' for name, (path, url) in modules.items())
    (work / ".gitmodules").write_text(text)
    for path in ("libs/fine", "f", "e", "s", "c", "i", "d", ".github", "unknown"):
        git(work, "update-index", "--add", "--cacheinfo", f"160000,{server.head('lib')},{path}")
    git(work, "add", ".gitmodules")
    git(work, "commit", "-q", "-m", "submodules")
    git(work, "push", "-q", "origin", "main")
    result = desk.done("clone")
    assert result["notes"] == ["9 submodules were left out, as asked."]
    assert not (desk.tree / "libs/fine/lib.py").exists()
    result = desk.done("clone", submodules=True)
    assert (desk.tree / "libs/fine/lib.py").read_text() == "y = 2\n"
    assert git(desk.tree / "libs/fine", "rev-parse", "HEAD") == server.head("lib")
    assert git(desk.tree / "libs/fine", "status", "--porcelain") == ""
    assert len(result["notes"]) == 6
    for path in ("f", "e", "s", "c", "i", "d", ".github", "unknown"):
        assert not (desk.tree / path / "lib.py").exists(), path
    assert desk.git("submodule", "status", "libs/fine").split()[0] == server.head("lib")
    newest = server.commit("lib", {"lib.py": "y = 3\n"})
    git(work, "update-index", "--cacheinfo", f"160000,{newest},libs/fine")
    git(work, "commit", "-q", "-m", "newer")
    git(work, "push", "-q", "origin", "main")
    desk.done("pull", submodules=True)
    assert (desk.tree / "libs/fine/lib.py").read_text() == "y = 3\n"


PWNED = "#!/bin/sh\ntouch {marker}\ncat\n"


def test_what_the_workspace_has_been_set_to_is_not_obeyed(server: GitServer, desk: Desk, tmp_path: Path) -> None:
    """Whoever could write to the workspace may have left hooks, filters, helpers, proxies and other addresses in it."""
    server.make("repo", {"a.ipynb": BOOK, "b.txt": "one\n"})
    server.password = "ada:token-of-ada"
    given: Any = {"secret": "TOKEN", "username": "ada", "variables": {"TOKEN": "token-of-ada"}}
    desk.done("clone", **given)
    marker, evil = tmp_path / "pwned", tmp_path / "evil.sh"
    evil.write_text(PWNED.format(marker=marker))
    evil.chmod(0o755)
    for key, value in {
        "core.fsmonitor": str(evil), "core.sshCommand": str(evil), "core.pager": str(evil), "core.editor": str(evil),
        "core.hooksPath": str(tmp_path / "hooks"), "core.gitProxy": str(evil), "core.askPass": str(evil),
        "credential.helper": f"!{evil}", "filter.evil.clean": str(evil), "filter.evil.smudge": str(evil),
        "filter.evil.process": str(evil), "diff.external": str(evil), "http.proxy": "http://127.0.0.1:1",
        "http.sslVerify": "false", "url.http://127.0.0.1:1/.insteadOf": server.url("repo")[:20],
        "remote.origin.uploadpack": str(evil), "remote.origin.url": "ext::" + str(evil), "protocol.ext.allow": "always",
        "commit.gpgSign": "true", "gpg.program": str(evil), "alias.fetch": f"!{evil}", "core.attributesFile": str(evil),
        "gc.auto": "1", "submodule.recurse": "true",
    }.items():  # fmt: skip
        desk.git("config", key, value)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for folder in (hooks, desk.tree / ".git/hooks"):
        for name in ("pre-commit", "commit-msg", "post-commit", "pre-push", "post-merge", "post-checkout",
                     "reference-transaction", "post-index-change", "pre-auto-gc"):  # fmt: skip
            (folder / name).write_text(PWNED.format(marker=marker))
            (folder / name).chmod(0o755)
    (desk.tree / ".gitattributes").write_text("*.txt filter=evil diff=evil\n")
    server.commit("repo", {"c.txt": "new\n"})
    desk.done("check", **given)
    desk.done("pull", **given)
    (desk.tree / "d.txt").write_text("d\n")
    assert desk.done("push", **given)["pushed"] == 1
    assert not marker.exists()
    assert git(server.folder / "repo.git", "show", "main:d.txt") == "d"


def test_a_hostile_repository_runs_nothing_and_writes_nowhere(server: GitServer, desk: Desk, tmp_path: Path) -> None:
    marker = tmp_path / "pwned"
    evil = PWNED.format(marker=marker)
    work = server.make("repo", {
        "a.ipynb": BOOK, ".gitattributes": "* filter=evil text eol=lf\n", ".lfsconfig": "[lfs]\n\turl = http://127.0.0.1:1\n",
        ".gitconfig": f"[core]\n\tfsmonitor = {marker}\n", "hooks/post-checkout": evil, ".githooks/post-checkout": evil,
        "with\nline.ipynb": BOOK, "é.ipynb": BOOK, "-x.ipynb": BOOK, "lost+found.txt": "x",
    })  # fmt: skip
    (work / "out").symlink_to("/etc")
    (work / "self").symlink_to(".git")
    (work / "link.ipynb").symlink_to("/etc/passwd")
    server.commit("repo", {})
    desk.done("clone")
    assert set(desk.notebooks()) == {"a.ipynb", "é.ipynb", "-x.ipynb"}, (
        "links and names that cannot be written are none"
    )
    assert (desk.tree / "link.ipynb").is_symlink()
    assert not marker.exists()


def crafted(server: GitServer, name: str, entries: list[tuple[str, str, str]]) -> None:
    """A repository whose tree could not be made with git's own checks: mode, name and content of each entry."""
    work = server.make(name, {"a.ipynb": BOOK})
    tree = b""
    for mode, path, content in entries:
        if mode == "40000":
            number = write_tree(work, [("100644", "config", content)])
        else:
            number = git(work, "hash-object", "-w", "--stdin", given=content.encode())
        tree += f"{mode} {path}\0".encode() + bytes.fromhex(number)
    number = git(work, "hash-object", "-t", "tree", "-w", "--stdin", "--literally", given=tree)
    commit = git(work, "commit-tree", number, "-m", "crafted")
    git(work, "push", "-q", "--force", "origin", f"{commit}:refs/heads/main")


def write_tree(work: Path, entries: list[tuple[str, str, str]]) -> str:
    tree = b""
    for mode, path, content in entries:
        tree += f"{mode} {path}\0".encode() + bytes.fromhex(
            git(work, "hash-object", "-w", "--stdin", given=content.encode())
        )
    return git(work, "hash-object", "-t", "tree", "-w", "--stdin", "--literally", given=tree)


@pytest.mark.parametrize(
    "entries",
    [
        [("40000", ".git", "[core]\n\tfsmonitor = id\n")],
        [("40000", ".GIT", "[core]\n\tfsmonitor = id\n")],
        [("40000", "git~1", "[core]\n\tfsmonitor = id\n")],
        [("40000", ".g\u200cit", "[core]\n\tfsmonitor = id\n")],
        [("40000", "..", "x")],
        [("100644", "a/b", "x")],
        [("120000", ".gitmodules", "/etc/passwd")],
        [("100644", ".gitmodules", '[submodule "x"]\n\tpath = x\n\turl = --upload-pack=id\n')],
        [("100644", ".gitmodules", '[submodule "../x"]\n\tpath = x\n\turl = ../lib.git\n')],
    ],
    ids=[
        "git",
        "capitals",
        "short name",
        "invisible letter",
        "up",
        "slash",
        "link for modules",
        "option as url",
        "name that climbs",
    ],
)
def test_trees_that_mean_harm_are_not_taken(server: GitServer, desk: Desk, entries: list[tuple[str, str, str]]) -> None:
    crafted(server, "repo", entries)
    assert desk.refused("clone") in ("git.malformed", "git.failed")
    assert not (desk.tree / ".git/config").read_text().count("fsmonitor")
    assert sorted(p.name for p in desk.tree.parent.iterdir()) == ["notebooks", "run", "server"]


def test_a_repository_without_end_is_not_read_to_its_end(server: GitServer, desk: Desk) -> None:
    """Ten folders of ten folders of ten ...: a few objects that would be ten thousand million files."""
    work = server.make("repo", {"a.ipynb": BOOK})
    blob = git(work, "hash-object", "-w", "--stdin", given=b"x")
    number, kind = blob, "100644 blob"
    for _ in range(10):
        listing = "".join(f"{kind} {number}\tf{n}\n" for n in range(10))
        number, kind = git(work, "mktree", given=listing.encode()), "040000 tree"
    commit = git(work, "commit-tree", number, "-m", "bomb")
    git(work, "push", "-q", "--force", "origin", f"{commit}:refs/heads/main")
    assert desk.refused("clone") == "git.too_many_files"


def test_servers_that_are_not_there_are_said_in_words(server: GitServer, desk: Desk) -> None:
    assert desk.refused("clone", name="nowhere") == "git.not_found"
    server.make("empty")
    assert desk.refused("clone", name="empty") == "git.empty"
    assert desk.refused("clone", url="https://127.0.0.1:1/x.git") == "git.closed"
    desk.hosts.add("127.0.0.1:1")
    assert desk.refused("clone", url="https://127.0.0.1:1/x.git") == "git.closed", "named, but at a closed address"
    desk.hosts.add(f"localhost:{desk.server.entry.partition(':')[2]}")
    assert desk.refused("clone", url=desk.server.url("x").replace("http://127.0.0.1", "https://localhost")) == "git.tls"
    desk.hosts.add("nowhere.invalid:443")
    assert desk.refused("clone", url="https://nowhere.invalid/x.git") == "git.unreachable"
    for url in ("file:///etc", "ext::sh -c id", "-oProxyCommand=id", "ssh://h/x"):
        assert desk.refused("clone", url=url).startswith("outbound.")


def test_a_workspace_in_which_something_is_amiss(server: GitServer, desk: Desk) -> None:
    server.make("repo", {"a.ipynb": BOOK})
    for verb in ("check", "pull", "push"):
        assert desk.refused(verb) == "git.no_repository"
    desk.done("clone")
    (desk.tree / ".git/index.lock").touch()
    (desk.tree / ".git/MERGE_HEAD").write_text(server.head("repo"))
    assert desk.refused("push") == "git.under_way"
    (desk.tree / ".git/MERGE_HEAD").unlink()
    server.commit("repo", {"b.txt": "b"})
    assert desk.done("pull")["changed"] == 1, "a lock that a killed session left is no hindrance"
    (desk.tree / ".git/HEAD").write_text("ref: refs/heads/../../../etc/passwd\n")
    assert desk.refused("pull") == "git.no_repository"
    (desk.tree / ".git/HEAD").write_text("ref: refs/heads/other\n")
    assert desk.refused("pull") == "git.no_repository"
    os.rename(desk.tree / ".git", desk.tree / "elsewhere")
    (desk.tree / ".git").symlink_to("elsewhere")
    assert desk.refused("pull") == "git.no_repository"


def test_a_branch_that_is_gone_and_one_that_was_made_anew(server: GitServer, desk: Desk) -> None:
    work = server.make("repo", {"a.ipynb": BOOK})
    server.commit("repo", {"b.txt": "b"}, branch="side")
    desk.done("clone", ref="side")
    git(work, "push", "-q", "origin", ":side")
    assert desk.refused("pull") == "git.no_branch"
    (desk.tree / "c.txt").write_text("c")
    assert desk.done("push")["target"] == "side"


def test_too_large_for_a_server_is_said_before(server: GitServer, desk: Desk) -> None:
    server.make("repo", {"a.ipynb": BOOK})
    desk.done("clone")
    with (desk.tree / "huge.bin").open("wb") as stream:
        stream.truncate(96 * 1024**2)
    report = desk.work("push")
    assert (report["error"]["name"], report["error"]["facts"]["files"]) == ("git.large_file", ["huge.bin"])
    assert desk.git("log", "-1", "--format=%s") == "A change"


def test_git_in_a_terminal_finds_the_token_and_the_person_and_heeds_what_they_set(
    server: GitServer, desk: Desk, tmp_path: Path
) -> None:
    """What a session sets up, and then git as a person types it."""
    server.make("repo", {"a.ipynb": BOOK})
    server.password = "ada:token-of-ada"
    given: Any = {"secret": "TOKEN", "username": "ada", "variables": {"TOKEN": "token-of-ada"}}
    desk.done("clone", **given)
    code = "import surroundings, os; surroundings.prepare(); print(os.environ['GIT_CONFIG_GLOBAL'])"
    session = {
        "STUDIUM_GIT_URL": server.url("repo"), "STUDIUM_GIT_SECRET": "TOKEN", "STUDIUM_GIT_USERNAME": "ada",
        "STUDIUM_GIT_NAME": 'Ada "L\\', "STUDIUM_GIT_EMAIL": "ada@example.org", "STUDIUM_WORKSPACE": str(desk.tree),
        "STUDIUM_SCRATCH": str(tmp_path / "scratch"), "STUDIUM_RUN_FOLDER": str(desk.run_folder), "PATH": os.environ["PATH"],
        "HOME": str(desk.tree), "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
    }  # fmt: skip
    made = subprocess.run(
        [sys.executable, "-c", code], env=session, cwd=code_folder(), capture_output=True, text=True, check=True
    )
    terminal = {**session, "GIT_CONFIG_GLOBAL": made.stdout.strip()}

    def typed(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", *words], cwd=desk.tree, env={**terminal, **more}, capture_output=True, text=True, check=False
        )

    (desk.tree / "b.txt").write_text("b")
    assert typed("add", "b.txt").returncode == 0
    assert typed("commit", "-qm", "by hand").returncode == 0
    without = typed("push")
    assert without.returncode != 0
    assert "not given the secret TOKEN: choose Use" in without.stderr
    pushed = typed("push", TOKEN="token-of-ada")
    assert pushed.returncode == 0, pushed.stderr
    assert git(server.folder / "repo.git", "log", "-1", "--format=%an|%ae", "main") == 'Ada "L|ada@example.org', (
        "git leaves off such ends"
    )
    (desk.tree / ".gitconfig").write_text("[user]\n\tname = Somebody else\n")
    assert typed("config", "user.name").stdout == "Somebody else\n"
    elsewhere = subprocess.run(
        ["git", "credential", "fill"], cwd=desk.tree, env={**terminal, "TOKEN": "token-of-ada"}, text=True, check=False,
        input="protocol=https\nhost=elsewhere.example\n\n", capture_output=True,
    )  # fmt: skip
    assert "token-of-ada" not in elsewhere.stdout


def test_it_tells_which_files_are_as_the_commit_has_them(server: GitServer, desk: Desk) -> None:
    server.make("x", {"a.ipynb": "{}", "lib.py": "x = 1\n", "deep/gr\u00f6\u00dfe.csv": "1"})

    def told() -> list[str]:
        found: list[str] = json.loads((desk.tree / ".git/studium.json").read_text())["files"]
        return found

    desk.done("clone", url=server.url("x"))
    assert told() == ["a.ipynb", "deep/gr\u00f6\u00dfe.csv", "lib.py"]
    (desk.tree / "lib.py").write_text("x = 2\n")
    (desk.tree / "mine.csv").write_text("new")
    desk.done("pull", url=server.url("x"))
    assert told() == ["a.ipynb", "deep/gr\u00f6\u00dfe.csv"]
    desk.done("push", url=server.url("x"), message="why")
    assert told() == ["a.ipynb", "deep/gr\u00f6\u00dfe.csv", "lib.py", "mine.csv"]
