"""The outbound network of a run: a namespace of its own, a wall of packet filter rules in it, and pasta as the way out.

pasta carries connections as the run's uid with ports and the host's loopback closed. It does not close private ranges;
the wall does, and it is set in the namespace before the sandbox starts, by a user namespace the sandbox is not in, so
nothing inside can lift it. Routes alone would not do: docs/decisions tells why.
"""

import os
import re
import time

from . import kernel, programs

# The address at which the run finds its resolver; pasta hands queries to the host's first one, private or not.
RESOLVER = "169.254.1.53"
_CLOSED4 = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
    "224.0.0.0/4", "240.0.0.0/4",
)  # fmt: skip
# With the forms that carry an IPv4 address: mapped, translated (private ones), 6to4, Teredo.
_CLOSED6 = (
    "::/96", "::ffff:0:0/96", "64:ff9b::0:0/104", "64:ff9b::a00:0/104", "64:ff9b::6440:0/106", "64:ff9b::7f00:0/104",
    "64:ff9b::a9fe:0/112", "64:ff9b::ac10:0/108", "64:ff9b::c0a8:0/112", "64:ff9b:1::/48", "100::/64", "2001::/32",
    "2001:db8::/32", "2002::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
)  # fmt: skip
PASTA_OPTIONS = ("--config-net", "--no-map-gw", "--dns-forward", RESOLVER, "-q", "-f")
_CLOSED_PORTS = ("-t", "none", "-u", "none", "-T", "none", "-U", "none")


def missing_programs() -> list[str]:
    """What has to be installed before a run can be given an outbound network."""
    return [name for name in ("pasta", "nft") if programs.find(name) is None]


def host_addresses() -> tuple[list[str], list[str]]:
    """The host's own addresses, IPv4 and IPv6, from the kernel's tables of the namespace we are in."""
    four: set[str] = set()
    last = ""
    for line in _lines("/proc/net/fib_trie"):
        if found := re.search(r"\|-- (\d+\.\d+\.\d+\.\d+)", line):
            last = found[1]
        elif "/32 host LOCAL" in line and last:
            four.add(last)
    six = set()
    for line in _lines("/proc/net/if_inet6"):
        digits = line.split()[0]
        six.add(":".join(digits[start : start + 4] for start in range(0, 32, 4)))
    return sorted(four), sorted(six)


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read().splitlines()
    except OSError:
        return []


def wall() -> bytes:
    """The rules: loopback, the resolver and the public internet are open; everything else is refused at once."""
    four, six = host_addresses()
    closed4, closed6 = ", ".join([*_CLOSED4, *four]), ", ".join([*_CLOSED6, *six])
    return f"""table inet wall {{
  set closed4 {{ type ipv4_addr; flags interval; auto-merge; elements = {{ {closed4} }} }}
  set closed6 {{ type ipv6_addr; flags interval; auto-merge; elements = {{ {closed6} }} }}
  chain out {{
    type filter hook output priority 0; policy drop;
    oifname "lo" accept
    ip daddr {RESOLVER} meta l4proto {{ tcp, udp }} th dport 53 accept
    icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit }} accept
    ip daddr @closed4 reject with icmp type admin-prohibited
    ip6 daddr @closed6 reject with icmpv6 type admin-prohibited
    meta nfproto {{ ipv4, ipv6 }} accept
  }}
}}
""".encode()


def enter_walled_namespace(rules: bytes) -> None:
    """Move this process into fresh user and network namespaces, wall up. Raises OSError or `ProgramFailedError`."""
    uid, gid = os.geteuid(), os.getegid()
    kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNET)
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/self/{name}", "w", encoding="utf-8") as stream:
            stream.write(text)
    programs.run("nft", "-f", "-", text=rules, seconds=10)


def pasta_arguments(pid: int) -> list[str]:
    """The command that gives the namespaces of process `pid` a way out, staying in the foreground."""
    return [programs.find("pasta") or "pasta", *PASTA_OPTIONS, *_CLOSED_PORTS, str(pid)]


def wait_for_route(seconds: float) -> bool:
    """Whether a default route appears in this process's network namespace within the time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if any(line.split()[1:2] == ["00000000"] for line in _lines("/proc/self/net/route")[1:]):
            return True
        if any(_is_default6(line) for line in _lines("/proc/self/net/ipv6_route")):
            return True
        time.sleep(0.003)
    return False


def _is_default6(line: str) -> bool:
    fields = line.split()
    return fields[0] == "0" * 32 and fields[1] == "00" and fields[-1] != "lo"
