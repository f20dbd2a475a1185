"""What an edge is told at its start. Plain data: the command line, the environment and tests all make this."""

from dataclasses import dataclass, field

MIB = 1024 * 1024
GIB = 1024 * MIB


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds on what one client, one label or one message may take. Sizes in bytes, times in seconds."""

    platform_body: int = 66 * MIB
    content_body: int = 4 * GIB
    websocket_message: int = 64 * MIB
    header_bytes: int = 64 * 1024
    header_seconds: float = 15.0
    idle_seconds: float = 30.0  # a kept-alive connection that asks nothing
    body_seconds: float = 30.0  # between two pieces of a request body
    body_pace: int = 16 * 1024  # bytes a second that a body for the platform must keep up on the whole
    uploads: int = 64  # bodies of more than a megabyte that are on their way to the platform at once
    uploads_per_address: int = 32
    stall_seconds: float = 60.0  # a client that reads nothing of what is waiting for it
    upstream_connect_seconds: float = 5.0
    upstream_silence_seconds: float = 900.0  # between two pieces of an answer
    ping_seconds: float = 20.0
    pong_seconds: float = 40.0
    connections: int = 16_000
    connections_per_address: int = 2_048
    exchanges_per_label: int = 512
    streams_per_user: int = 4
    streams: int = 4_000
    stream_seconds: float = 300.0  # then the page asks again, and its rights are read again
    heartbeat_seconds: float = 20.0
    shutdown_seconds: float = 10.0
    recheck_seconds: float = 10.0  # open websockets are asked for their right this often
    allowed_seconds: float = 3.0
    stale_seconds: float = 30.0


@dataclass(frozen=True, kw_only=True)
class EdgeConfig:
    """`platform_host` and `content_domain` are as a browser shows them, with the port unless it is the scheme's own.

    `signing_keys`: the first signs, all are accepted. `edge_key` opens the metrics. `trusted_proxies` are the addresses
    whose `X-Forwarded-For` is believed. `platform_cookies` are names, beside those that begin with `studium` or
    `__Host-studium`, which content must never receive. `files_folder` is the store's, where that is on this machine.
    """

    platform_host: str
    content_domain: str
    web_socket: str
    signing_keys: tuple[bytes, ...]
    edge_key: str
    scheme: str = "http"
    hint_socket: str = ""
    files_folder: str = ""
    trusted_proxies: frozenset[str] = frozenset()
    platform_cookies: frozenset[str] = frozenset()
    access_log: bool = False
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if self.scheme not in ("http", "https"):
            raise ValueError("scheme must be http or https")
        if not self.signing_keys or any(len(key) < 32 for key in self.signing_keys):
            raise ValueError("each signing key must have at least 32 bytes")
        if not self.edge_key:
            raise ValueError("the edge key must not be empty")
        for name in ("platform_host", "content_domain"):
            if not getattr(self, name) or getattr(self, name) != getattr(self, name).strip().lower():
                raise ValueError(f"{name} must be a host in small letters, with a port if it needs one")

    @property
    def platform_origin(self) -> str:
        return f"{self.scheme}://{self.platform_host}"

    def content_origin(self, label: str) -> str:
        return f"{self.scheme}://{label}.{self.content_domain}"
