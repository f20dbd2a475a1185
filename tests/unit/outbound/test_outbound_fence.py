"""Which addresses may be called: hostile spellings, closed ranges in every form, what an operator allows."""

import ipaddress
import random

import pytest
from pydantic import ValidationError

from studium.config.options import Options
from studium.errors import BadInput, Refused
from studium.outbound import fence
from studium.outbound.spelling import SpellingError, understood
from studium.runner import addresses, network


@pytest.fixture
def allow(monkeypatch: pytest.MonkeyPatch) -> object:
    def set_to(text: str) -> None:
        found = Options(outbound_allow=text).outbound_allowed
        monkeypatch.setattr(fence, "allowed", lambda: found)

    return set_to


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "outbound.url"),
        ("hooks.example.org/x", "outbound.url"),
        ("//hooks.example.org/x", "outbound.url"),
        ("https:hooks.example.org", "outbound.url"),
        ("https://", "outbound.host"),
        ("https:///path", "outbound.host"),
        ("https://hooks.example.org/a b", "outbound.url"),
        ("https://hooks.example.org/a\nHost: x", "outbound.url"),
        ("https://hooks.example.org\t/", "outbound.url"),
        ("https://hooks.example.org\\@127.0.0.1/", "outbound.url"),
        ("https://hooks.example.org/\x00", "outbound.url"),
        ("https://①②⑦.⓪.⓪.①/", "outbound.url"),
        ("https://пример.example/", "outbound.url"),
        ("https://h.example/" + "x" * 2000, "outbound.url"),
        ("file:///etc/passwd", "outbound.scheme"),
        ("FILE://localhost/etc/passwd", "outbound.scheme"),
        ("gopher://h.example/", "outbound.scheme"),
        ("ftp://h.example/", "outbound.scheme"),
        ("ssh://git@h.example/x", "outbound.scheme"),
        ("ext::sh -c id", "outbound.url"),
        ("git+ssh://h.example/x", "outbound.scheme"),
        ("javascript://h.example/%0aalert(1)", "outbound.scheme"),
        ("https://user@h.example/", "outbound.credentials"),
        ("https://user:pass@h.example/", "outbound.credentials"),
        ("https://:@h.example/", "outbound.credentials"),
        ("https://h.example@127.0.0.1/", "outbound.credentials"),
        ("https://h.example%40127.0.0.1/", "outbound.host"),
        ("https://h.example:0/", "outbound.port"),
        ("https://h.example:65536/", "outbound.port"),
        ("https://h.example:123456/", "outbound.host"),
        ("https://h.example:-1/", "outbound.host"),
        ("https://h.example:80:80/", "outbound.host"),
        ("https://h..example/", "outbound.host"),
        ("https://.example/", "outbound.host"),
        ("https://-oProxyCommand=x/", "outbound.host"),
        ("https://-h.example/", "outbound.host"),
        ("https://h-.example/", "outbound.host"),
        ("https://%31%32%37.0.0.1/", "outbound.host"),
        ("https://*.example/", "outbound.host"),
        ("https://" + "a" * 64 + ".example/", "outbound.host"),
        ("https://" + "a." * 127 + "example/", "outbound.host"),
        # Numbers that some programs read as 127.0.0.1.
        ("https://2130706433/", "outbound.host"),
        ("https://0x7f000001/", "outbound.host"),
        ("https://0x7f.0.0.1/", "outbound.host"),
        ("https://0177.0.0.1/", "outbound.host"),
        ("https://017700000001/", "outbound.host"),
        ("https://127.1/", "outbound.host"),
        ("https://127.0.1/", "outbound.host"),
        ("https://127.0.0.01/", "outbound.host"),
        ("https://127.0.0.1.1/", "outbound.host"),
        ("https://0/", "outbound.host"),
        ("https://0x/", "outbound.host"),
        ("https://256.1.1.1/", "outbound.host"),
        ("https://[127.0.0.1]/", "outbound.host"),
        ("https://[::1", "outbound.host"),
        ("https://::1/", "outbound.host"),
        ("https://[fe80::1%eth0]/", "outbound.host"),
        ("https://[::1]x/", "outbound.host"),
        ("https://[]/", "outbound.host"),
    ],
)
def test_hostile_spellings_are_refused(url: str, code: str) -> None:
    with pytest.raises(SpellingError) as caught:
        understood(url)
    assert caught.value.code == code
    assert str(caught.value).endswith(".")
    with pytest.raises(BadInput):
        fence.check_url(url)


