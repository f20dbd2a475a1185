"""The page around what is rendered. Light to import: the web process puts small pages of its own together too."""

from html import escape

from studium.notebooks.render import style


def whole(title: str, contents: str, body: str) -> bytes:
    """A static page of our own around parts that are safe already."""
    text = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">'
        f"<title>{escape(title)}</title><style>{style()}</style></head>\n"
        f'<body class="{"with-contents" if contents else "plain"}">{contents}<main>\n{body}\n</main></body></html>\n'
    )
    # HTML knows no NUL, and what browsers make of one depends on where it stands.
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace")
