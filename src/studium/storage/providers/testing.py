"""Test a provider: each step of using it, with what is wrong and what to do, within ten seconds."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from studium.accounts.access import require
from studium.accounts.models import User
from studium.accounts.states import Role
from studium.errors import StudiumError
from studium.lib.ids import new_id
from studium.storage.providers import actions, reach
from studium.storage.providers.errors import Trouble, trouble
from studium.storage.providers.models import Provider
from studium.storage.providers.opening import opened, target_of
from studium.storage.providers.remote import Remote
from studium.storage.providers.states import TEST_SECONDS, Kind


class Step(StrEnum):
    """What is tried, in this order."""

    SECRETS = "secrets"
    CONNECT = "connect"
    LIST = "list"
    READ = "read"
    WRITE = "write"


@dataclass(frozen=True)
class Tried:
    """One step. Without `error` it went well; `note` says what was found."""

    step: Step
    note: str = ""
    error: StudiumError | None = None


@dataclass
class _Test:
    """A test under way; `done` grows, `now` is the step it is at."""

    provider: Provider
    done: list[Tried]
    now: Step = Step.SECRETS


def run_test(actor: User, provider: Provider, *, now: datetime, seconds: float = TEST_SECONDS) -> list[Tried]:
    """Try it, step by step, and keep how it went. It ends at the first step that fails. Not inside a transaction."""
    require(actor, provider.team, Role.MEMBER)
    test = _Test(provider, [])
    try:
        remote = opened(provider, seconds=3.0, retries=0)
    except StudiumError as error:
        test.done.append(Tried(Step.SECRETS, error=error))
    else:
        test.done.append(Tried(Step.SECRETS, _secret_words(provider)))
        _within(seconds, test, remote)
    failed = next((each.error for each in test.done if each.error), None)
    actions.note_test(provider, failed.code if failed else "", now=now)
    return test.done


def _within(seconds: float, test: _Test, remote: Remote) -> None:
    """In a thread, as a server that drips would hold us up; what it is at when the time is over has failed."""
    working = threading.Thread(target=_go, args=(test, remote), daemon=True)
    test.now = Step.CONNECT
    working.start()
    working.join(seconds)
    if working.is_alive():
        late = Tried(test.now, error=trouble(Trouble.TIMEOUT, target_of(test.provider).netloc))
        test.done = [*test.done, late]  # what comes in after all is of another list


def _go(test: _Test, remote: Remote) -> None:
    done = test.done
    for step, does in _steps(test.provider, remote):
        test.now = step
        try:
            done.append(Tried(step, does()))
        except StudiumError as error:
            done.append(Tried(step, error=error))
            return


def _steps(provider: Provider, remote: Remote) -> Iterator[tuple[Step, Callable[[], str]]]:
    first: list[str] = []

    def listed() -> str:
        found = remote.folder("", limit=20).entries
        first.extend(each.path for each in found if not each.folder)
        return f"{len(found)} entries" if len(found) < 20 else "20 entries or more"

    def read() -> str:
        if not first:
            return "There is no file at the top to read, so reading was not tried."
        began = time.monotonic()
        remote.stat(first[0])
        got = sum(len(piece) for piece in remote.read(first[0], 0, 1)) if remote.stat(first[0]).size != 0 else 0
        return f"{first[0]}: {got} byte read in {(time.monotonic() - began) * 1000:.0f} ms"

    yield Step.CONNECT, lambda: _connected(provider)
    yield Step.LIST, listed
    yield Step.READ, read
    if provider.writable:
        yield Step.WRITE, lambda: _written(remote)


def _connected(provider: Provider) -> str:
    target = target_of(provider)
    began = time.monotonic()
    reach.check(target, 3.0)
    return f"{target.netloc} in {(time.monotonic() - began) * 1000:.0f} ms"


def _written(remote: Remote) -> str:
    name = f".studium-test-{new_id()}"
    remote.write(name, [b"A test of the right to write. It can be deleted.\n"])
    remote.remove(name)
    return f"{name} was written and deleted again."


def _secret_words(provider: Provider) -> str:
    names = [name for name in (provider.key_id_secret, provider.key_secret) if name]
    if not names:
        return "None are named: it is asked without credentials."
    return f"{' and '.join(names)} can be opened." if provider.kind != Kind.HTTP else f"{names[0]} can be opened."
