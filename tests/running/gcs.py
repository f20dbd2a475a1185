"""A server for tests of Google Cloud Storage, with the token service beside it, on loopback.

Its JSON interface and its store are fake-gcs-server (requirements/gcs.txt), which lets everybody in and knows half of the XML
interface. What stands before it is ours and follows the public documentation: accounts with keys and rights, tokens that
are looked at, the XML interface and its errors (`running.gcs_xml`). It is not Google's: it shows that requests are formed as
documented, and that the answers documented are understood.
"""

import base64
import contextlib
import json
import re
import secrets
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from running.gcs_xml import Xml
from running.locked import environment
from running.program import running_program

LIST, GET, CREATE, DELETE = (f"storage.objects.{each}" for each in ("list", "get", "create", "delete"))
ALL = frozenset({LIST, GET, CREATE, DELETE})
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_SCOPES = {
    f"https://www.googleapis.com/auth/{name}": rights
    for name, rights in {
        "devstorage.read_only": frozenset({LIST, GET}),
        "devstorage.read_write": ALL,
        "devstorage.full_control": ALL,
        "cloud-platform": ALL,
    }.items()
}
_TIMEFRAME = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp "
    "values in the JWT claim."
)
_SECONDS = 30
_JSON = re.compile(r"(?:/download)?/storage/v1/b/([^/]+)/o(?:/(.+))?")


@dataclass
class Account:
    """A service account: its key, and what it may in which bucket."""

    email: str
    key: rsa.RSAPrivateKey
    key_id: str
    rights: dict[str, frozenset[str]]

    @property
    def file(self) -> str:
        """Its key as Google hands it out, with addresses that nobody is to follow."""
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        told = {
            "type": "service_account",
            "project_id": "lab",
            "private_key_id": self.key_id,
            "private_key": self.key.private_bytes(*form).decode(),
            "client_email": self.email,
            "client_id": "1",
            "auth_uri": "http://127.0.0.1:1/",
            "token_uri": "http://127.0.0.1:1/",
        }
        return json.dumps(told, indent=2)


