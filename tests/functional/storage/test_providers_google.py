"""The token of a service account: the claim is signed with its key, sent to the one server, and what is refused is said."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from factories.clouds import ask_for_tokens_at
from factories.providers import allow, web_server
from studium.errors import NotYet, Refused
from studium.storage.providers import google

pytestmark = pytest.mark.no_database


@lru_cache(maxsize=1)
def _private() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def account(email: str = "reader@lab.example") -> str:
    """As Google hands it out, with the address of a token server that nobody looked at."""
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return json.dumps(
        {
            "client_email": email,
            "private_key": _private().private_bytes(*form).decode(),
            "private_key_id": "k1",
            "token_uri": "http://127.0.0.1:1/",
            "gcs_base_url": "http://127.0.0.1:1/",
        }
    )


@dataclass
class TokenServer:
    """Answers `status` and `told`; `claims` is what was asked with, its signature checked."""

    status: int = 200
    told: dict[str, Any] = field(default_factory=lambda: {"access_token": "ya29.token", "expires_in": 3599})
    claims: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TokenServer]:
    state = TokenServer()

    class Answers(SimpleHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            head, claims, signature = asked["assertion"][0].split(".")
            _private().public_key().verify(
                base64.urlsafe_b64decode(signature + "=="),
                f"{head}.{claims}".encode(),
                padding.PKCS1v15(),
                hashes.SHA256(),
            )
            state.claims.append(json.loads(base64.urlsafe_b64decode(claims + "==")))
            body = json.dumps(state.told).encode()
            self.send_response(state.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    allow(monkeypatch, "127.0.0.0/8")
    with web_server(tmp_path, Answers) as address:
        ask_for_tokens_at(monkeypatch, f"{address}/token")
        yield state


def test_a_token_is_got_once(server: TokenServer) -> None:
    assert google.token("GOOGLE_KEY", account())[0] == "ya29.token"
    assert google.token("GOOGLE_KEY", account())[0] == "ya29.token"
    (claims,) = server.claims
    assert claims["iss"] == "reader@lab.example"
    assert claims["aud"] == google.token_url()
    assert 0 < claims["exp"] - claims["iat"] <= 3600
    google.token("GOOGLE_KEY", account("other@lab.example"))
    assert len(server.claims) == 2


def test_a_token_is_used_no_longer_than_it_is_good_for(server: TokenServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.told["expires_in"] = 600
    monkeypatch.setattr(google.time, "time", lambda: now)
    now = 1_800_000_000.0
    assert google.token("GOOGLE_KEY", account()) == ("ya29.token", now + 300)
    now += 299
    google.token("GOOGLE_KEY", account())
    assert len(server.claims) == 1
    now += 1
    google.token("GOOGLE_KEY", account())
    assert len(server.claims) == 2


@pytest.mark.parametrize(
    ("status", "said", "code"),
    [
        (400, "Invalid JWT Signature.", "provider.signature_wrong"),
        (400, "Invalid grant: account not found", "provider.key_unknown"),
        (400, "Invalid JWT: Token must be a short-lived token (60 minutes)", "provider.clock"),
        (503, "", "provider.away"),
    ],
)
def test_what_google_refuses(server: TokenServer, status: int, said: str, code: str) -> None:
    server.status, server.told = status, {"error": "invalid_grant", "error_description": said}
    with pytest.raises((Refused, NotYet)) as error:
        google.token("GOOGLE_KEY", account())
    assert error.value.code == code


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", '{"client_email": "a", "private_key": "b", "private_key_id": "c"}']
)
def test_what_is_no_key_is_not_sent(server: TokenServer, text: str) -> None:
    with pytest.raises(Refused, match="GOOGLE_KEY is no key of a service account"):
        google.token("GOOGLE_KEY", text)
    assert server.claims == []
