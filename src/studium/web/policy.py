"""The headers every page carries: what it may load, who may frame it, what the browser may tell others."""

import json
from collections.abc import Iterable
from urllib.parse import urlsplit

from studium.config.options import options

_FIXED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
_YEAR = 365 * 86400


def content_policy(*, frames: Iterable[str] = (), forms_to: Iterable[str] = ()) -> str:
    """The content security policy of a page.

    `frames` are the content origins it shows in frames, `forms_to` what its forms may lead to besides the platform.
    """
    framed = " ".join(frames) or "'none'"
    targets = " ".join(("'self'", *forms_to))
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
        f"form-action {targets}; frame-src {framed}; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
    )


def sign_in_targets() -> tuple[str, ...]:
    """Where the form that leaves for an identity provider may lead: browsers hold redirects of a form to its policy too."""
    servers = [urlsplit(app["server_url"]) for app in json.loads(options().oidc or "[]")]
    return ("https:", *(f"http://{server.netloc}" for server in servers if server.scheme == "http"))


def fixed_headers() -> dict[str, str]:
    """The headers that are the same on every answer."""
    if options().platform_url.startswith("https://"):
        return {**_FIXED, "Strict-Transport-Security": f"max-age={_YEAR}"}
    return dict(_FIXED)
