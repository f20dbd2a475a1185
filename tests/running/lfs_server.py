"""A git server that keeps large files apart, as the public specification of Git LFS's batch API has it."""

import json
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from running.git_server import GitServer

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n"
KIND = "application/vnd.git-lfs+json"


class LfsServer(GitServer):
    """`keep` takes a content and gives its pointer. `told` replaces what the batch API says of an object, by its oid.

    A file is given to who has the header that the batch API told; `breaks` are how many bytes the next answers have.
    """

    def __init__(self, folder: Path) -> None:
        self.contents: dict[str, bytes] = {}
        self.told: dict[str, dict[str, Any]] = {}
        self.batches: list[dict[str, Any]] = []
        self.batch_status = 200
        self.served: list[tuple[str, str, str]] = []
        self.breaks: list[int] = []
        super().__init__(folder)

    def keep(self, content: bytes) -> str:
        oid = sha256(content).hexdigest()
        self.contents[oid] = content
        return POINTER.format(oid=oid, size=len(content))

    def href(self, oid: str) -> str:
        return f"http://{self.entry}/large/{oid}"

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        if request.path.startswith("/large/"):
            return self._give(request)
        if not request.path.endswith("/info/lfs/objects/batch"):
            return super()._answer(request)
        if not self._let_in(request):
            return None
        assert request.headers["Content-Type"] == request.headers["Accept"] == KIND
        asked = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        self.batches.append(asked | {"authorization": request.headers.get("Authorization", "")})
        assert asked["operation"] == "download"
        assert len(asked["objects"]) <= 100
        found = [self._told(each) for each in asked["objects"]]
        return _send(request, self.batch_status, json.dumps({"transfer": "basic", "objects": found}).encode())

    def _told(self, each: dict[str, Any]) -> dict[str, Any]:
        oid = each["oid"]
        if oid in self.told:
            return each | self.told[oid]
        if oid not in self.contents:
            return each | {"error": {"code": 404, "message": "Object does not exist"}}
        header = {"Authorization": f"RemoteAuth {oid[:8]}", "Bad name": "x", "X-Line": "a\nb"}
        return each | {"actions": {"download": {"href": self.href(oid), "header": header}}}

    def _give(self, request: BaseHTTPRequestHandler) -> None:
        oid = request.path.rpartition("/")[2]
        given, ranged = request.headers.get("Authorization", ""), request.headers.get("Range", "")
        self.served.append((oid, given, ranged))
        assert not request.headers.get("X-Line")
        if given != f"RemoteAuth {oid[:8]}":
            return _send(request, 403, b"no")
        content = self.contents[oid]
        first = int(ranged.removeprefix("bytes=").rstrip("-")) if ranged else 0
        headers = {"ETag": f'"{oid[:9]}"', "Accept-Ranges": "bytes"}
        if first:
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        most = self.breaks.pop(0) if self.breaks else len(content)
        return _send(request, 206 if first else 200, content[first:], headers, most)


def _send(
    request: BaseHTTPRequestHandler,
    status: int,
    body: bytes,
    headers: dict[str, str] | None = None,
    most: int = 1 << 30,
) -> None:
    request.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body[:most])
