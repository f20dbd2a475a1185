"""Security headers on every answer, and every error of the platform as a page or, inside a live page, as a notice."""

from collections.abc import Callable

import structlog
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse

from studium.errors import BadInput, Forbidden, NotFound, StudiumError
from studium.storage.errors import in_words
from studium.web import policy
from studium.web.views.errors import error_page

log = structlog.get_logger(__name__)
_LEAVES = "/accounts/oidc/"  # its form goes on to an identity provider
_OTHERS = ("/rest/", "/-/")  # these say their errors in their own way


class SecurityHeaders:
    """Adds what `policy` asks for, wherever a view has not set its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        self._fixed = policy.fixed_headers()
        self._policy = policy.content_policy()
        self._leaving = policy.content_policy(forms_to=policy.sign_in_targets())

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        for name, value in self._fixed.items():
            response.headers.setdefault(name, value)
        wanted = self._leaving if request.path.startswith(_LEAVES) else self._policy
        response.headers.setdefault("Content-Security-Policy", wanted)
        # Everything but static files is somebody's own: pages, and downloads, and redirects with a ticket.
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class ErrorPages:
    """Turns the errors that views raise into answers with the sentence, the next step and the right status."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\0" in request.path or "%00" in request.META.get("QUERY_STRING", ""):  # no database can be asked for it
            return error_page(request, BadInput("input.nul", "The address contains a NUL byte.", "Check the address."))
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if request.path.startswith(_OTHERS):
            return None
        if isinstance(exception, Http404):
            exception = NotFound("page.unknown", "There is nothing here.", "Check the address.")
        elif isinstance(exception, PermissionDenied):
            exception = Forbidden("page.forbidden", "You may not do this.", "Ask an administrator.")
        elif isinstance(exception, (OSError, OperationalError)) and (said := in_words(exception)):
            log.warning("store_failed", code=said.code, error=str(exception))
            exception = said
        if not isinstance(exception, StudiumError):
            return None
        return error_page(request, exception)
