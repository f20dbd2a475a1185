"""A git server that keeps large files apart, as the public specification of Git LFS's batch API has it."""

import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from running.git_server import GitServer, body_of

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n"
KIND = "application/vnd.git-lfs+json"


@dataclass
class Put:
    """A content that came, or some of it."""

    oid: str
    authorization: str
    kind: str
    chunked: bool
    size: int


class LfsServer(GitServer):
    """`keep` takes a content and gives its pointer. `told` replaces what the batch API says of an object, by its oid.

    A file is given to who has the header that the batch API told; `breaks` are how many bytes the next answers have. What is
    sent is kept in `contents` once its digest and size are right, and `verified` if it `verifies`. `put_answers` come in place
    of the next answers to what is sent: a status with the server's words, or None to break off without one. `put_breaks` are
    how many bytes of the next ones are read before that. `store` is another server that keeps the contents for this one.
    `on_put` is called as a content begins to come, `on_push` as commits do.
    """

    def __init__(self, folder: Path, tls: ssl.SSLContext | None = None) -> None:
        self.contents: dict[str, bytes] = {}
        self.told: dict[str, dict[str, Any]] = {}
        self.batches: list[dict[str, Any]] = []
        self.batch_status, self.batch_words = 200, ""
        self.served: list[tuple[str, str, str]] = []
        self.breaks: list[int] = []
        self.puts: list[Put] = []
        self.put_answers: list[tuple[int, str] | None] = []
        self.put_breaks: list[int] = []
        self.chunks = False
        self.leads: Callable[[str], str] | None = None
        self.verifies, self.verified, self.verify_answers = False, list[str](), list[int]()
        self.sizes: dict[str, int] = {}
        self.store: LfsServer = self
        self.on_put: Callable[[str], None] = lambda oid: None
        self.on_push: Callable[[], None] = lambda: None
        super().__init__(folder, tls)

    def keep(self, content: bytes) -> str:
        pointer = pointer_of(content)
        self.contents[oid_of(pointer)] = content
        return pointer

    def href(self, oid: str) -> str:
        return f"{self.origin}/large/{oid}"

    def asked_for(self, operation: str) -> list[dict[str, Any]]:
        return [batch for batch in self.batches if batch["operation"] == operation]

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        if request.path.startswith("/large/"):
            return self._take(request) if request.command == "PUT" else self._give(request)
        if request.path.startswith("/verify/"):
            return self._verify(request)
        if request.path.endswith("/info/refs?service=git-receive-pack"):
            self.on_push()
        if not request.path.endswith("/info/lfs/objects/batch"):
            return super()._answer(request)
        if not self._let_in(request):
            return None
        assert request.headers["Content-Type"] == request.headers["Accept"] == KIND
        asked = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        self.batches.append(asked | {"authorization": request.headers.get("Authorization", "")})
        assert len(asked["objects"]) <= 100
        if self.batch_status != 200:
            return _send(request, self.batch_status, json.dumps({"message": self.batch_words}).encode())
        told = {"download": self._told, "upload": self._told_upload}[asked["operation"]]
        found = [told(each) for each in asked["objects"]]
        return _send(request, 200, json.dumps({"transfer": "basic", "objects": found}).encode())

    def _told(self, each: dict[str, Any]) -> dict[str, Any]:
        oid = each["oid"]
        if oid in self.told:
            return each | self.told[oid]
        if oid not in self.store.contents:
            return each | {"error": {"code": 404, "message": "Object does not exist"}}
        header = {"Authorization": f"RemoteAuth {oid[:8]}", "Bad name": "x", "X-Line": "a\nb"}
        return each | {"actions": {"download": {"href": self.store.href(oid), "header": header}}}

    def _told_upload(self, each: dict[str, Any]) -> dict[str, Any]:
        oid = each["oid"]
        if oid in self.told:
            return each | self.told[oid]
        if oid in self.store.contents:
            return each
        self.store.sizes[oid] = each["size"]
        header = {
            "Authorization": f"RemoteAuth {oid[:8]}",
            "X-Line": "a\nb",
            "Content-Length": "1",
            "Host": "example.org",
        }
        if self.chunks:
            header["Transfer-Encoding"] = "chunked"
        actions = {"upload": {"href": self.store.href(oid), "header": header}}
        if self.verifies:
            header = {"Authorization": f"VerifyAuth {oid[:8]}"}
            actions["verify"] = {"href": f"{self.origin}/verify/{oid}", "header": header}
        return each | {"actions": actions}

    def _take(self, request: BaseHTTPRequestHandler) -> None:
        oid, headers = request.path.rpartition("/")[2], request.headers
        assert headers["Host"] == self.entry, "whatever the action says of it"
        assert not headers.get("X-Line")
        self.on_put(oid)
        most = self.put_breaks.pop(0) if self.put_breaks else None
        chunked = headers.get("Transfer-Encoding", "") == "chunked"
        body = body_of(request) if most is None else request.rfile.read(most)
        put = Put(oid, headers.get("Authorization", ""), headers.get("Content-Type", ""), chunked, len(body))
        self.puts.append(put)
        if self.leads:
            return _send(request, 307, b"", {"Location": self.leads(oid)})
        if self.put_answers:
            if told := self.put_answers.pop(0):
                _send(request, told[0], json.dumps({"message": told[1]}).encode())
                if most is not None:  # it has said enough, and hears the rest out, as servers do that want to be heard
                    request.connection.shutdown(1)
                    request.rfile.read()
            return None
        if put.authorization != f"RemoteAuth {oid[:8]}":
            return _send(request, 403, b"{}")
        if sha256(body).hexdigest() != oid or len(body) != self.sizes[oid]:
            return _send(request, 422, b'{"message": "It is not what was announced"}')
        self.contents[oid] = body
        return _send(request, 200, b"")

    def _verify(self, request: BaseHTTPRequestHandler) -> None:
        said, oid = json.loads(body_of(request)), request.path.rpartition("/")[2]
        if self.verify_answers and (status := self.verify_answers.pop(0)) != 200:
            return _send(request, status, b'{"message": "It has not arrived"}')
        fits = request.headers.get("Authorization") == f"VerifyAuth {oid[:8]}" and said["oid"] == oid
        if not fits or said["size"] != len(self.store.contents.get(oid, b"")):
            return _send(request, 404, b"{}")
        self.verified.append(oid)
        return _send(request, 200, b"{}")

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


def pointer_of(content: bytes) -> str:
    return POINTER.format(oid=sha256(content).hexdigest(), size=len(content))


def oid_of(pointer: str) -> str:
    return pointer.partition("sha256:")[2][:64]


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