@pytest.mark.parametrize(
    ("url", "host", "port", "again"),
    [
        ("https://Hooks.Example.org", "hooks.example.org", 443, "https://hooks.example.org/"),
        ("HTTP://h.example:8080/a?b=c#d", "h.example", 8080, "http://h.example:8080/a?b=c"),
        ("https://h.example:443/a%20b", "h.example", 443, "https://h.example/a%20b"),
        ("https://h.example./x", "h.example", 443, "https://h.example/x"),
        ("https://h.example?x", "h.example", 443, "https://h.example/?x"),
        ("https://xn--e1afmkfd.example/", "xn--e1afmkfd.example", 443, "https://xn--e1afmkfd.example/"),
        ("https://[2606:4700:0::1]:8443/", "2606:4700::1", 8443, "https://[2606:4700::1]:8443/"),
        ("https://1.1.1.1", "1.1.1.1", 443, "https://1.1.1.1/"),
        ("https://a_b.example/", "a_b.example", 443, "https://a_b.example/"),
    ],
)
def test_what_is_plain_is_read_in_one_way(url: str, host: str, port: int, again: str) -> None:
    target = fence.check_url(url)
    assert (target.host, target.port, target.url) == (host, port, again)
    assert understood(target.url) == target


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST", "localhost.", "a.localhost", "127.0.0.1", "127.9.9.9", "0.0.0.0", "0.1.2.3", "10.0.0.1",
        "100.64.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.168.1.1", "192.0.0.8", "192.88.99.1",
        "198.18.0.1", "224.0.0.1", "239.255.255.255", "255.255.255.255", "[::]", "[::1]", "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]", "[::ffff:8.8.8.8]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::8.8.8.8]", "[64:ff9b:1::1]",
        "[2002:7f00:1::]", "[2002:0808:0808::]", "[2001:0:7f00:1::]", "[2001:db8::1]", "[fc00::1]", "[fd00:ec2::254]",
        "[fe80::1]", "[fec0::1]", "[ff02::1]", "[100::1]", "[3fff::1]", "[5f00::1]",
    ],
)  # fmt: skip
def test_closed_addresses_are_refused_in_every_form(host: str) -> None:
    for port in ("", ":8080"):
        with pytest.raises(Refused) as caught:
            fence.check_url(f"https://{host}{port}/x")
        assert caught.value.code == "outbound.closed"


@pytest.mark.parametrize("port", [1, 22, 25, 53, 111, 139, 445, 587, 1023])
def test_ports_of_other_services_are_refused(port: int) -> None:
    with pytest.raises(Refused) as caught:
        fence.check_url(f"https://h.example:{port}/")
    assert caught.value.code == "outbound.port"


def test_whatever_the_wall_of_runs_closes_is_closed_here() -> None:
    dice = random.Random(4)
    for text in (*network._CLOSED4, *network._CLOSED6):
        closed = ipaddress.ip_network(text)
        for address in {closed[0], closed[-1], *(closed[dice.randrange(closed.num_addresses)] for _ in range(50))}:
            assert not addresses.is_public(str(address)), address


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "9.255.255.255", "11.0.0.0", "223.255.255.255", "2606:4700::1", "2a00::1"]
)
def test_public_ones_are_open(address: str) -> None:
    assert addresses.is_public(address)


def test_an_operator_allows_networks_and_hosts_by_port(allow: object) -> None:
    assert callable(allow)
    allow("10.1.0.0/16, 127.0.0.1:8443 [fd00::5]:443,Git.Lab.Example:22 wiki.lab.example")
    for fine in (
        "https://10.1.2.3/", "http://10.1.2.3:25/", "https://127.0.0.1:8443/", "https://[fd00::5]/",
        "https://git.lab.example:22/", "https://wiki.lab.example:7/",
    ):  # fmt: skip
        fence.check_url(fine)
    for still in (
        "https://10.2.0.1/", "https://127.0.0.1/", "https://127.0.0.1:8444/", "https://[fd00::6]/", "https://[fd00::5]:8443/",
        "https://[::ffff:10.1.2.3]/", "https://git.lab.example:23/", "https://x.wiki.lab.example:7/",
    ):  # fmt: skip
        with pytest.raises(Refused):
            fence.check_url(still)


def test_a_named_host_may_be_anywhere_and_no_other_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert addresses.is_allowed("GIT.lab.example", "10.9.9.9", 443, ["git.lab.example:443"])
    assert not addresses.is_allowed("git.lab.example", "10.9.9.9", 80, ["git.lab.example:443"])
    assert not addresses.is_allowed("evil.example", "10.9.9.9", 443, ["git.lab.example:443"])
    assert addresses.is_allowed("evil.example", "10.9.9.9", 443, ["10.9.0.0/16"])


@pytest.mark.parametrize(
    "text",
    [
        "10.0.0.1/8",
        "300.1.1.1",
        "1.2.3",
        "a b/c",
        "-x.example",
        "x.example:0",
        "x.example:99999",
        "x:y",
        "[::1]x",
        "::1/129",
    ],
)
def test_nonsense_in_the_setting_is_refused_at_start(text: str) -> None:
    with pytest.raises(ValidationError):
        Options(outbound_allow=text)


def test_a_name_is_resolved_once_and_what_was_looked_at_is_dialled(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, dialled = [], []

    def rebinds(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["10.0.0.1", "93.184.216.34"] if len(asked) == 1 else ["127.0.0.1"]

    def connect(address: tuple[str, int], seconds: float) -> object:
        dialled.append(address)
        return object()

    monkeypatch.setattr(addresses, "resolve", rebinds)
    monkeypatch.setattr(addresses.socket, "create_connection", connect)
    addresses.dial("rebind.example", 443, (), 1)
    assert (asked, dialled) == (["rebind.example"], [("93.184.216.34", 443)])
    with pytest.raises(addresses.ClosedError):
        addresses.dial("rebind.example", 443, (), 1)
    assert len(dialled) == 1
