"""A team's storage providers: the listing, one to make, one with its test and its files."""

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from studium.api.providers import download as as_download
from studium.errors import BadInput, StudiumError
from studium.lib import clock
from studium.storage.providers import actions, files, queries, testing
from studium.storage.providers.access import provider_for, team_with_providers
from studium.storage.providers.models import Provider
from studium.storage.providers.remote import Listing
from studium.storage.providers.states import KIND_WORDS, Kind
from studium.web.forms.providers import ProviderForm
from studium.web.requests import UserRequest, signed_in


def _address(provider: Provider, rest: str = "") -> str:
    return f"/teams/{provider.team.slug}/providers/{provider.name}/{rest}"


@signed_in
@require_GET
def listing(request: UserRequest, slug: str) -> HttpResponse:
    team = team_with_providers(request.user, slug)
    rows = [(row, KIND_WORDS[Kind(row.kind)]) for row in queries.of_team(team)]
    return render(request, "providers/list.html", {"team": team, "rows": rows, "now": clock.now()})


@signed_in
@require_http_methods(["GET", "POST"])
def new(request: UserRequest, slug: str) -> HttpResponse:
    team = team_with_providers(request.user, slug)
    form = ProviderForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            name = form.cleaned_data["name"].strip()
            made = actions.make_provider(request.user, team, name, form.wanted(), now=clock.now())
            messages.success(request, f"{made.name} is made. Test it now.")
            return redirect(_address(made))
        except StudiumError as error:
            form.add_error(None, f"{error.message} {error.next_step}")
    context = {"team": team, "form": form, "secret_names": queries.secret_names(team)}
    return render(request, "providers/new.html", context, status=400 if request.method == "POST" else 200)


@signed_in
@require_GET
def show(request: UserRequest, slug: str, name: str) -> HttpResponse:
    return _page(request, provider_for(request.user, slug, name))


def _page(
    request: UserRequest,
    provider: Provider,
    *,
    form: ProviderForm | None = None,
    tried: list[testing.Tried] | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page. Its server is asked for the files, outside of any transaction."""
    path = request.GET.get("path", "")
    context = {
        "now": clock.now(),
        "provider": provider,
        "team": provider.team,
        "url": _address(provider),
        "kind": KIND_WORDS[Kind(provider.kind)],
        "form": form or ProviderForm(row=provider),
        "secret_names": queries.secret_names(provider.team),
        "tried": tried,
        "test_good": tried is not None and all(each.error is None for each in tried),
        "path": path,
        **_folder(provider, path, request.GET.get("after", "")),
    }
    return render(request, "providers/show.html", context, status=status)


def _folder(provider: Provider, path: str, after: str) -> dict[str, object]:
    """What the card of files shows; in words why it cannot."""
    try:
        found = files.look(provider, path, after)
    except BadInput:
        raise
    except StudiumError as error:
        return {"trouble": error, "listing": Listing([])}
    bare, crumbs = path.strip("/"), list[tuple[str, str]]()
    for part in bare.split("/") if bare else ():
        crumbs.append((part, f"{crumbs[-1][1]}/{part}" if crumbs else part))
    return {"listing": found, "crumbs": crumbs, "began": not after}


@signed_in
@require_POST
def test(request: UserRequest, slug: str, name: str) -> HttpResponse:
    """Test it and show each step."""
    provider = provider_for(request.user, slug, name)
    tried = testing.run_test(request.user, provider, now=clock.now())
    provider.refresh_from_db()
    context = {
        "provider": provider,
        "url": _address(provider),
        "now": clock.now(),
        "tried": tried,
        "test_good": all(each.error is None for each in tried),
    }
    if request.htmx:
        return render(request, "providers/test.html", context)
    return _page(request, provider, tried=tried)


@signed_in
@require_POST
def change(request: UserRequest, slug: str, name: str) -> HttpResponse:
    provider = provider_for(request.user, slug, name)
    form = ProviderForm(request.POST, row=provider)
    if form.is_valid():
        try:
            actions.change_provider(request.user, provider, form.wanted(), now=clock.now())
            messages.success(request, f"{provider.name} is changed. Test it again.")
            return redirect(_address(provider))
        except StudiumError as error:
            form.add_error(None, f"{error.message} {error.next_step}")
    return _page(request, provider, form=form, status=400)


@signed_in
@require_POST
def remove(request: UserRequest, slug: str, name: str) -> HttpResponse:
    provider = provider_for(request.user, slug, name)
    actions.remove_provider(request.user, provider, now=clock.now())
    messages.success(request, f"{name} is removed. What lies in it stays there.")
    return redirect(f"/teams/{slug}/providers/")


@signed_in
@require_safe
def download(request: UserRequest, slug: str, name: str) -> HttpResponseBase:
    provider = provider_for(request.user, slug, name)
    return as_download(request, *files.stream(provider, request.GET.get("path", "")))
