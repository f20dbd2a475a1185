"""What files are brought from, and how far that is. Pure."""

from enum import StrEnum


class SourceKind(StrEnum):
    URL = "url"
    GIT = "git"
    NOTEBOOK = "notebook"
    PROVIDER = "provider"


class ImportState(StrEnum):
    """`waiting` for a run to be asked for; `fetching` until that run has ended, also while it is in the queue; `keeping` while
    its files go into the store."""

    WAITING = "waiting"
    FETCHING = "fetching"
    KEEPING = "keeping"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


LIVE = (ImportState.WAITING, ImportState.FETCHING, ImportState.KEEPING)
_ENDS = frozenset({ImportState.DONE, ImportState.FAILED, ImportState.CANCELLED})

IMPORT_MOVES: dict[ImportState, frozenset[ImportState]] = {
    # Files that the platform has already need no run.
    ImportState.WAITING: frozenset(
        {ImportState.FETCHING, ImportState.KEEPING, ImportState.FAILED, ImportState.CANCELLED}
    ),
    # Done at once where the source says that nothing is new.
    ImportState.FETCHING: frozenset({ImportState.KEEPING}) | _ENDS,
    # Fetched anew where the files are gone, as after a restore.
    ImportState.KEEPING: frozenset({ImportState.WAITING}) | _ENDS,
    ImportState.DONE: frozenset(),
    # Tried once more.
    ImportState.FAILED: frozenset({ImportState.WAITING}),
    ImportState.CANCELLED: frozenset({ImportState.WAITING}),
}
"""From each state, those that may follow."""

# What to do about what a run says; the codes of git are those of `environments/inside/git_*.py`.
NEXT_STEPS = {
    "url.not_found": "Check the address in a browser.",
    "url.auth": "Use an address that everybody may read.",
    "url.refused": "Ask who runs the server.",
    "url.too_large": "Make room in the team's storage, or choose a plan with more.",
    "url.tls": "Ask who runs the server.",
    "url.timeout": "Try again; what has come is not fetched again where the server can go on.",
    "url.unreachable": "Check the address, and try again in a minute.",
    "url.closed": "Use a public address, or ask an administrator to allow it with STUDIUM_OUTBOUND_ALLOW.",
    "url.redirects": "Give the address that it leads to in the end.",
    "url.changed": "Try again: the file was changed while it was fetched.",
    "url.not_an_archive": "Bring it as it is, without unpacking.",
    "url.bad_archive": "Ask who made the archive.",
    "url.empty": "Look at the address in a browser.",
    "git.folder_unknown": "Check the folder's name.",
    "git.auth": "Name a secret with a token that may read it, and the user name it belongs to.",
    "git.no_secret": "Set the secret again, or choose another.",
    "git.closed": "Use a public address, or ask an administrator to allow it with STUDIUM_OUTBOUND_ALLOW.",
    "git.not_found": "Check the address; for a private repository name a secret with a token.",
    "git.ref_unknown": "Check the name; a commit is written with all of its 40 digits.",
    "git.disk_full": "Choose a plan with larger workspaces.",
    "git.lfs": "Ask who runs the server; a private repository's large files want the secret that may read it.",
    "import.no_files": "Look at the source.",
    "import.changed": "Try again; what has come is not fetched again.",
    "import.gone": "Try again.",
    "import.deleted": "Make the dataset anew.",
}


def next_step(code: str) -> str:
    if code.startswith(("provider.", "plan.", "outbound.")):  # of which the message says what to do
        return "Then try again; what has come is not fetched again."
    return NEXT_STEPS.get(code, "The run's log says more; try again.")
