"""Refusals of secrets. None of them carries a value."""

from studium.errors import BadInput, Broken, NotFound, Refused
from studium.lib.units import size_words
from studium.secrets.states import MOST_ATTACHED, MOST_IN_A_SCOPE, NAME_LENGTH, VALUE_BYTES


def bad_name() -> BadInput:
    # The name is not repeated: people now and then paste the value into the wrong field.
    return BadInput(
        "secret.bad_name",
        f"A secret's name has capital letters, digits and underscores, begins with no digit and is at most {NAME_LENGTH} long.",
        "Choose a name like API_TOKEN.",
    )


def reserved_name(name: str) -> BadInput:
    return BadInput(
        "secret.reserved_name",
        f"{name} is a variable that the platform or programs use themselves.",
        "Choose another name, such as MY_" + name[:60] + ".",
        {"name": name},
    )


def bad_value(why: str) -> BadInput:
    return BadInput("secret.bad_value", f"The value {why}.", f"Give text of 1 byte to {size_words(VALUE_BYTES)}.")


def unknown(name: str) -> NotFound:
    return NotFound(
        "secret.unknown",
        f"There is no secret {name!r} here.",
        "`studium secrets list` shows those of a team, with --notebook those of a notebook.",
    )


def too_many() -> Refused:
    return Refused(
        "secret.too_many",
        f"There are {MOST_IN_A_SCOPE} secrets here already, which is the most.",
        "Delete those that nobody uses.",
        {"limit": MOST_IN_A_SCOPE},
    )


def too_many_attached() -> Refused:
    return Refused(
        "secret.too_many_attached",
        f"A notebook can use {MOST_ATTACHED} secrets at most.",
        "Detach those it does not need.",
        {"limit": MOST_ATTACHED},
    )


def key_missing(key: str) -> Broken:
    return Broken(
        "secret.key_missing",
        f"The key {key} that secrets are sealed with is not in the home folder.",
        f"Put keys/secrets-{key} back from a backup, or set the secrets again.",
        {"key": key},
    )


def unreadable(name: str) -> Broken:
    return Broken(
        "secret.unreadable",
        f"The secret {name} cannot be opened with its key: one of them was changed.",
        "Set the secret again.",
        {"name": name},
    )
