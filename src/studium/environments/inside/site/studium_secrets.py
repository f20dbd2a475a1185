"""The secrets this run was given.

    from studium_secrets import get
    token = get("API_TOKEN")

Each is also the environment variable of its name. Which a notebook gets is set on its page or by `studium secrets attach`.
"""

import os

# As they were when this Python started: what a program does to its variables later changes nothing here.
_given = {name: os.environ[name] for name in os.environ.get("STUDIUM_SECRETS", "").split() if name in os.environ}


class NoSuchSecret(KeyError):
    """This run was not given a secret of the name."""

    def __str__(self) -> str:
        return str(self.args[0])


def names() -> list[str]:
    """The names of the secrets this run was given."""
    return sorted(_given)


def get(name: str) -> str:
    """The secret's value. Raises NoSuchSecret, a KeyError, with what to do."""
    try:
        return _given[name]
    except KeyError:
        has = f"It has {', '.join(names())}." if _given else "It has none."
        raise NoSuchSecret(
            f"This run was not given a secret {name!r}. {has} "
            "What is set while it runs is given at its next start: stop and start it. Else set the notebook to use it, on its page "
            "or with `studium secrets attach`, and start it again."
        ) from None
