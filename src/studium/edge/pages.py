"""The few pages the edge says itself: plain words, what to do next, and nothing to load.

They are also right inside a frame: their one link opens the platform in the whole window.
"""

import base64
import hashlib
import html
import json
from dataclasses import dataclass

from studium.edge.asgi import Client, Headers

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:0;min-height:100vh;display:grid;place-content:center;"
    "color:#1c2024;background:#fbfbfa}main{max-width:34rem;padding:1.5rem}h1{font-size:1.25rem;margin:0 0 .5rem}"
    "p{margin:.5rem 0}a{color:#0b5cad}a:focus-visible{outline:2px solid;outline-offset:2px}"
    "@media(prefers-color-scheme:dark){body{color:#e6e6e4;background:#16181a}a{color:#7ab8f5}}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


@dataclass(frozen=True, kw_only=True)
class Say:
    """A refusal or a failure in words. `link` is an absolute address on the platform; `again` seconds until a retry."""

    status: int
    code: str
    title: str
    text: str
    link: str = ""
    link_text: str = ""
    again: int = 0


async def say(client: Client, words: Say, *, ancestors: str = "'none'", headers: Headers | None = None) -> None:
    """Answer in HTML to a browser that shows a page, else in JSON shaped like every other error of the platform.

    `ancestors` are the origins that may frame the page.
    """
    page = "text/html" in client.header(b"accept") and not client.websocket
    data = _html(words) if page else _json(words)
    kind = b"text/html; charset=utf-8" if page else b"application/json"
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
        f"frame-ancestors {ancestors}"
    )
    own: Headers = [
        (b"content-type", kind),
        (b"cache-control", b"no-store"),
        (b"content-security-policy", policy.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
    ]
    if words.again:
        own.append((b"retry-after", b"%d" % words.again))
    await client.respond(words.status, own + (headers or []), data)


def _html(words: Say) -> bytes:
    refresh = f'<meta http-equiv="refresh" content="{words.again}">' if words.again else ""
    link = ""
    if words.link:
        link = f'<p><a href="{html.escape(words.link)}" target="_top">{html.escape(words.link_text)}</a></p>'
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{refresh}'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><title>{html.escape(words.title)}</title>'
        f"<style>{_STYLE}</style></head><body><main><h1>{html.escape(words.title)}</h1>"
        f"<p>{html.escape(words.text)}</p>{link}</main></body></html>"
    ).encode()


def _json(words: Say) -> bytes:
    step = f"{words.link_text}: {words.link}" if words.link else ""
    return json.dumps(
        {"code": words.code, "message": f"{words.title}. {words.text}", "next_step": step, "facts": {}}
    ).encode()
