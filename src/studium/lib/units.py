"""Sizes, durations and money, to and from the words people read. Binary prefixes for memory and disk, as GiB."""

import re
from decimal import Decimal

KIB = 1024
MIB = 1024**2
GIB = 1024**3

_SIZE = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?b)?\s*$", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_DURATION = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(s|min|m|h|d)?\s*$")
_SECONDS = {None: 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def parse_size(text: str) -> int:
    """Bytes in `text`, such as `512M`, `20 GiB` or `1.5g` (powers of 1024). Raises ValueError."""
    found = _SIZE.match(text)
    if not found:
        raise ValueError(f"not a size: {text!r}")
    return int(Decimal(found[1]) * 1024 ** _POWERS[found[2].lower()])


def parse_duration(text: str) -> int:
    """Whole seconds in `text`, such as `90`, `20min`, `1.5h` or `7d`. Raises ValueError."""
    found = _DURATION.match(text)
    if not found:
        raise ValueError(f"not a duration: {text!r}")
    return int(Decimal(found[1]) * _SECONDS[found[2]])


def size_words(count: float) -> str:
    """`3.1 GiB`, `512 MiB`, `12 KiB`, `0 B`: one decimal below ten, none above."""
    for unit, scale in (("TiB", 1024**4), ("GiB", GIB), ("MiB", MIB), ("KiB", KIB)):
        if count >= scale:
            value = count / scale
            return f"{value:.1f} {unit}" if value < 10 and round(value, 1) != int(value) else f"{value:.0f} {unit}"
    return f"{count:.0f} B"


def duration_words(seconds: float) -> str:
    """`6 h 02 min`, `12 min`, `45 s`: the two largest units, rounded down."""
    whole = max(0, int(seconds))
    if whole >= 172800:
        return f"{whole // 86400} d {whole % 86400 // 3600} h"
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    if whole >= 120:
        return f"{whole // 60} min"
    if whole >= 60:
        return f"1 min {whole - 60} s" if whole > 60 else "1 min"
    return f"{whole} s"


def money_words(micros: int) -> str:
    """US dollars from millionths of a dollar: `$1.38`, `$0`, `$0.004` where cents would hide it."""
    if micros == 0:
        return "$0"
    value = Decimal(micros) / 1_000_000
    return f"${value:.2f}" if abs(value) >= Decimal("0.01") else f"${value:.4f}"
