"""Errors in words: a whole page, or a notice when the page is live and asked for a piece of itself."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from studium.errors import Broken, NotFound, StudiumError

_TITLES = {
    400: "That did not work",
    403: "You may not do this",
    404: "There is nothing here",
    409: "Not at this moment",
    422: "That is not allowed",
    503: "Not at this moment",
    507: "There is no room",
}


def error_page(request: HttpRequest, error: StudiumError) -> HttpResponse:
    """The answer to a request that ended in `error`."""
    context = {
        "error": error,
        "title": _TITLES.get(error.status, "Something went wrong on our side"),
        "status": error.status,
    }
    if getattr(request, "htmx", False):
        response = render(request, "parts/notice.html", context, status=error.status)
        response["HX-Retarget"], response["HX-Reswap"] = "#notices", "innerHTML"
        return response
    return render(request, "error.html", context, status=error.status)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler of addresses that lead nowhere."""
    return error_page(request, NotFound("page.unknown", "There is nothing here.", "Check the address."))


def fault(request: HttpRequest) -> HttpResponse:
    """Django's handler of failures of ours; it has been logged by then. Reads nothing from the database."""
    error = Broken(
        "platform.fault",
        "The page could not be made. Sessions that run go on.",
        "Try again; if it stays so, tell an administrator the time and the address.",
    )
    return HttpResponse(render_to_string("fault.html", {"error": error}), status=500)
