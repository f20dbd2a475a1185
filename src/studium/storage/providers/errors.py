"""Refusals of providers, and what a server's answer means. None of them carries a credential."""

from enum import StrEnum

from studium.errors import BadInput, NotFound, NotYet, Refused, StudiumError
from studium.storage.providers.states import MOST_OF_A_TEAM


class Trouble(StrEnum):
    """Why a provider did not do what it was asked. The codes are stable."""

    NAME_UNKNOWN = "provider.name_unknown"
    CLOSED = "provider.closed"
    CONNECTION_REFUSED = "provider.connection_refused"
    UNREACHABLE = "provider.unreachable"
    TIMEOUT = "provider.timeout"
    TLS = "provider.tls"
    ENDPOINT_WRONG = "provider.endpoint_wrong"
    BUCKET_UNKNOWN = "provider.bucket_unknown"
    KEY_UNKNOWN = "provider.key_unknown"
    SIGNATURE_WRONG = "provider.signature_wrong"
    CREDENTIALS_NEEDED = "provider.credentials_needed"
    CLOCK = "provider.clock"
    REGION_WRONG = "provider.region_wrong"
    NO_LIST = "provider.no_list"
    NO_READ = "provider.no_read"
    NO_WRITE = "provider.no_write"
    NO_REMOVE = "provider.no_remove"
    AWAY = "provider.away"
    LISTING_UNREADABLE = "provider.listing_unreadable"


# What is said, and the next step. `{where}` is the host, `{more}` what the server told beside, where that helps.
_SAID: dict[Trouble, tuple[str, str]] = {
    Trouble.NAME_UNKNOWN: ("The name {where} does not resolve.", "Check the endpoint for a typing error."),
    Trouble.CLOSED: (
        "{where} is an address of this machine, of a private network or of no use.",
        "Use a public address, or ask an administrator to allow it with STUDIUM_OUTBOUND_ALLOW.",
    ),
    Trouble.CONNECTION_REFUSED: (
        "Nothing listens at {where}: the connection was refused.",
        "Check the endpoint's port, and that the server runs.",
    ),
    Trouble.UNREACHABLE: ("{where} cannot be reached: {more}.", "Check the endpoint, and the network between."),
    Trouble.TIMEOUT: ("{where} did not answer in time.", "Check the endpoint, or try again when it is less busy."),
    Trouble.TLS: (
        "No secure connection to {where}: {more}.",
        "Check the certificate of the server, or write the endpoint with http:// if it has none.",
    ),
    Trouble.ENDPOINT_WRONG: (
        "{where} does not answer as this kind of storage does ({more}).",
        "Check the endpoint: it is the address of the server without the bucket.",
    ),
    Trouble.BUCKET_UNKNOWN: ("The server has no such bucket.", "Check the name: capital letters matter."),
    Trouble.KEY_UNKNOWN: (
        "The server does not know the key id, or the service account.",
        "Check the secret that holds the key id; of Google Cloud, the one with the account's key.",
    ),
    Trouble.SIGNATURE_WRONG: (
        "The server does not accept the key: it is wrong, or belongs to another key id.",
        "Set the secret with the key again; some servers say this of an unknown key id too.",
    ),
    Trouble.CREDENTIALS_NEEDED: ("The server wants credentials.", "Name the secrets that hold them."),
    Trouble.CLOCK: (
        "The server's clock and this machine's are too far apart.",
        "Ask an administrator to set this machine's clock, or set the server's.",
    ),
    Trouble.REGION_WRONG: ("The bucket is in another region{more}.", "Set that region."),
    Trouble.NO_LIST: (
        "These credentials may not list the bucket.",
        "Give them the right to list (s3:ListBucket; storage.objects.list of Google), or name the prefix they are for.",
    ),
    Trouble.NO_READ: (
        "These credentials may not read files.",
        "Give them the right to read (s3:GetObject; storage.objects.get of Google).",
    ),
    Trouble.NO_WRITE: (
        "These credentials may not write files.",
        "Give them the right to write (s3:PutObject; storage.objects.create of Google), or set the provider to read only.",
    ),
    Trouble.NO_REMOVE: (
        "These credentials may not delete files.",
        "Give them the right to delete (s3:DeleteObject; storage.objects.delete of Google), or set the provider to read only.",
    ),
    Trouble.AWAY: ("The server is out of order or too busy ({more}).", "Try again in a few minutes."),
    Trouble.LISTING_UNREADABLE: (
        "The server's list of files cannot be read: {more}.",
        "Name a prefix without it, or give the files other names.",
    ),
}
_PASSING = frozenset({Trouble.TIMEOUT, Trouble.AWAY, Trouble.UNREACHABLE, Trouble.CONNECTION_REFUSED})


def trouble(kind: Trouble, where: str = "", more: str = "") -> StudiumError:
    """The error for people. What passes by itself is NotYet."""
    said, step = _SAID[kind]
    whole = NotYet if kind in _PASSING else Refused
    return whole(kind.value, said.format(where=where, more=more), step)


def unknown(name: str) -> NotFound:
    return NotFound(
        "provider.unknown", f"There is no provider {name!r} here.", "`studium storage providers list` shows a team's."
    )


def no_file(path: str) -> NotFound:
    return NotFound("provider.no_file", f"There is no file {path!r}.", "Look through the folder it should be in.")


def bad_path(path: str) -> BadInput:
    return BadInput(
        "provider.bad_path",
        f"{path[:200]!r} is no path of a file.",
        "Write it with / between folders, without empty parts, . and .. .",
    )


def bad_name() -> BadInput:
    return BadInput(
        "provider.bad_name",
        "A provider's name has small letters, digits and hyphens, and at most 40 of them.",
        "Choose one like training-data.",
    )


def name_taken(name: str) -> Refused:
    return Refused("provider.name_taken", f"The team has a provider {name} already.", "Choose another name.")


def too_many() -> Refused:
    return Refused(
        "provider.too_many",
        f"The team has {MOST_OF_A_TEAM} providers already, which is the most.",
        "Remove those that nobody uses.",
        {"limit": MOST_OF_A_TEAM},
    )


def missing(field: str, why: str) -> BadInput:
    return BadInput("provider.incomplete", why, f"Give {field}.", {"field": field})


def read_only(name: str) -> Refused:
    return Refused(
        "provider.read_only", f"{name} is set to be read only.", "Set it to be written as well, if it may be."
    )


def secret_missing(name: str) -> Refused:
    return Refused(
        "provider.secret_missing",
        f"The team has no secret {name}, which this provider is opened with.",
        "Set that secret of the team, or name another one.",
        {"secret": name},
    )


def secret_unfit(name: str, why: str) -> Refused:
    return Refused("provider.secret_unfit", f"The secret {name} {why}.", "Set it again.", {"secret": name})
