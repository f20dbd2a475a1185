"""A client of one Jupyter server, as JupyterLab speaks to it: sessions over HTTP, kernels over a websocket.

The same code, library and protocol for every side, so that a difference is the side's own. Every wait is bounded.
"""

import asyncio
import itertools
import json
import time
import uuid
from typing import Any

import aiohttp

SECONDS = 60.0
PROTOCOL = "v1.kernel.websocket.jupyter.org"
Message = tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]


def notebook_file() -> dict[str, Any]:
    """A small notebook, the same on both sides."""
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cell: dict[str, Any] = {"cell_type": "code", "id": "one", "metadata": {}, "source": "1+1", "outputs": []}
    cell["execution_count"] = None
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernelspec}, "cells": [cell]}


class Jupyter:
    """One Jupyter server at `base` (no slash at the end), asked with `headers`."""

    def __init__(self, http: aiohttp.ClientSession, base: str, headers: dict[str, str]) -> None:
        self._http, self._base, self._headers = http, base, headers

    async def answers(self) -> None:
        """Return once the server answers."""
        async with asyncio.timeout(SECONDS):
            while True:
                async with self._http.get(f"{self._base}/api/status", headers=self._headers) as response:
                    if response.status == 200:
                        return
                await asyncio.sleep(0.02)

    async def open_session(self, path: str) -> str:
        """The id of the kernel of the notebook at `path`; one that runs already is joined."""
        body = {"path": path, "name": path, "type": "notebook", "kernel": {"name": "python3"}}
        async with asyncio.timeout(SECONDS):
            answer = await self._http.post(f"{self._base}/api/sessions", json=body, headers=self._headers)
            async with answer:
                if answer.status != 201:
                    raise SystemExit(f"no session: {answer.status} {(await answer.text())[:300]}")
                return str((await answer.json())["kernel"]["id"])

    async def channels(self, kernel: str) -> "Channels":
        """A websocket to a kernel. Wait for `live` before counting on its output."""
        url = f"{self._base}/api/kernels/{kernel}/channels?session_id={uuid.uuid4()}"
        async with asyncio.timeout(SECONDS):
            websocket = await self._http.ws_connect(
                url, headers=self._headers, protocols=[PROTOCOL], max_msg_size=0, autoping=True
            )
        if websocket.protocol != PROTOCOL:
            raise SystemExit(f"the server does not speak {PROTOCOL}")
        return Channels(websocket)


class Channels:
    """A kernel's channels over one websocket."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse[bool]) -> None:
        self._websocket = websocket
        self._session = uuid.uuid4().hex
        self._numbers = itertools.count()

    async def live(self) -> None:
        """Return once the kernel answers and what it prints arrives here: before that the first output can be lost."""
        async with asyncio.timeout(SECONDS):
            while True:
                sent = await self._send("kernel_info_request", {})
                try:
                    async with asyncio.timeout(0.5):
                        await self._until(sent, {"kernel_info_reply", "idle"})
                        return
                except TimeoutError:
                    continue

    async def first_output(self, code: str) -> str:
        """Execute, and return the first text that is printed, as soon as it is here."""
        async with asyncio.timeout(SECONDS):
            sent = await self._send("execute_request", _cell(code))
            while True:
                channel, header, parent, content = await self._receive()
                if parent.get("msg_id") == sent and channel == "iopub" and header["msg_type"] == "stream":
                    return str(content["text"])

    async def execute(self, code: str) -> float:
        """Milliseconds from the request until the reply, the result and the kernel's `idle` have all come."""
        began = time.perf_counter()
        async with asyncio.timeout(SECONDS):
            sent = await self._send("execute_request", _cell(code))
            await self._until(sent, {"execute_result", "execute_reply", "idle"})
        return (time.perf_counter() - began) * 1000

    async def close(self) -> None:
        await self._websocket.close()

    async def _until(self, sent: str, wanted: set[str]) -> None:
        while wanted:
            _, header, parent, content = await self._receive()
            if parent.get("msg_id") == sent:
                wanted = wanted - {header["msg_type"], content.get("execution_state")}

    async def _send(self, kind: str, content: dict[str, Any]) -> str:
        header = {
            "msg_id": f"{self._session}-{next(self._numbers)}",
            "msg_type": kind,
            "session": self._session,
            "username": "",
            "version": "5.3",
            "date": "2026-01-01T00:00:00Z",
        }
        await self._websocket.send_bytes(packed("shell", header, content))
        return str(header["msg_id"])

    async def _receive(self) -> Message:
        message = await self._websocket.receive()
        if message.type is not aiohttp.WSMsgType.BINARY:
            raise SystemExit(f"the kernel's websocket ended: {message.type!r} {message.data!r}")
        return unpacked(message.data)


def _cell(code: str) -> dict[str, Any]:
    return {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}


def packed(channel: str, header: dict[str, Any], content: dict[str, Any]) -> bytes:
    """One message of the v1 protocol: how many offsets, the offsets, then channel and parts."""
    parts = [channel.encode(), json.dumps(header).encode(), b"{}", b"{}", json.dumps(content).encode()]
    start = 8 * (len(parts) + 2)
    offsets = [start, *itertools.accumulate((len(part) for part in parts), initial=start)][1:]
    numbers = [len(offsets), *offsets]
    return b"".join([*(number.to_bytes(8, "little") for number in numbers), *parts])


def unpacked(data: bytes) -> Message:
    """Channel, header, parent header and content of a message of the v1 protocol."""
    count = int.from_bytes(data[:8], "little")
    at = [int.from_bytes(data[8 * n : 8 * n + 8], "little") for n in range(1, count + 1)]
    parts = [data[begin:end] for begin, end in itertools.pairwise(at)]
    return parts[0].decode(), json.loads(parts[1]), json.loads(parts[2]), json.loads(parts[4])
