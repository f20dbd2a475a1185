"""What may stay of HTML that people or their programs wrote: structure, text and pictures that are inside the page.

No script, no style, no frame, no form, nothing that is loaded from elsewhere.
"""

import re
from urllib.parse import unquote

import nh3

from studium.lib.formulas import MARK

_TAGS = set(
    "a abbr b blockquote br caption code col colgroup dd del details dfn div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i "
    "audio img ins kbd li mark ol p pre q s samp small span strong sub summary sup table tbody td tfoot th thead tr u ul var "
    "video source wbr".split()
)
_ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title", "width", "height"},
    **{tag: {"src", "width", "height"} for tag in ("audio", "video")},
    "source": {"src", "type"},
    "td": {"colspan", "rowspan", "class"},
    "th": {"colspan", "rowspan", "scope", "class"},
    "ol": {"start"},
    "details": {"open"},
    "h1": {"id"}, "h2": {"id"}, "h3": {"id"}, "h4": {"id"}, "h5": {"id"}, "h6": {"id"},
    **{tag: {"class"} for tag in ("table", "code", "pre", "span")},
}  # fmt: skip
# The only classes that mean anything on the page; our own for its frame cannot be borrowed.
_CLASSES = {"dataframe", "math", "left", "right", "center"}
_PICTURE = re.compile(r"^data:image/(png|jpeg|gif|webp|svg\+xml)[;,]", re.IGNORECASE)
_MEDIA = re.compile(r"^(data:(audio|video)/[a-z0-9.+-]{1,20}[;,]|parts/[0-9a-f]{24}\.[a-z0-9]{2,12}$)", re.IGNORECASE)
_LINK = re.compile(r"^(https?://|mailto:)", re.IGNORECASE)
# A file beside the text, where its page says what that is.
_BESIDE = re.compile(r"^beside\?path=[\w.~%-]{1,3000}$", re.ASCII)
_HERE = re.compile(r'(<a href="#[^"]*"[^>]*?) target="_blank"')
_SIZE = re.compile(r"^\d{1,5}(px|%)?$")


def _keep(element: str, attribute: str, value: str) -> str | None:
    if MARK.search(value):  # a formula would be put here later, with quotation marks of its own
        return None
    if attribute == "class":
        kept = [name for name in value.split() if name in _CLASSES or (element == "span" and name.startswith("k-"))]
        return " ".join(kept) or None
    if element in ("a", "img") and attribute in ("href", "src") and _BESIDE.match(value):
        return value
    if attribute == "href":
        return _address(value.strip())
    if attribute == "src":
        return value if (_PICTURE if element == "img" else _MEDIA).match(value) else None
    if attribute in ("width", "height", "colspan", "rowspan", "start"):
        return value if _SIZE.match(value) else None
    if attribute == "id":
        return value if value.startswith("h-") else None
    return value


def slug(text: str) -> str:
    """How a heading is named in an address, the same for the heading and for links to it."""
    return "h-" + (re.sub(r"[^\w]+", "-", text.lower()).strip("-")[:60] or "section")


def _address(value: str) -> str | None:
    if value.startswith("#"):
        return f"#{slug(unquote(value[1:]))}"
    return value if _LINK.match(value) else None


def clean(html: str) -> str:
    """The same HTML with only what may stay."""
    kept = nh3.clean(
        html,
        tags=_TAGS,
        clean_content_tags={"script", "style", "template", "noscript", "title", "textarea", "select"},
        attributes=_ATTRIBUTES,
        attribute_filter=_keep,
        url_schemes={"http", "https", "mailto", "data"},
        link_rel="noopener noreferrer nofollow ugc",
        set_tag_attribute_values={
            "a": {"target": "_blank"},
            "img": {"loading": "lazy"},
            **{tag: {"controls": "", "preload": "metadata"} for tag in ("audio", "video")},
        },
        strip_comments=True,
    )
    return _HERE.sub(r"\1", kept)
