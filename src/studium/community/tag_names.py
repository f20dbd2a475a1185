"""What a tag may be and how it is written. Pure."""

import re
import unicodedata

from studium.errors import BadInput

LONGEST, MOST = 30, 10
_GAPS = re.compile(r"[\s-]+")


def tag_name(text: str) -> str:
    """The one way a tag is written: lower case, dashes for spaces, letters and digits of any language with `_ + # .` between.

    Empty for what is no tag.
    """
    # Lower case first and again: some capitals come apart into letters that are not yet composed.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())
    kept = "".join(c for c in folded if c in "-_+#." or c.isspace() or unicodedata.category(c)[0] in "LMN")
    # What stood between two letters may be gone now, so they are put together only here.
    name = _GAPS.sub("-", unicodedata.normalize("NFKC", kept)).lstrip("#-_.").rstrip("-_.")[:LONGEST].rstrip("-_.")
    return name if any(c.isalnum() for c in name) else ""


def tag_names(texts: list[str]) -> list[str]:
    """Each in the way it is written, without repetition. Raises BadInput for what is no tag."""
    found: dict[str, None] = {}
    for text in texts:
        name = tag_name(text)
        if not name:
            raise BadInput(
                "tag.none", f"{text[:40]!r} is no tag.", "A tag has at least one letter or digit, such as time-series."
            )
        found[name] = None
    return list(found)
