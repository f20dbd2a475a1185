"""People who take what they asked for slowly, or never: everybody else is served meanwhile, and they go on where they were."""

import contextlib
import http.client
import socket
from pathlib import Path

import pytest

from factories.datasets import seeded
from running.platform import Platform, wait_for
from studium.client import Client
from studium.client.errors import ApiError
from studium.lib.units import MIB

SIZE = 48 * MIB  # more than the sockets and processes in between hold


def slowly(platform: Platform, path: str) -> tuple[socket.socket, int]:
    """Ask, take the beginning of the answer and no more of it; the connection and the status."""
    wire = socket.create_connection(("127.0.0.1", platform.options.port), timeout=30)
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    head = f"GET {path} HTTP/1.1\r\nHost: {platform.options.platform_host}\r\nAuthorization: Bearer {platform.token}\r\n\r\n"
    wire.sendall(head.encode())
    return wire, int(wire.recv(64).split()[1])


@pytest.mark.parametrize("what", ["files/x.bin", "archive"])
def test_many_slow_downloads_keep_nobody_else_waiting(platform: Platform, tmp_path: Path, what: str) -> None:
    content = seeded(SIZE, 7)
    (tmp_path / "x.bin").write_bytes(content)
    with platform.client() as client, contextlib.ExitStack() as open_ones:
        dataset = client.datasets.create(f"Slow {what}").id
        client.datasets.send(dataset, [("x.bin", tmp_path / "x.bin")])
        path = f"/rest/datasets/{dataset}/versions/1/{what}"
        statuses = []
        for _ in range(3 * platform.options.web_threads):
            wire, status = slowly(platform, path)
            open_ones.callback(wire.close)
            statuses.append(status)
        assert client.datasets.get(dataset).title == f"Slow {what}", "pages and calls are answered at once"
        assert statuses[0] == 200
        # The edge sends a file by itself. An archive takes a thread: some are kept for everybody else.
        assert set(statuses) == ({200} if what != "archive" else {200, 503})
        if what == "archive":
            with Client(platform.url, platform.token, patience=0) as impatient, pytest.raises(ApiError) as said:
                impatient.datasets.archive(dataset, 1, tmp_path / "all.zip")
            assert (said.value.code, said.value.status) == ("download.busy", 503)
        open_ones.close()
        wait_for(lambda: _whole(client, dataset, tmp_path), seconds=30, every=0.2, says="room for another one")


def _whole(client: Client, dataset: str, folder: Path) -> bool:
    try:
        client.datasets.archive(dataset, 1, folder / "whole.zip")
    except (ApiError, http.client.HTTPException):
        return False
    return (folder / "whole.zip").stat().st_size > SIZE
