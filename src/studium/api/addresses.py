"""Addresses that answers point to: pages of the platform and ways into content hosts."""

from django.urls import reverse

from studium.compute.models import Run
from studium.config.options import options
from studium.notebooks.models import Notebook


def page(name: str, *parts: str) -> str:
    """The whole address of a page by its route's name."""
    return options().platform_url + reverse(name, args=parts)


def notebook_page(notebook: Notebook) -> str:
    return page("notebook", notebook.team.slug, notebook.slug)


def run_page(run: Run) -> str:
    return page("run", run.pk)


def invitation(secret: str) -> str:
    return page("join", secret)


def login_link(secret: str) -> str:
    return page("login-link", secret)


def entrance(label: str, ticket: str) -> str:
    """The one-time way into a content host; the edge trades the ticket for a cookie."""
    return f"{options().content_url(label)}/-/enter?ticket={ticket}"
