"""The rules for headers: what of a request goes upstream and what of an answer comes back.

Pure functions over header lists. `Content` fences off what people made; the platform's own answers pass almost as is.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from multidict import CIMultiDict

from studium.edge.asgi import Client, Headers
from studium.edge.grants import COOKIE
from studium.edge.port import Target
from studium.edge.settings import EdgeConfig

_HOP = {
    b"connection",
    b"keep-alive",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"proxy-connection",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
}
_OURS = (b"x-forwarded-", b"x-studium-")
# Said by the web process of one answer: the policy that this has instead of its host's.
_POLICY = b"x-studium-policy"
_NEVER_UPSTREAM = {b"host", b"forwarded", b"x-real-ip", b"expect", b"sec-websocket-key", b"sec-websocket-version"} | {
    b"sec-websocket-extensions",
    b"sec-websocket-protocol",
}
# Said by content, these would reach beyond its own pages, or are ours to say.
_NEVER_FROM_CONTENT = {
    b"content-security-policy",
    b"content-security-policy-report-only",
    b"x-frame-options",
    b"clear-site-data",
    b"cross-origin-opener-policy",
    b"x-content-type-options",
    b"referrer-policy",
    b"origin-agent-cluster",
    b"strict-transport-security",
    b"public-key-pins",
    b"alt-svc",
    b"nel",
    b"report-to",
    b"reporting-endpoints",
    b"date",
}
_PLATFORM_COOKIE_STARTS = ("__host-studium", "__secure-studium", "studium")
# A shorter injected value could be found in an answer by chance.
_SECRET_LENGTH = 8


def is_platform_cookie(name: str, extra: frozenset[str]) -> bool:
    return name.casefold().startswith(_PLATFORM_COOKIE_STARTS) or name in extra


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _forwardable(headers: Headers) -> Iterable[tuple[bytes, bytes]]:
    """Headers that are not about this hop and not ours to say, with names that mean one thing only.

    A name with an underscore is left out: a WSGI server cannot tell `X_Forwarded_For` from `X-Forwarded-For`.
    """
    named = {token.strip().lower() for key, value in headers if key == b"connection" for token in value.split(b",")}
    for key, value in headers:
        if key in _HOP or key in named or key in _NEVER_UPSTREAM or key.startswith(_OURS) or b"_" in key:
            continue
        yield key, value


def to_platform(client: Client, config: EdgeConfig, host: str) -> CIMultiDict[str]:
    """Request headers for the web process: the client's own, and who it is as far as the edge can tell."""
    headers = CIMultiDict((_text(key), _text(value)) for key, value in _forwardable(client.headers))
    headers["Host"] = host
    headers["X-Forwarded-For"] = client_address(client, config)
    headers["X-Forwarded-Proto"] = config.scheme
    headers["X-Forwarded-Host"] = host
    return headers


def client_address(client: Client, config: EdgeConfig) -> str:
    """The nearest address that is not one of our own proxies."""
    address = client.link.address
    if address not in config.trusted_proxies:
        return address
    listed = [value for key, value in client.headers if key == b"x-forwarded-for"]
    for hop in reversed(b",".join(listed).decode("latin-1").split(",")):
        if hop.strip() and hop.strip() not in config.trusted_proxies:
            return hop.strip()
    return address


def to_content(client: Client, config: EdgeConfig, target: Target, label: str, user: str) -> CIMultiDict[str]:
    """Request headers for content: no cookie of ours, a host name it accepts, and the target's own headers."""
    origin = config.content_origin(label)
    headers: CIMultiDict[str] = CIMultiDict()
    for key, value in _forwardable(client.headers):
        name = _text(key)
        if key == b"cookie":
            continue
        if key == b"origin":
            headers.add(name, "http://localhost")
        elif key == b"referer":
            headers.add(name, _local_referer(_text(value), origin))
        else:
            headers.add(name, _text(value))
    kept = [(n, v) for n, v in client.cookies() if n and not is_platform_cookie(n, config.platform_cookies)]
    if kept:
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in kept)
    headers["Host"] = config.platform_host if target.kind == "web" else "localhost"
    headers["X-Forwarded-Host"] = f"{label}.{config.content_domain}"
    headers["X-Forwarded-Proto"] = config.scheme
    if target.kind == "web":
        headers["X-Forwarded-For"] = client_address(client, config)
        headers["X-Studium-Label"] = label
        headers["X-Studium-User"] = user
    for name, text in target.headers:
        headers[name] = text
    return headers


