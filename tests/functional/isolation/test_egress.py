"""A run that may reach named hosts: those, through the proxy, and nothing else in any way."""

import socket
import threading
from collections.abc import Iterator

import pytest

from functional.isolation.places import Place
from studium.runner import egress

# Asks the proxy for each address of its arguments and says the first line of each answer; then tries without it.
CLIENT = """
import os, socket, sys
def ask(text):
    with socket.socket(socket.AF_UNIX) as proxy:
        proxy.settimeout(20)
        proxy.connect(os.environ['STUDIUM_EGRESS'])
        proxy.sendall(text.encode())
        said = b''
        while piece := proxy.recv(65536):
            said += piece
            if text.startswith('CONNECT') and said.startswith(b'HTTP/1.1 200'):
                proxy.sendall(b'GET /through HTTP/1.1\\r\\n\\r\\n')
                text = ''
    return said.decode()
good, bad = sys.argv[1:3]
for time in range(20):  # callers that are gone before they are answered harm nobody after them
    with socket.socket(socket.AF_UNIX) as proxy:
        proxy.connect(os.environ['STUDIUM_EGRESS'])
        proxy.sendall(f'CONNECT 127.0.0.1:{bad} HTTP/1.1\\r\\n\\r\\n'.encode())
print('tunnel', ask(f'CONNECT 127.0.0.1:{good} HTTP/1.1\\r\\n\\r\\n').splitlines()[-1])
print('other', ask(f'CONNECT 127.0.0.1:{bad} HTTP/1.1\\r\\n\\r\\n').splitlines()[0])
print('plain', ask(f'GET http://127.0.0.1:{good}/a?b HTTP/1.1\\r\\nHost: elsewhere\\r\\n\\r\\n').splitlines()[-1])
print('plain other', ask(f'GET http://127.0.0.1:{bad}/ HTTP/1.1\\r\\n\\r\\n').splitlines()[0])
print('user', ask(f'GET http://127.0.0.1:{good}@127.0.0.1:{bad}/ HTTP/1.1\\r\\n\\r\\n').splitlines()[0])
print('nonsense', ask('GET / HTTP/1.1\\r\\n\\r\\n').splitlines()[0])
print('closed', ask(f'CONNECT 127.0.0.1:1 HTTP/1.1\\r\\n\\r\\n').splitlines()[0])
for host in ('127.0.0.1', '203.0.113.1'):
    try:
        socket.create_connection((host, int(good)), 2)
        print('directly', host, 'reached')
    except OSError:
        print('directly', host, 'closed')
print([name for name in os.listdir('/proc/self/fd')].__len__() < 8)
"""


@pytest.fixture
def servers() -> Iterator[tuple[int, int]]:
    """Two servers that answer with the first line they were asked."""
    listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]

    def answer(server: socket.socket) -> None:
        while True:
            try:
                caller, _ = server.accept()
            except OSError:
                return
            with caller:
                first = caller.recv(65536).split(b"\r\n")[0]
                caller.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + first + b"\n")

    threads = [threading.Thread(target=answer, args=(server,), daemon=True) for server in listening]
    for thread in threads:
        thread.start()
    yield listening[0].getsockname()[1], listening[1].getsockname()[1]
    for server in listening:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def test_only_the_named_hosts_are_reached(place: Place, servers: tuple[int, int]) -> None:
    good, bad = servers
    ended = place.run(CLIENT, str(good), str(bad), network="hosts", hosts=(f"127.0.0.1:{good}", "127.0.0.1:1"))
    assert ended.code == 0, ended.log
    assert ended.log.splitlines() == [
        "tunnel GET /through HTTP/1.1",
        "other HTTP/1.1 403 Forbidden",
        "plain GET /a?b HTTP/1.1",
        "plain other HTTP/1.1 403 Forbidden",
        "user HTTP/1.1 403 Forbidden",
        "nonsense HTTP/1.1 403 Forbidden",
        "closed HTTP/1.1 502 Bad Gateway",
        "directly 127.0.0.1 closed",
        "directly 203.0.113.1 closed",
        "True",
    ]


