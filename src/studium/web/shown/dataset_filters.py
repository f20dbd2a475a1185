"""What the listing of datasets is narrowed down by, as it stands in the address of the page."""

from collections.abc import Mapping
from dataclasses import dataclass

from studium.community.tag_names import LONGEST as LONGEST_TAG
from studium.datasets.finding import Order, Sought
from studium.lib.units import parse_size

ORDERS = (
    (Order.CHANGED, "Last changed"),
    (Order.NEW, "Newest"),
    (Order.TRENDING, "Trending"),
    (Order.VOTES, "Most votes"),
    (Order.DOWNLOADS, "Most downloads"),
    (Order.SIZE, "Largest"),
)
DAYS = (("", "At any time"), ("7", "In the last week"), ("30", "In the last month"), ("365", "In the last year"))
_LONGEST = {"q": 300, "tag": LONGEST_TAG * 2, "licence": 60, "ending": 12, "by": 150}
_FILTERS = ("tag", "licence", "ending", "smallest", "largest", "days", "votes", "by")


@dataclass(frozen=True)
class Asked:
    """The filters as they were typed, by name, what they mean, and in which order. `wrong` names those that mean nothing."""

    typed: Mapping[str, str]
    sought: Sought
    order: Order
    wrong: tuple[str, ...]

    @property
    def narrowed(self) -> bool:
        """Whether anything but words is asked for."""
        return any(self.typed[name] for name in _FILTERS)


def asked_in(given: Mapping[str, str]) -> Asked:
    """Read the parameters of an address, whatever they say."""
    names = ("q", *_FILTERS)
    typed = {name: str(given.get(name, "")).replace("\x00", "").strip()[: _LONGEST.get(name, 20)] for name in names}
    sizes = {name: _size(typed[name]) for name in ("smallest", "largest")}
    counts = {name: _count(typed[name]) for name in ("days", "votes")}
    numbers = sizes | counts
    order = next((order for order, _ in ORDERS if order == given.get("sort")), Order.CHANGED)
    sought = Sought(
        words=typed["q"], tag=typed["tag"], licence=typed["licence"], ending=typed["ending"], by=typed["by"],
        smallest=sizes["smallest"], largest=sizes["largest"], days=counts["days"], votes=counts["votes"],
    )  # fmt: skip
    return Asked(typed, sought, order, tuple(name for name, value in numbers.items() if typed[name] and value is None))


def _size(text: str) -> int | None:
    try:
        found = parse_size(text)
    except ValueError:
        return None
    return found if found < 2**62 else None


def _count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 6 else None
