"""May the platform, or a run on somebody's behalf, call this address? What an operator allows is in the settings."""

from studium.config.options import options
from studium.errors import BadInput, Refused
from studium.outbound.spelling import LOWEST_PORT, PORTS, SpellingError, Target, understood
from studium.runner import addresses

HOW_TO_ALLOW = "Use a public address, or ask an administrator to allow it with STUDIUM_OUTBOUND_ALLOW."


def allowed() -> tuple[str, ...]:
    """What the operator allows beside the public internet."""
    return options().outbound_allowed


def check_url(url: str, schemes: tuple[str, ...] = ("https", "http")) -> Target:
    """Read an address and refuse what is known to be closed without asking for the address of a name.

    Raises BadInput for its spelling, Refused for where it leads. A name is looked at when it is dialled.
    """
    try:
        target = understood(url.strip(), schemes)
    except SpellingError as error:
        raise BadInput(error.code, error.message, error.next_step) from None
    if named_by_operator(target):
        return target
    if target.port not in PORTS.values() and target.port < LOWEST_PORT:
        raise Refused(
            "outbound.port", f"Port {target.port} is not called.", f"Use 443, 80, or one from {LOWEST_PORT} up."
        )
    local = target.host == "localhost" or target.host.endswith(".localhost")
    if local or (target.is_address and not addresses.is_public(target.host)):
        raise closed(target.host)
    return target


def named_by_operator(target: Target) -> bool:
    """Whether the operator's settings name this very host, or the network that its address is of."""
    if target.is_address:
        return addresses.is_allowed(target.host, target.host, target.port, allowed())
    return any(e.name == target.host and e.port in (None, target.port) for e in map(addresses.entry, allowed()))


def closed(host: str) -> Refused:
    return Refused(
        "outbound.closed", f"{host} is an address of this machine, of a private network or of no use.", HOW_TO_ALLOW
    )
