"""The REST API: `api` with every route; `api.urls` is mounted at `/rest/`.

Handlers only translate: fetch as the caller, call one action or query, give a shape back.
"""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, re_path
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI
from ninja.openapi.docs import Swagger
from ninja.openapi.schema import OpenAPISchema

from studium import __version__
from studium.api import (
    admin,
    community,
    dataset_sources,
    dataset_uploads,
    environments,
    failures,
    git,
    inputs,
    launches,
    machines,
    me,
    moderation,
    notebooks,
    people,
    plans,
    providers,
    queue,
    runs,
    schedules,
    search,
    secrets,
    sharing,
    snapshots,
    storage,
    teams,
    tokens,
    usage,
    versions,
    volumes,
    webhooks,
)
from studium.api.shapes.base import Failure
from studium.errors import BadInput

NAMESPACE = "rest"
# These take a notebook as a file, or bytes of datasets or for providers, and are read with bounds of their own.
_LARGE = re.compile(
    r".*/(?:content|upload)|.*/datasets/[^/]+/(?:packs|cover|uploads/[^/]+)|.*/providers/[^/]+/files/.+"
)
_INTRODUCTION = """\
Everything the pages and the `studium` command do. Send a personal token as `Authorization: Bearer studium_...`.
Sizes are bytes, times ISO 8601 in UTC, durations seconds, money millionths of a US dollar. Errors are
`{code, message, next_step, facts}`."""


def _answered(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Answers are never stored by caches, wrong methods are said like every error, and NUL bytes go nowhere."""

    @csrf_exempt
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if "\0" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            return failures.answer(BadInput("input.nul", "The address contains a NUL byte.", "Leave it out."))
        if _oversized(request):
            return failures.answer(failures.too_large_for_json())
        try:
            response = view(request, *args, **kwargs)
        except Http404:
            response = _unknown(request)
        if response.status_code == 405:
            allowed = response.get("Allow", "")
            response = failures.answer(
                failures.WrongMethod(
                    "method.wrong", f"{request.method} does not work here.", f"This address takes: {allowed}."
                )
            )
            response["Allow"] = allowed
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return wrapped


def _oversized(request: HttpRequest) -> bool:
    """Whether a body that would be parsed here is too large for that: parsed JSON takes thirty times its bytes."""
    length = request.headers.get("Content-Length", "")
    return length.isdigit() and int(length) > failures.JSON_BYTES and not _LARGE.fullmatch(request.path)


def _unknown(request: HttpRequest, rest: str = "") -> HttpResponse:
    return failures.answer(failures.UNKNOWN_PATH)


class Api(NinjaAPI):
    """The API, whose document also says how every operation can fail."""

    def get_openapi_schema(self, *args: Any, **kwargs: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(*args, **kwargs)
        schema["components"]["schemas"]["Failure"] = Failure.model_json_schema()
        failure = {
            "description": "Failure",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}},
        }
        for methods in schema["paths"].values():
            for operation in methods.values():
                operation["responses"]["default"] = failure
        return schema

    @property
    def urls(self) -> tuple[list[URLResolver | URLPattern], str, str]:
        """What to mount at `/rest/`."""
        found, app, namespace = super().urls
        for pattern in found:
            if isinstance(pattern, URLPattern):
                pattern.callback = _answered(pattern.callback)
        return [*found, re_path("^(?P<rest>.*)$", _answered(_unknown))], app, namespace


def _build() -> Api:
    built = Api(
        title="Studium", version=__version__, description=_INTRODUCTION, urls_namespace=NAMESPACE, docs=Swagger()
    )
    failures.install(built)
    for prefix, module in (
        ("/me", me),
        ("/machines", machines),
        ("/queue", queue),
        ("/notebooks", git),  # before the next, for which `from-git` would be a notebook's id
        ("/notebooks", notebooks),
        ("/notebooks", launches),
        ("/notebooks", versions),
        ("/notebooks", snapshots),
        ("/notebooks", schedules),
        ("", sharing),
        ("", search),
        ("/notebooks", webhooks),
        ("/notebooks", inputs),
        ("/datasets", dataset_sources),
        ("/datasets", dataset_uploads),  # with all routes of datasets, which share their paths
        ("/runs", runs),
        ("/usage", usage),
        ("/plans", plans),
        ("/teams", teams),
        ("/teams", storage),
        ("", secrets),
        ("", providers),
        ("/environments", environments),
        ("/volumes", volumes),
        ("/tokens", tokens),
        ("", people),
        ("/admin", admin),
        ("/admin", moderation),
    ):
        built.add_router(prefix, module.router)
    for prefix, router in community.routers.items():
        built.add_router(prefix, router)
    return built


api = _build()
