"""Our side: a whole running Studium, its sessions started and entered as a browser does it, over the edge alone."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from peers.kernels import SECONDS, Jupyter, notebook_file
from running.platform import Platform

MACHINE = "cpu-small"


@dataclass(frozen=True)
class Studium:
    """A running platform with one notebook."""

    platform: Platform
    notebook: str
    filename: str
    session_cookie: str

    name = "Studium"

    @property
    def _base(self) -> str:
        """Loopback, whatever `localhost` resolves to; the Host header says who is meant."""
        return f"http://127.0.0.1:{self.platform.options.port}"

    def _headers(self) -> dict[str, str]:
        return {"Host": self.platform.options.platform_host, "Authorization": f"Bearer {self.platform.token}"}

    async def rest(self, http: aiohttp.ClientSession, method: str, path: str, body: Any = None) -> Any:
        """What the REST API answers; ends the bench where it refuses."""
        async with http.request(method, f"{self._base}/rest{path}", json=body, headers=self._headers()) as answer:
            found = await answer.json() if answer.status != 204 else None
            if not answer.ok:
                raise SystemExit(f"{method} {path}: {answer.status} {found}")
            return found

    async def start(self, http: aiohttp.ClientSession) -> Jupyter:
        """Start a session and enter it; returns when JupyterLab's server answers through the edge."""
        async with asyncio.timeout(SECONDS):
            body = {"kind": "session", "machine": MACHINE}
            run = await self.rest(http, "POST", f"/notebooks/{self.notebook}/start", body)
            await self._until_running(http, run["id"])
            opened = await self.rest(http, "POST", f"/notebooks/{self.notebook}/open")
            jupyter = Jupyter(http, self._base, await self._enter(http, opened["url"]))
        await jupyter.answers()
        return jupyter

    async def _until_running(self, http: aiohttp.ClientSession, run_id: str) -> None:
        """Follow the run's live events, as the editor page does, and look at the run after each."""
        headers = {"Host": self.platform.options.platform_host, "Cookie": self.session_cookie}
        async with http.get(f"{self._base}/events?run={run_id}", headers=headers) as events:
            if events.status != 200:
                raise SystemExit(f"no live events: {events.status}")
            async for line in events.content:
                if not line.startswith(b"data:"):
                    continue
                run = await self.rest(http, "GET", f"/runs/{run_id}")
                if run["state"] == "running":
                    return
                if run["state"] in ("stopping", "ended"):
                    raise SystemExit(f"the session ended: {run['words']}")
        raise SystemExit("the live events ended")

    async def _enter(self, http: aiohttp.ClientSession, url: str) -> dict[str, str]:
        """Trade the one-time address for the content host's cookie; the headers that go with every request there."""
        parts = urlsplit(url)
        here = f"{self._base}{parts.path}?{parts.query}"
        async with http.get(here, headers={"Host": parts.netloc}, allow_redirects=False) as answer:
            cookie = answer.headers.get("Set-Cookie", "").partition(";")[0]
        if answer.status != 303 or not cookie:
            raise SystemExit(f"the content host did not let us in: {answer.status}")
        return {"Host": parts.netloc, "Cookie": cookie}

    async def stop(self, http: aiohttp.ClientSession) -> None:
        """Stop the session and wait until its run has ended and is settled."""
        async with asyncio.timeout(SECONDS):
            await self.rest(http, "POST", f"/notebooks/{self.notebook}/stop")
            while (await self.rest(http, "GET", f"/notebooks/{self.notebook}"))["run"] is not None:
                await asyncio.sleep(0.1)

    def direct(self) -> tuple[str, str]:
        """The unix socket of the running session, and its token: the way in that leaves the edge out."""
        said = self.platform.manage(
            "import json\n"
            "from studium.compute.actions import spec_of\n"
            "from studium.compute.models import Run\n"
            "run = Run.objects.get(state='running')\n"
            "print(json.dumps([run.endpoint, spec_of(run).service.token]))"
        )
        socket, token = json.loads(said)
        return socket, token


def sign_in(platform: Platform, username: str = "admin") -> str:
    """The Cookie header of a signed-in browser."""
    return platform.manage(
        "from django.conf import settings\n"
        "from django.test import Client\n"
        "from studium.accounts.models import User\n"
        "client = Client()\n"
        f"client.force_login(User.objects.get(username={username!r}))\n"
        "name = settings.SESSION_COOKIE_NAME\n"
        "print(f'{name}={client.cookies[name].value}')"
    )


def prepared(platform: Platform) -> Studium:
    """The side with its notebook made."""
    with platform.client() as client:
        notebook = client.notebooks.create("bench", content=json.dumps(notebook_file()).encode())
    return Studium(platform, notebook.id, "notebook.ipynb", sign_in(platform))
