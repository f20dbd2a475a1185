"""What is asked of the server: what it has, its commits, taking ours; and its refusals in words."""

import os
import re
import shlex
import sys
from typing import NamedTuple

from git_clean import HEX, Git, GitError, Remote, is_ref_name, last_words

# The first that fits is what happened. Git's own words, in English by LC_ALL.
_TROUBLES = (
    (r"could not read Username|Authentication failed|terminal prompts disabled|returned error: 40[13]|invalid credentials",
     "git.auth", "The server does not let us in: the repository is private, or the credentials do not fit."),
    (r"CONNECT tunnel failed, response 403|code 403 from proxy",
     "git.closed", "The server is not at an address that may be called."),
    (r"Could not resolve host|response 502|code 502 from|Couldn't connect|Failed to connect|Empty reply|too slow|returned error: 5",
     "git.unreachable", "The server does not answer."),
    (r"Connection (refused|timed out|reset)",
     "git.unreachable", "The server does not answer."),
    (r"SSL|certificate|TLS", "git.tls", "There is no secure connection to the server: its certificate is not trusted."),
    (r"repository .* not found|returned error: 404|not valid: is this a git repository|does not appear to be a git repo",
     "git.not_found", "There is no such repository, or it is private."),
    (r"No space left|Disk quota|unable to write file|out of diskspace|write error",
     "git.disk_full", "The repository does not fit into the workspace."),
    (r"Out of memory|out of memory|unable to create thread|memory exhausted", "git.memory", "The repository needs more memory."),
    (r"fsck error|object corrupt|unpack-objects|index-pack|bad object|did not send all necessary objects|invalid .*\.gitmodules",
     "git.malformed", "The repository has objects that are malformed or dangerous, and was not taken."),
    (r"transport '.*' not allowed|protocol .* not supported", "git.scheme", "The server sends us on to another kind of address."),
)  # fmt: skip


def trouble(err: str) -> GitError:
    """Git's refusal as one of ours, with git's own words."""
    for pattern, code, words in _TROUBLES:
        if re.search(pattern, err):
            return GitError(code, f"{words} ({last_words(err)})")
    return GitError("git.failed", f"git said: {last_words(err)}")


class Found(NamedTuple):
    """What a ref is at the server: `branch`, `tag` or `commit`, its name, and the commit as far as it is known."""

    kind: str
    name: str
    commit: str


def find_ref(git: Git, remote: Remote, ref: str) -> Found:
    """Ask the server what it has under a name; without one, its default branch. Raises GitError."""
    wanted = [f"refs/heads/{ref}", f"refs/tags/{ref}", f"refs/tags/{ref}^{{}}"] if ref else ["HEAD"]
    done = git.run("ls-remote", "--symref", remote.url, *wanted, remote=remote)
    if done.code:
        raise trouble(done.err)
    commits: dict[str, str] = {}
    default = ""
    for line in done.out.decode(errors="replace").splitlines():
        value, _, name = line.partition("\t")
        if value.startswith("ref: refs/heads/") and name == "HEAD":
            default = value.removeprefix("ref: refs/heads/")
        elif HEX.fullmatch(value):
            commits[name] = value
    if not ref:
        if "HEAD" not in commits:
            raise GitError("git.empty", "The repository is empty: it has no commit yet.")
        if not default or not is_ref_name(default):
            return Found("commit", commits["HEAD"], commits["HEAD"])
        return Found("branch", default, commits["HEAD"])
    if f"refs/heads/{ref}" in commits:
        return Found("branch", ref, commits[f"refs/heads/{ref}"])
    if f"refs/tags/{ref}" in commits:
        return Found("tag", ref, commits.get(f"refs/tags/{ref}^{{}}", commits[f"refs/tags/{ref}"]))
    if HEX.fullmatch(ref):
        return Found("commit", ref, ref)
    raise GitError("git.ref_unknown", f"The repository has no branch and no tag {ref}.")


def commits_of(git: Git, remote: Remote) -> list[str]:
    """The commits of the server's branches and tags. Raises GitError."""
    done = git.run("ls-remote", remote.url, remote=remote)
    if done.code:
        raise trouble(done.err)
    return sorted({line.partition("\t")[0] for line in done.out.decode(errors="replace").splitlines()})


def fetch(git: Git, remote: Remote, found: Found, depth: int = 0) -> str:
    """Get what was found with its history, or `depth` commits of it; the commit. Raises GitError."""
    cut = (f"--depth={depth}",) if depth else ()
    spec = {
        "branch": f"+refs/heads/{found.name}:refs/remotes/origin/{found.name}",
        "tag": f"+refs/tags/{found.name}:refs/tags/{found.name}",
        "commit": found.name,
    }[found.kind]
    words = ("fetch", "--no-tags", "--no-write-fetch-head", "--progress")
    done = git.run(*words, *cut, remote.url, spec, remote=remote, shown=True)
    if done.code and found.kind == "commit":  # not every server gives a commit by its number alone
        done = git.run(*words, remote.url, "+refs/heads/*:refs/remotes/origin/*", remote=remote, shown=True)
        if not done.code and git.run("cat-file", "-e", f"{found.commit}^{{commit}}").code:
            raise GitError("git.ref_unknown", f"No branch of the repository has the commit {found.commit}.")
    if done.code:
        raise trouble(done.err)
    names = {"branch": f"refs/remotes/origin/{found.name}", "tag": f"refs/tags/{found.name}", "commit": found.commit}
    return git.text("rev-parse", "--verify", f"{names[found.kind]}^{{commit}}")


def push(git: Git, remote: Remote, branch: str, target: str) -> None:
    """Give the server our branch, never by force. Raises GitError."""
    done = git.run(
        "push", "--porcelain", "--no-verify", "--progress", remote.url, f"refs/heads/{branch}:refs/heads/{target}",
        remote=remote, shown=True,
    )  # fmt: skip
    said = done.err + "\n" + done.out.decode(errors="replace")
    if not done.code:
        return
    if "[rejected]" in said or "fetch first" in said or "non-fast-forward" in said or "stale info" in said:
        raise GitError(
            "git.behind", f"The remote {target} has commits that are not here. Pull first; your commit is kept."
        )
    if "[remote rejected]" in said or "hook declined" in said or "remote: error" in said:
        told = [line.removeprefix("remote:").strip() for line in said.splitlines() if line.startswith("remote:")]
        why = " ".join(line for line in told if line)[:300] or last_words(said)
        raise GitError("git.declined", f"The server did not take the commit, which is kept here: {why}")
    raise trouble(said)


def proxy_and_helper(port: int, secret: str) -> tuple[str, str]:
    helper = os.path.join(os.path.dirname(os.path.abspath(__file__)), "git_credential.py")
    return f"http://127.0.0.1:{port}", f"!{shlex.quote(sys.executable)} -I {shlex.quote(helper)}" if secret else ""
