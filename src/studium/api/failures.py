"""Errors as JSON, `{code, message, next_step, facts}`, with the status of their class: for all that can go wrong."""

from collections.abc import Callable
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from studium.api.auth import not_signed_in
from studium.config.options import options
from studium.errors import BadInput, Broken, Forbidden, NotFound, NotYet, StudiumError
from studium.lib.ids import new_id
from studium.lib.units import MIB, size_words
from studium.storage.errors import StoreFailed, in_words

JSON_BYTES = 4 * MIB
log = structlog.get_logger(__name__)
UNKNOWN_PATH = NotFound(
    "path.unknown", "There is nothing at this address.", "See /rest/openapi.json for what there is."
)


class TooLarge(BadInput):
    """More bytes than are taken."""

    status = 413


class WrongMethod(BadInput):
    """The address is right, the verb is not."""

    status = 405


class Busy(NotYet):
    """Something below us does not answer now."""

    status = 503


def answer(error: StudiumError) -> HttpResponse:
    """The error as a response. What passes by itself says when to come back."""
    response = JsonResponse(error.as_dict(), status=error.status)
    if error.status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="studium"'
    if error.status == 503:
        response["Retry-After"] = "2"
    return response


def install(api: NinjaAPI) -> None:
    """Handle every exception of the API's operations."""
    handlers: dict[type[Exception], Callable[[Any], StudiumError]] = {
        StudiumError: lambda error: error,
        ValidationError: _invalid,
        AuthenticationError: lambda _: not_signed_in(),
        HttpError: _http,
        Http404: lambda _: UNKNOWN_PATH,
        PermissionDenied: lambda _: Forbidden("auth.forbidden", "You may not do this.", "Ask an administrator."),
        RequestDataTooBig: lambda _: too_large(),
        SuspiciousOperation: lambda _: BadInput("input.refused", "The request is malformed.", "See /rest/docs."),
        UnreadablePostError: lambda _: BadInput(
            "input.cut_short", "The request ended before it was complete.", "Send it again."
        ),
        OperationalError: _database,
        StoreFailed: _store,
        OSError: _store,
        Exception: _fault,
    }
    for kind, handler in handlers.items():
        api.add_exception_handler(kind, _handling(handler))


def _handling(translate: Callable[[Any], StudiumError]) -> Callable[[HttpRequest, Any], HttpResponse]:
    def handle(request: HttpRequest, error: Any) -> HttpResponse:
        return answer(translate(error))

    return handle


def too_large() -> TooLarge:
    most = options().notebook_bytes
    return TooLarge(
        "input.too_large",
        f"The request is larger than the {size_words(most)} this server takes.",
        "Clear large outputs from the notebook and keep data in files beside it.",
        {"limit_bytes": most},
    )


def too_large_for_json() -> TooLarge:
    return TooLarge(
        "input.too_large",
        f"JSON bodies of up to {size_words(JSON_BYTES)} are taken here.",
        "Send a larger notebook as a file: POST /rest/notebooks/upload, or PUT its /content.",
        {"limit_bytes": JSON_BYTES},
    )


def _invalid(error: ValidationError) -> BadInput:
    """Which fields are wrong, in the order they were found, without echoing what was sent."""
    fields = []
    for one in error.errors[:20]:
        place = [str(part) for part in one.get("loc", ())]
        # The first part says where (body, query, path), the second the parameter's name in our code for bodies.
        name = ".".join(place[2:] or place[1:] or place)
        fields.append({"field": name, "problem": str(one.get("msg", "invalid"))})
    said = "; ".join(f"{f['field']}: {f['problem']}" for f in fields[:3])
    return BadInput(
        "input.invalid",
        f"The request is not valid: {said}."[:500],
        "See /rest/docs for the fields.",
        {"fields": fields},
    )


def _http(error: HttpError) -> StudiumError:
    if error.status_code == 400:
        return BadInput(
            "input.not_json", "The body is not JSON.", "Send a JSON object with Content-Type: application/json."
        )
    return BadInput("input.refused", f"{error}.".replace("..", "."), "See /rest/docs.")


def _store(error: OSError) -> StudiumError:
    said = in_words(error)
    if said is None:
        return _fault(error)
    log.warning("store_failed", code=said.code, error=str(error))
    return said


def _database(error: OperationalError) -> StudiumError:
    log.warning("database_unavailable", error=str(error))
    if said := in_words(error):
        return said
    return Busy("database.busy", "The database does not answer at this moment.", "Try again in a few seconds.")


def _fault(error: Exception) -> Broken:
    name = new_id()
    log.error("rest_fault", fault=name, exc_info=error)
    return Broken(
        "server.fault", "Something went wrong on our side.", f"Tell an administrator this id: {name}.", {"id": name}
    )