def _local_referer(referer: str, origin: str) -> str:
    """The same page, seen as the server behind knows itself. A page of another host is not told to content."""
    return "http://localhost" + referer[len(origin) :] if referer.startswith(origin + "/") else ""


def from_platform(raw: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Answer headers of the web process, without those of the hop and those meant for the edge alone."""
    headers = [(key.lower(), value) for key, value in raw]
    return [(k, v) for k, v in headers if k not in _HOP and k != b"date" and not k.startswith(b"x-studium-")]


def of_library(raw: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Answer headers of a script that draws outputs: what it is and how long it may be kept. As a page it can do nothing."""
    kept = [(k, v) for k, v in from_platform(raw) if k.startswith(b"content-") and k != b"content-security-policy"]
    kept += [(k, v) for k, v in from_platform(raw) if k in (b"cache-control", b"etag", b"vary")]
    return [
        *kept,
        (b"content-security-policy", b"sandbox; default-src 'none'"),
        (b"x-content-type-options", b"nosniff"),
        (b"cross-origin-resource-policy", b"cross-origin"),
    ]


class Content:
    """Answer headers of one content host."""

    def __init__(self, config: EdgeConfig, target: Target, label: str) -> None:
        self._config = config
        self._origin = config.content_origin(label)
        self._injected = {name.lower().encode() for name, _ in target.headers}
        self._secrets = [value.encode() for _, value in target.headers if len(value) >= _SECRET_LENGTH]
        # `Bearer abc` also must not come back as `abc`.
        self._secrets += [word for secret in self._secrets for word in secret.split() if len(word) >= _SECRET_LENGTH]
        self._policy = target.content_security_policy or f"frame-ancestors 'self' {config.platform_origin}"
        self._ours = target.kind == "web"

    def fence(self, raw: Iterable[tuple[bytes, bytes]]) -> Headers:
        headers = [(key.lower(), value) for key, value in raw]
        shared = any(k == b"access-control-allow-origin" and v == self._origin.encode() for k, v in headers)
        # What runs behind other content hosts is not ours, and may not choose its policy.
        policy = next((v for k, v in headers if k == _POLICY), None) if self._ours else None
        kept: Headers = []
        for key, value in headers:
            if key in _HOP or key in _NEVER_FROM_CONTENT or key in self._injected or self._tells(value):
                continue
            if key.startswith(_OURS) or (key.startswith(b"access-control-") and not shared):
                continue
            rewritten = self._rewrite(key, value)
            if rewritten is not None:
                kept.append((key, rewritten))
        return kept + self.own(policy)

    def own(self, policy: bytes | None = None) -> Headers:
        """What every answer of a content host carries, the edge's own pages too. `policy` takes the place of the host's."""
        kept = [
            (b"content-security-policy", policy or self._policy.encode("latin-1", "replace")),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"same-origin"),
        ]
        # A page with a policy of its own has no origin that could be kept to itself.
        return kept if policy else [*kept, (b"origin-agent-cluster", b"?1")]

    def _tells(self, value: bytes) -> bool:
        return any(secret in value for secret in self._secrets)

    def _rewrite(self, key: bytes, value: bytes) -> bytes | None:
        if key == b"set-cookie":
            return content_cookie(value, self._config.platform_cookies)
        if key == b"service-worker-allowed":
            return value if value.startswith(b"/") and not value.startswith(b"//") else None
        if key in (b"location", b"content-location"):
            return local_location(value)
        return value


def content_cookie(line: bytes, extra: frozenset[str]) -> bytes | None:
    """A `Set-Cookie` line kept to its own host, or None if it takes one of our names or has none.

    A cookie without a name is refused because its *value* is sent bare: `=__Host-studium-grant=x` would arrive as ours.
    """
    pair, *attributes = line.split(b";")
    name, separator, _ = pair.partition(b"=")
    text = name.decode("latin-1").strip()
    if not separator or not text or is_platform_cookie(text, extra) or text.casefold() == COOKIE.casefold():
        return None
    kept = [a for a in attributes if a.partition(b"=")[0].strip().lower() != b"domain"]
    return b";".join([pair, *kept])


def local_location(value: bytes) -> bytes:
    """A redirect to the name the server behind knows itself by is one to the host the client asked."""
    try:
        parts = urlsplit(value.decode("latin-1"))
    except ValueError:
        return value
    if parts.scheme not in ("http", "https") or parts.netloc != "localhost":
        return value
    path = "/" + parts.path.lstrip("/")
    query = f"?{parts.query}" if parts.query else ""
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    return (path + query + fragment).encode("latin-1")