@dataclass
class Gcs:
    """A running one. `asked` is what was asked for, as `GET /bucket?list-type=2`.

    `clock` runs ahead of ours by so much; a part of a list has `page` entries.
    """

    endpoint: str
    inside: str
    accounts: dict[str, Account] = field(default_factory=dict)
    tokens: dict[str, tuple[str, frozenset[str]]] = field(default_factory=dict)
    public: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    clock: float = 0.0
    page: int = 1000

    @property
    def token_url(self) -> str:
        return f"{self.endpoint}/token"

    def make_bucket(self, name: str) -> None:
        self.put_json("/storage/v1/b?project=lab", json.dumps({"name": name}).encode(), "application/json")

    def account(self, email: str, bucket: str, rights: frozenset[str] = ALL) -> Account:
        """Make one that has rights in the bucket, or give it these."""
        known = self.accounts.get(email)
        if known is None:
            known = Account(email, rsa.generate_private_key(65537, 2048), secrets.token_hex(20), {})
            self.accounts[email] = known
        known.rights[bucket] = rights
        return known

    def put_json(self, path: str, body: bytes, kind: str) -> dict[str, Any]:
        """Past all checks, to the server behind."""
        request = urllib.request.Request(self.inside + path, body, {"Content-Type": kind}, method="POST")
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            return dict(json.load(answer))

    def put(self, bucket: str, name: str, body: bytes, encoding: str = "") -> dict[str, Any]:
        path = (
            f"/upload/storage/v1/b/{bucket}/o?uploadType=media&name={quote(name, safe='')}&contentEncoding={encoding}"
        )
        return self.put_json(path, body, "application/octet-stream")

    def names(self, bucket: str) -> list[dict[str, Any]]:
        """All objects of a bucket, by name, as the JSON interface tells of them. Raises KeyError where there is none."""
        try:
            with urllib.request.urlopen(f"{self.inside}/storage/v1/b/{bucket}", timeout=_SECONDS):
                pass
        except urllib.error.HTTPError as error:
            error.close()
            raise KeyError(bucket) from None
        found, page = list[dict[str, Any]](), ""
        while True:
            with urllib.request.urlopen(
                f"{self.inside}/storage/v1/b/{bucket}/o?pageToken={page}", timeout=30
            ) as answer:
                told = json.load(answer)
            found += told.get("items", [])
            page = quote(told.get("nextPageToken", ""), safe="")
            if not page:
                return sorted(found, key=lambda each: str(each["name"]).encode())

    def exchanged(self, asked: Mapping[str, list[str]]) -> tuple[int, dict[str, Any]]:
        """The token service: what it answers to a form."""

        def refused(words: str, error: str = "invalid_grant") -> tuple[int, dict[str, Any]]:
            return 400, {"error": error, "error_description": words}

        if asked.get("grant_type") != [_GRANT]:
            return refused("Invalid grant_type", "unsupported_grant_type")
        head, claims, signature = asked["assertion"][0].split(".")
        told = json.loads(_unpacked(claims))
        account = self.accounts.get(told["iss"])
        if account is None:
            return refused("Invalid grant: account not found")
        try:
            public = account.key.public_key()
            public.verify(_unpacked(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return refused("Invalid JWT Signature.")
        if json.loads(_unpacked(head)).get("alg") != "RS256" or told["aud"] != self.token_url:
            return refused("Invalid JWT: Failed audience check.")
        now = time.time() + self.clock
        if not (now - 600 < told["iat"] < now + 600 and now < told["exp"] <= told["iat"] + 3600):
            return refused(_TIMEFRAME)
        rights = frozenset[str]().union(*(_SCOPES.get(scope, frozenset()) for scope in told.get("scope", "").split()))
        if not rights:
            return refused("Invalid OAuth scope or ID token audience provided.", "invalid_scope")
        token = f"ya29.{secrets.token_urlsafe(40)}"
        self.tokens[token] = (account.email, rights)
        return 200, {"access_token": token, "expires_in": 3599, "token_type": "Bearer"}

    def may(self, header: str | None, bucket: str, right: str) -> str:
        """Empty where the request may; else `unknown` for a token that is none, or who it is that lacks the right."""
        if header is None:
            return "" if bucket in self.public and right in (LIST, GET) else "Anonymous caller"
        found = self.tokens.get(header.removeprefix("Bearer ")) if header.startswith("Bearer ") else None
        if found is None:
            return "unknown"
        email, scope = found
        allowed = right in scope and right in self.accounts[email].rights.get(bucket, ())
        return "" if allowed else email


@contextlib.contextmanager
def running_gcs() -> Iterator[Gcs]:
    """Start it, with a store in memory; stopped at the end."""
    (program,) = (environment("gcs") / "lib").glob(
        "python*/site-packages/*/vendor/fake-gcs-server/bin/fake-gcs-server-*"
    )
    program.chmod(0o755)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Front)
    address = f"http://127.0.0.1:{server.server_port}"
    told = ["-backend", "memory", "-scheme", "http", "-host", "127.0.0.1"]
    command = [str(program), *told, "-public-host", "127.0.0.1", "-port", str(_free_port())]
    with running_program(command, r"server started at (http://[\d.:]+)") as inside:
        gcs = Gcs(address, inside)
        server.gcs, server.xml = gcs, Xml(gcs)  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield gcs
        finally:
            server.shutdown()
            server.server_close()


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class _Front(BaseHTTPRequestHandler):
    """What is asked from outside."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        pass

    def _any(self) -> None:
        gcs: Gcs = self.server.gcs  # type: ignore[attr-defined]
        gcs.asked.append(f"{self.command} {self.path}")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        if parts.path == "/token" and self.command == "POST":
            status, told = gcs.exchanged(parse_qs(body.decode()))
            self.answer(status, {"Content-Type": "application/json"}, json.dumps(told).encode())
        elif found := _JSON.fullmatch(parts.path):
            self._as_json(gcs, found[1], found[2])
        elif parts.path.startswith(("/storage/", "/upload/", "/download/")):
            self.answer(404, {}, b"not among what tests need")
        else:
            bucket, _, name = parts.path[1:].partition("/")
            headers = {key.lower(): value for key, value in self.headers.items()}
            xml: Xml = self.server.xml  # type: ignore[attr-defined]
            self.answer(*xml.answer(self.command, unquote(bucket), unquote(name), query, headers, body))

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _any  # noqa: N815

    def _as_json(self, gcs: Gcs, bucket: str, name: str | None) -> None:
        """Reading alone: what mounts a bucket asks so."""
        who = gcs.may(self.headers.get("Authorization"), bucket, GET if name else LIST)
        if self.command != "GET":
            return self.answer(405, {}, b"")
        if not who:
            return self.answer(*passed_on(gcs, self.command, self.path, dict(self.headers.items())))
        status = 401 if who in ("unknown", "Anonymous caller") else 403
        words = "Invalid Credentials" if who == "unknown" else f"{who} does not have access to the bucket."
        reason = {"domain": "global", "reason": "authError" if status == 401 else "forbidden", "message": words}
        told = {"error": {"code": status, "message": words, "errors": [reason]}}
        return self.answer(status, {"Content-Type": "application/json"}, json.dumps(told).encode())

    def answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204 and "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def passed_on(gcs: Gcs, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
    """What the server behind answers."""
    where = urlsplit(gcs.inside)
    # Where a file is to be read is told by the name that was asked at.
    host = urlsplit(gcs.endpoint).netloc
    sent = {name.lower(): value for name, value in headers.items() if name.lower() in ("range", "accept-encoding")}
    with contextlib.closing(HTTPConnection(str(where.hostname), where.port, timeout=_SECONDS)) as connection:
        connection.request(method, path, headers={"Host": host, "accept-encoding": "identity", **sent})
        answer = connection.getresponse()
        kept = {name: value for name, value in answer.getheaders() if name not in ("Date", "Transfer-Encoding")}
        return answer.status, kept, answer.read()


def _unpacked(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
