"""`Client`: the server's nouns as attributes, each with the verbs of the REST API."""

from typing import Any, TypeVar

from studium import __version__
from studium.client.admin import Admin
from studium.client.calls import Calls
from studium.client.community import Bookmarks, Notifications, People
from studium.client.datasets import Datasets
from studium.client.environments import Environments
from studium.client.notebooks import Notebooks
from studium.client.providers import Providers
from studium.client.runs import Runs
from studium.client.secrets import Secrets
from studium.client.shapes import Machine, MachineType, Me, QueueEntry, Usage
from studium.client.storage import TeamStorage
from studium.client.teams import Plans, Teams, Tokens
from studium.client.transport import Transport
from studium.client.volumes import Volumes

Self = TypeVar("Self", bound="Client")
PATIENCE_SECONDS = 3.0


class Client:
    """A server and a token. `patience` bounds, in seconds, how long a call is repeated when nobody answers.

    Only calls that can be repeated without harm are, and those that never reached the server.
    """

    def __init__(self, url: str, token: str = "", *, patience: float = PATIENCE_SECONDS) -> None:
        self._transport = Transport(url, token, patience=patience, agent=f"studium/{__version__}")
        self._calls = Calls(self._transport)
        self.notebooks = Notebooks(self._calls)
        self.datasets = Datasets(self._calls)
        self.runs = Runs(self._calls)
        self.teams = Teams(self._calls)
        self.storage = TeamStorage(self._calls)
        self.secrets = Secrets(self._calls)
        self.providers = Providers(self._calls)
        self.tokens = Tokens(self._calls)
        self.environments = Environments(self._calls)
        self.volumes = Volumes(self._calls)
        self.plans = Plans(self._calls)
        self.people = People(self._calls)
        self.notifications = Notifications(self._calls)
        self.bookmarks = Bookmarks(self._calls)
        self.admin = Admin(self._calls)

    @property
    def url(self) -> str:
        """The server's address."""
        return self._transport.url

    @property
    def patience(self) -> float:
        return self._transport.patience

    @patience.setter
    def patience(self, seconds: float) -> None:
        self._transport.patience = seconds

    def close(self) -> None:
        """Close the connections. The client can be used again."""
        self._transport.close()

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def me(self) -> Me:
        """Who the token belongs to."""
        return self._calls.get(Me, "/rest/me")

    def machine_types(self, team: str = "") -> list[MachineType]:
        """Machine types, with what is free and whether the team may use them."""
        return self._calls.get(list[MachineType], "/rest/machines/types", team=team)

    def machines(self) -> list[Machine]:
        """The machines there are."""
        return self._calls.get(list[Machine], "/rest/machines")

    def queue(self) -> list[QueueEntry]:
        """What waits for a machine."""
        return self._calls.get(list[QueueEntry], "/rest/queue")

    def usage(self, team: str = "", days: int = 30) -> Usage:
        """Allowances and charges of a team."""
        return self._calls.get(Usage, "/rest/usage", team=team, days=days)
