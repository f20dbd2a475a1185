"""Running an edge: the listening socket, the server's settings, and an end that cuts nobody off."""

import gc
import logging
import os
import resource
import socket
import sys

import structlog
import uvicorn

from studium.edge.app import Edge
from studium.edge.protocols import EdgeHttpProtocol, EdgeWebSocketProtocol

_BACKLOG = 4096


class EdgeServer(uvicorn.Server):
    """On SIGTERM: accept no more, send live pages off, close websockets with 1012, let requests finish (bounded)."""

    def __init__(self, edge: Edge, *, alone: bool = False) -> None:
        """`alone`: this process does nothing else."""
        limits = edge.config.limits
        super().__init__(
            uvicorn.Config(
                edge,
                http=EdgeHttpProtocol,
                ws=EdgeWebSocketProtocol,
                loop="uvloop",
                lifespan="on",
                interface="asgi3",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                backlog=_BACKLOG,
                timeout_keep_alive=max(1, int(limits.idle_seconds)),
                timeout_graceful_shutdown=max(1, int(limits.shutdown_seconds)),
                ws_max_size=limits.websocket_message,
                ws_ping_interval=limits.ping_seconds,
                ws_ping_timeout=limits.pong_seconds,
                ws_per_message_deflate=False,
            )
        )
        self._edge = edge
        self._alone = alone

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._alone:
            # What start-up made stays for good: keep the collector from walking it again and again.
            gc.collect()
            gc.freeze()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._edge.door.closing = True
        self._edge.hub.close()
        await super().shutdown(sockets)


def listen(host: str, port: int, *, reuse_port: bool = False) -> socket.socket:
    """A listening socket. With `reuse_port` a second edge may listen beside this one, for a change of the guard."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse_port:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    return listener


def inherit(descriptor: int) -> socket.socket:
    """A listening socket that a supervisor opened and holds: connections wait in it while edges come and go."""
    os.set_inheritable(descriptor, False)
    listener = socket.socket(fileno=descriptor)
    if listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) != 1:
        listener.close()
        raise ValueError(f"file descriptor {descriptor} is not a listening socket")
    listener.setblocking(False)
    return listener


def raise_file_limit() -> None:
    """Each websocket takes two descriptors; take what the operator's hard limit gives."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def configure_log() -> None:
    """One JSON object a line on standard error. What the server itself logs of requests (with queries) stays out."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    quiet = logging.StreamHandler(sys.stderr)
    quiet.setFormatter(_Json())
    for name in ("uvicorn.error", "uvicorn.access", "asyncio", "aiohttp"):
        logger = logging.getLogger(name)
        logger.handlers = [quiet]
        logger.propagate = False
        logger.setLevel(logging.ERROR)


class _Json(logging.Formatter):
    """Other libraries' errors in the same shape, without their arguments' text beyond the message."""

    def format(self, record: logging.LogRecord) -> str:
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        facts = {"event": record.getMessage().strip(), "logger": record.name, "level": record.levelname.lower()}
        return str(structlog.processors.JSONRenderer()(None, "", {**facts, "kind": kind}))