def test_a_run_without_such_hosts_has_no_proxy(place: Place) -> None:
    ended = place.run("import os; print(os.environ.get('STUDIUM_EGRESS'), os.listdir('/run/studium'))")
    assert ended.log == "None []\n"


@pytest.mark.parametrize(
    "head",
    [
        b"CONNECT index.example:443",
        b"CONNECT  index.example:443 HTTP/1.1",
        b"CONNECT index.example:4430 HTTP/1.1",
        b"CONNECT index.example HTTP/1.1",
        b"CONNECT other.example:443 HTTP/1.1\r\nHost: index.example:443",
        b"GET http://other.example:443/http://index.example:443/ HTTP/1.1",
        b"GET http://index.example:443@other.example/ HTTP/1.1",
        b"GET https://index.example:443/ HTTP/1.1",
        b"GET //index.example:443/ HTTP/1.1",
        b"CONNECT index.example:443\xe9 HTTP/1.1",
        b"PRI * HTTP/2.0",
        b"",
    ],
)
def test_what_is_not_understood_or_not_allowed_is_refused(head: bytes) -> None:
    with pytest.raises(egress.RefusedError):
        egress.understood(head, {"index.example:443"})


def test_what_is_asked_of_an_allowed_host_goes_there_alone() -> None:
    asked = b"GET http://Index.Example/a HTTP/1.1\r\nHost: other.example\r\nProxy-Authorization: x\r\nAccept: y"
    where, opening, before = egress.understood(asked, {"index.example:80"})
    assert (where, before) == ("index.example:80", b"")
    assert opening == b"GET /a HTTP/1.1\r\nHost: Index.Example\r\nAccept: y\r\nConnection: close\r\n\r\n"
    assert egress.understood(b"CONNECT INDEX.example:443 HTTP/1.1", {"index.example:443"})[0] == "index.example:443"


# Asks the proxy for tunnels to the given targets and says the first line of each answer.
ASKS = """
import os, socket, sys
for target in sys.argv[1:]:
    with socket.socket(socket.AF_UNIX) as proxy:
        proxy.settimeout(20)
        proxy.connect(os.environ['STUDIUM_EGRESS'])
        proxy.sendall(f'CONNECT {target} HTTP/1.1\\r\\n\\r\\n'.encode())
        print(proxy.recv(65536).decode().splitlines()[0].split()[1])
"""


def test_hosts_that_a_member_chose_are_reached_at_open_addresses_alone(place: Place, servers: tuple[int, int]) -> None:
    good, bad = servers
    targets = (
        f"127.0.0.1:{good}",
        f"localhost:{good}",
        f"2130706433:{good}",
        f"[::ffff:127.0.0.1]:{good}",
        "127.0.0.1:443",
    )
    closed = place.run(ASKS, *targets, network="hosts", hosts=(*targets, f"*:{good}"), within=())
    assert closed.log.split() == ["403"] * 5, "a name or a spelling that leads to this machine"
    opened = place.run(
        ASKS, f"127.0.0.1:{good}", f"127.0.0.1:{bad}", "169.254.169.254:80",
        network="hosts", hosts=(f"*:{good}", f"*:{bad}", "*:80"), within=(f"127.0.0.1:{good}",),
    )  # fmt: skip
    assert opened.log.split() == ["200", "403", "403"], "only the operator's entry"


@pytest.mark.parametrize(
    ("target", "fine"),
    [
        ("any.example:443", True),
        ("1.2.3.4:0443", True),
        (":443", False),
        ("any.example:80", False),
        ("any.example:*", False),
    ],
)
def test_every_host_of_a_port(target: str, fine: bool) -> None:
    if fine:
        assert egress._permitted(target, {"*:443"}) == target
        return
    with pytest.raises(egress.RefusedError):
        egress._permitted(target, {"*:443"})
