"""The outbound network, against a small world of our own: a "public" and a private server behind a router, and a
private resolver. The public address is of a range kept for documentation, so nothing real is meant."""

import json
import os
import socket
import subprocess
import textwrap
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from functional.isolation.places import Place

# Listens on TCP port 80 everywhere, and on UDP port 53 answers every question with the public address.
SERVER = """
import select, socket, sys
web = socket.create_server(('0.0.0.0', 80))
names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
names.bind(('0.0.0.0', 53))
print('up', flush=True)
while True:
    for ready in select.select([web, names], [], [])[0]:
        if ready is web:
            web.accept()[0].close()
        else:
            question, asker = names.recvfrom(512)
            end = question.index(0, 12) + 5
            counts = b'\\x00\\x01' + (b'\\x00\\x01' if question[end - 4:end - 2] == b'\\x00\\x01' else b'\\x00\\x00')
            answer = b'\\xc0\\x0c\\x00\\x01\\x00\\x01\\x00\\x00\\x00\\x05\\x00\\x04' + socket.inet_aton(sys.argv[1])
            reply = question[:2] + b'\\x81\\x80' + counts + b'\\x00' * 4 + question[12:end]
            names.sendto(reply + (answer if counts[3] else b''), asker)
"""

# Inside: connects in every way there is and prints what came of it.
CLIENT = """
import errno, json, socket, struct, sys

def tried(action):
    try:
        return action() or 'reached'
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))

def plain(host, port, family=socket.AF_INET, options=()):
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(3)
        for option in options:
            client.setsockopt(*option)
        client.connect((host, port))

def ways(host, port, device):
    bound = [(socket.SOL_SOCKET, 25, device.encode())]
    index = socket.if_nametoindex(device)
    return {
        'plain': tried(lambda: plain(host, port)),
        'mapped': tried(lambda: plain('::ffff:' + host, port, socket.AF_INET6)),
        'bound to the device': tried(lambda: plain(host, port, options=bound)),
        'by interface': tried(lambda: plain(host, port, options=[(0, 50, struct.pack('!I', index))])),
        'datagram': tried(lambda: datagram(host, device)),
    }

def datagram(host, device):
    # The question is for the server's resolver: an answer proves that the datagram got out.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(1)
        client.setsockopt(socket.SOL_SOCKET, 25, device.encode())
        client.sendto(b'\\x12\\x34\\x01\\x00\\x00\\x01' + bytes(6) + b'\\x01x\\x00\\x00\\x01\\x00\\x01', (host, 53))
        client.recvfrom(512)

given = json.loads(sys.argv[1])
device = next(name for _, name in socket.if_nameindex() if name != 'lo')
told = {host: ways(host, port, device) for host, port in given['hosts']}
told['name'] = tried(lambda: socket.getaddrinfo('some.example', 80, socket.AF_INET)[0][4][0])
print(json.dumps(told))
"""


