"""What the proxy of runs passes on between the two sides."""

import socket

from studium.runner import egress


def test_what_upstream_said_before_it_stopped_listening_is_heard() -> None:
    """A server refuses a large content before it has all of it, and says why."""
    inside, caller = socket.socketpair()
    upstream, server = socket.socketpair()
    with inside, caller, upstream, server:
        inside.sendall(b"a piece of what it no longer wants")
        server.sendall(b"413")
        server.close()
        egress._relay(caller, upstream)
        caller.close()
        inside.settimeout(5)
        assert inside.recv(100) == b"413"
