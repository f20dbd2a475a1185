"""What a run says of itself, made into what every database and page can hold.

The run is hostile. A number without end, half a character or a thousand nested lists in its report must not be what
keeps the controller from watching, limiting and ending it.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

_DEEPEST = 6
_MOST_PARTS = 200
_LARGEST = 1 << 53  # larger whole numbers lose digits in JSON
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def plain_text(text: str, most: int = 500) -> str:
    """At most `most` characters of a text, without what cannot be stored."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text[:most])


def plain_report(report: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A report without what cannot be stored or shown: that becomes null, and what is nested too deep as well."""
    if not report:
        return None
    plain = _plain(report, 0)
    return plain if isinstance(plain, dict) else None


def _plain(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return plain_text(value, 4096)
    if isinstance(value, int):
        return value if abs(value) <= _LARGEST else None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth >= _DEEPEST:
        return None
    if isinstance(value, Mapping):
        return {plain_text(str(k), 100): _plain(v, depth + 1) for k, v in list(value.items())[:_MOST_PARTS]}
    if isinstance(value, list | tuple):
        return [_plain(v, depth + 1) for v in value[:_MOST_PARTS]]
    return None