@dataclass(frozen=True)
class World:
    public: str
    private: str
    resolver_file: Path
    host_port: int


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two linked addresses each side of a veth pair into a namespace where the server listens."""
    if os.geteuid() != 0:
        pytest.fail("the outbound network is proved as root")
    tag = uuid.uuid4().hex[:6]
    number = int(tag[:2], 16) // 4 * 4
    third = int(tag[2:4], 16)
    space, near, far = f"st{tag}", f"sn{tag}", f"sf{tag}"
    public, private = f"198.51.100.{number + 2}", f"10.{third}.77.{number + 2}"
    ip("netns", "add", space)
    try:
        ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", space)
        for first in (public, private):
            prefix = first.rsplit(".", 1)[0]
            ip("addr", "add", f"{prefix}.{number + 1}/30", "dev", near)
            ip("-n", space, "addr", "add", f"{first}/30", "dev", far)
        ip("link", "set", near, "up")
        ip("-n", space, "link", "set", far, "up")
        ip("-n", space, "link", "set", "lo", "up")
        server = subprocess.Popen(
            ["ip", "netns", "exec", space, "/usr/bin/python3", "-c", textwrap.dedent(SERVER), public],
            stdout=subprocess.PIPE,
        )
        assert server.stdout is not None
        assert server.stdout.readline() == b"up\n"
        host = socket.create_server(("0.0.0.0", 0))
        threading.Thread(target=_accept, args=(host,), daemon=True).start()
        resolver = tmp_path_factory.mktemp("etc") / "resolv.conf"
        resolver.write_text(f"nameserver {private}\n")
        yield World(public, private, resolver, host.getsockname()[1])
        server.kill()
        server.wait()
        server.stdout.close()
        host.shutdown(socket.SHUT_RDWR)
        host.close()
    finally:
        subprocess.run(["ip", "link", "del", near], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)


def _accept(server: socket.socket) -> None:
    while True:
        try:
            server.accept()[0].close()
        except OSError:
            return


@pytest.fixture(scope="module")
def told(root_place: Place, world: World) -> dict[str, Any]:
    """What a run with an outbound network could reach, its platform having the world's resolver."""
    gateway = world.private.rsplit(".", 1)[0] + "." + str(int(world.private.rsplit(".", 1)[1]) - 1)
    public_gateway = world.public.rsplit(".", 1)[0] + "." + str(int(world.public.rsplit(".", 1)[1]) - 1)
    hosts = [
        [world.public, 80], [world.private, 80], [gateway, world.host_port], [public_gateway, world.host_port],
        ["127.0.0.1", world.host_port], ["169.254.169.254", 80],
    ]  # fmt: skip
    mounted = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'
    before = ("unshare", "-m", "sh", "-c", mounted, "sh", str(world.resolver_file))
    run_id = root_place.start(CLIENT, json.dumps({"hosts": hosts}), network="outbound", before=before)
    ended = root_place.wait(run_id)
    assert ended.code == 0, (ended.seen, ended.log)
    found: dict[str, Any] = json.loads(ended.log)
    found["own"] = {"private": gateway, "public": public_gateway}
    return found


def test_the_public_internet_is_reached(told: dict[str, Any], world: World) -> None:
    assert told[world.public]["plain"] == "reached"
    assert told[world.public]["datagram"] == "reached"


def test_names_resolve_through_a_private_resolver(told: dict[str, Any], world: World) -> None:
    assert told["name"] == world.public


def test_private_ranges_are_closed_in_every_way(told: dict[str, Any], world: World) -> None:
    assert "reached" not in told[world.private].values(), told[world.private]
    assert "reached" not in told["169.254.169.254"].values()


def test_the_hosts_own_addresses_are_closed_public_ones_too(told: dict[str, Any]) -> None:
    for address in told["own"].values():
        assert "reached" not in told[address].values(), (address, told[address])


def test_the_hosts_loopback_is_closed(told: dict[str, Any]) -> None:
    assert "reached" not in told["127.0.0.1"].values()


def test_the_wall_cannot_be_taken_down_from_inside(root_place: Place, world: World) -> None:
    ended = root_place.run(
        """
        import subprocess
        for words in (['nft', 'flush', 'ruleset'], ['ip', 'route', 'add', '10.0.0.0/8', 'dev', 'lo']):
            print(subprocess.run(words, capture_output=True, env={'PATH': '/usr/sbin:/usr/bin'}).returncode)
        """,
        network="outbound",
    )
    assert ended.code == 0
    assert "0" not in ended.log.split(), ended.log


def test_nothing_of_pasta_is_left_when_the_run_is_gone(root_place: Place) -> None:
    run_id = root_place.start("import time; time.sleep(600)", network="outbound")
    root_place.wait(run_id, "running")
    remains = json.loads((root_place.home / "runs" / run_id / "status.json").read_text())["remains"]
    assert len(remains) == 3
    root_place.drive("stop", run_id)
    end = time.monotonic() + 5
    while any(Path(f"/proc/{process['pid']}").exists() for process in remains):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_where_it_cannot_be_offered_the_run_says_so(place: Place) -> None:
    """As an ordinary user without /dev/net/tun the network is refused in words, and doctor knows; else it works."""
    ended = place.run("print('went')", network="outbound")
    if "outbound network" in json.loads(place.drive("checks")):
        assert ended.cause == "could_not_start"
        assert "Outbound network cannot be offered here" in ended.seen["message"]
    else:
        assert ended.log == "went\n"
