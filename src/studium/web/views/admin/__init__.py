"""The operators' area. Everybody else gets 404 from `operators`."""

from functools import wraps
from typing import Any

from django.http.response import HttpResponseBase

from studium.accounts.access import operator
from studium.web.requests import UserRequest, UserView, signed_in


def operators(view: UserView) -> UserView:
    """Let only operators in; to others the address does not exist."""

    @wraps(view)
    def guarded(request: UserRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        operator(request.user)
        return view(request, *args, **kwargs)

    return signed_in(guarded)
