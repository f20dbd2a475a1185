"""What the frame around every page shows: the areas, who is signed in, which plan of words applies."""

from functools import partial
from typing import Any

from django.http import HttpRequest

from studium.community.notifications.queries import unread
from studium.web.signing_in import open_to_strangers

_AREAS = (
    ("home", "/", "Home"),
    ("notebooks", "/notebooks/", "Notebooks"),
    ("datasets", "/datasets/", "Datasets"),
    ("gallery", "/gallery/", "Gallery"),
    ("runs", "/runs/", "Runs"),
    ("queue", "/queue/", "Queue"),
    ("machines", "/machines/", "Machines"),
    ("teams", "/teams/", "Teams"),
    ("usage", "/usage/", "Usage"),
)


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context of `base.html`. Costs no query beyond the signed-in user's own row and, where the bell is shown, one count."""
    user = getattr(request, "user", None)
    known = bool(user and user.is_authenticated)
    here = request.path
    areas = (
        [
            {"url": url, "words": words, "here": here == url if url == "/" else here.startswith(url)}
            for _, url, words in _AREAS
        ]
        if known
        else []
    )
    if known and user is not None and user.is_staff:
        areas.append({"url": "/admin/", "words": "Admin", "here": here.startswith("/admin/")})
    return {
        "areas": areas,
        # Asked only by templates that show the bell: parts of pages do not.
        "unread": partial(unread, user) if known and user is not None else 0,
        "open_signup": open_to_strangers(),
        "settings_here": here.startswith(("/settings/", "/accounts/")),
    }
