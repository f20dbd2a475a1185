"""Providers of Google Cloud Storage and Azure for tests: of servers on loopback, with credentials as secrets of the team."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from factories.accounts import NOW
from running.azurite import Azurite, running_azurite
from running.gcs import Gcs, running_gcs
from studium.accounts.models import Team, User
from studium.config.options import options
from studium.secrets import actions as secrets
from studium.secrets.access import Place
from studium.storage.providers import actions, google
from studium.storage.providers.actions import Wanted
from studium.storage.providers.models import Provider
from studium.storage.providers.states import Kind


@pytest.fixture(scope="module")
def gcs() -> Iterator[Gcs]:
    with running_gcs() as server:
        yield server


@pytest.fixture(scope="module")
def azurite() -> Iterator[Azurite]:
    with running_azurite() as server:
        yield server


def ask_for_tokens_at(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """As with STUDIUM_GOOGLE_TOKEN_URL, and with no token known."""
    chosen = options().model_copy(update={"google_token_url": url})
    monkeypatch.setattr(google, "options", lambda: chosen)
    google._known.clear()


def set_key(owner: User, team: Team, value: str) -> None:
    secrets.set_secret(owner, Place(team), "CLOUD_KEY", value, now=NOW)


def cloud_provider(owner: User, team: Team, server: Gcs | Azurite, bucket: str, **more: Any) -> Provider:
    """A bucket that may be written; its key is the secret CLOUD_KEY."""
    given: dict[str, Any] = (
        {"kind": Kind.GCS} if isinstance(server, Gcs) else {"kind": Kind.AZURE, "account": server.account}
    )
    wanted = Wanted(bucket=bucket, endpoint=server.endpoint, key_secret="CLOUD_KEY", writable=True, **given)
    return actions.make_provider(owner, team, "lab", replace(wanted, **more), now=NOW)
