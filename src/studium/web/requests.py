"""What views are given: a request whose user is known, and the way to demand one."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django_htmx.middleware import HtmxDetails

from studium.accounts.models import User


class UserRequest(HttpRequest):
    """A request of somebody who is signed in."""

    user: User
    htmx: HtmxDetails


UserView = Callable[..., HttpResponseBase]


def signed_in(view: UserView) -> Callable[..., HttpResponseBase]:
    """Send people who are not signed in to the sign-in page, and back afterwards. Fragments make the whole page go."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            return view(cast(UserRequest, request), *args, **kwargs)
        htmx = cast(UserRequest, request).htmx
        came_from = htmx.current_url_abs_path if htmx else request.get_full_path()
        # A form that was sent is lost by signing in; the page it stood on is where to go on.
        after = came_from if htmx or request.method == "GET" else "/"
        target = f"{settings.LOGIN_URL}?{urlencode({'next': after or '/'})}"
        if htmx:
            answer = HttpResponse(status=204)
            answer["HX-Redirect"] = target
            return answer
        return HttpResponseRedirect(target)

    return guarded
