"""Pictures of a notebook as addresses that hold them. An SVG shown by `img` runs no script and loads nothing."""

import base64
import re
from typing import Any

from studium.notebooks.reading import text_of

BITMAPS = ("image/png", "image/jpeg", "image/gif", "image/webp")
SVG = "image/svg+xml"
_BASE64 = re.compile(r"^[A-Za-z0-9+/]+={0,2}$")


def data_uri(bundle: dict[str, Any]) -> str:
    """The first picture of a MIME bundle, or an empty text."""
    for kind in BITMAPS:
        content = "".join(text_of(bundle.get(kind)).split())
        if content and _BASE64.match(content):
            return f"data:{kind};base64,{content}"
    drawing = text_of(bundle.get(SVG))
    if "<svg" in drawing:
        return f"data:{SVG};base64,{base64.b64encode(drawing.encode('utf-8', 'replace')).decode()}"
    return ""
