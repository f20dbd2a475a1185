"""Where a notebook from git is, and what its git runs do. Pure."""

from enum import StrEnum


class Cloned(StrEnum):
    """`cloning` until the first run has ended; then `ready`, or `choosing` among several notebooks, `none` of which there
    is, or `failed`. `taking` while the chosen one is read from the workspace."""

    CLONING = "cloning"
    CHOOSING = "choosing"
    TAKING = "taking"
    NONE = "none"
    READY = "ready"
    FAILED = "failed"


CLONED_MOVES: dict[Cloned, frozenset[Cloned]] = {
    Cloned.CLONING: frozenset({Cloned.READY, Cloned.CHOOSING, Cloned.NONE, Cloned.FAILED}),
    Cloned.CHOOSING: frozenset({Cloned.TAKING}),
    # Back to choosing: what was chosen is no notebook.
    Cloned.TAKING: frozenset({Cloned.READY, Cloned.CHOOSING}),
    # A blank notebook was begun in it.
    Cloned.NONE: frozenset({Cloned.READY}),
    Cloned.FAILED: frozenset({Cloned.CLONING}),
    Cloned.READY: frozenset(),
}


class Verb(StrEnum):
    """What one git run does."""

    CLONE = "clone"
    CHECK = "check"
    PULL = "pull"
    PUSH = "push"


class WorkState(StrEnum):
    """One piece of work: `live` until its run has ended and what it told was taken over."""

    LIVE = "live"
    DONE = "done"
    FAILED = "failed"


WORK_MOVES: dict[WorkState, frozenset[WorkState]] = {
    WorkState.LIVE: frozenset({WorkState.DONE, WorkState.FAILED}),
    WorkState.DONE: frozenset(),
    WorkState.FAILED: frozenset(),
}

# What to do about what a git run says; the codes are those of `environments/inside/git_*.py`.
NEXT_STEPS = {
    "git.auth": "Name a secret with a token that may do this, and the user name it belongs to.",
    "git.no_secret": "Set the secret again, or choose another.",
    "git.closed": "Use a public address, or ask an administrator to allow it with STUDIUM_OUTBOUND_ALLOW.",
    "git.unreachable": "Try again in a minute.",
    "git.tls": "Ask who runs the server.",
    "git.not_found": "Check the address; for a private repository name a secret with a token.",
    "git.empty": "Push a first commit to it from elsewhere.",
    "git.ref_unknown": "Check the name; a commit is written with all of its 40 digits.",
    "git.disk_full": "Choose a shorter history, or a plan with larger workspaces.",
    "git.memory": "Choose a shorter history.",
    "git.too_many_files": "Use a repository with fewer files.",
    "git.malformed": "Ask who made the repository.",
    "git.diverged": "Merge in a terminal: git pull --rebase. Or push to another branch.",
    "git.would_overwrite": "Push yours first, or pull and keep yours beside it under another name.",
    "git.behind": "Pull, then push again.",
    "git.declined": "Do what the server asks for, or push to another branch.",
    "git.detached": "Push to a branch of your own.",
    "git.no_branch": "Push to make it again, or go to another branch in a terminal.",
    "git.no_repository": "Make a new notebook from the repository; this one keeps its document.",
    "git.under_way": "Open a terminal and end it: git status says how.",
    "git.large_file": "Leave it out, or keep it with Git LFS.",
    "git.lfs": "Ask who runs the server, or leave the large files out with .gitignore.",
    "git.lfs_none": "Turn Git LFS on at the server, or take the files out of .gitattributes.",
    "git.lfs_quota": "Make room at the server, or leave the file out with .gitignore.",
    "git.lfs_refused": "Do what the server asks for; a secret may have to be one that may write.",
    "git.lfs_missing": "Put the files back into the workspace, or take them out of the commits in a terminal.",
    "git.lfs_changed": "End what writes to the file, then push again.",
    "git.lfs_too_many": "Push fewer commits at a time, in a terminal, or keep many small files in an archive.",
    "git.missing": "An administrator installs git.",
    "git.no_notebook": "Choose another notebook of the repository.",
}


def next_step(code: str) -> str:
    return NEXT_STEPS.get(code, "The run's log says more; try again.")
