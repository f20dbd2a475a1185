"""Addresses that answers point to: pages of the platform and ways into content hosts."""

from studium.community.writing import person_path
from studium.compute.models import Run
from studium.config.options import options
from studium.datasets.models import Dataset
from studium.notebooks.models import Notebook


def _page(path: str) -> str:
    return f"{options().platform_url}/{path}/"


def notebook_page(notebook: Notebook) -> str:
    return _page(f"notebooks/{notebook.team.slug}/{notebook.slug}")


def dataset_page(dataset: Dataset) -> str:
    return _page(f"datasets/{dataset.team.slug}/{dataset.slug}")


def version_page(notebook: Notebook, number: int) -> str:
    return _page(f"notebooks/{notebook.team.slug}/{notebook.slug}/versions/{number}")


def below(path: str) -> str:
    """The whole address of a path of the platform."""
    return f"{options().platform_url}{path}"


def person_page(username: str) -> str:
    return below(person_path(username))


def run_page(run: Run) -> str:
    return _page(f"runs/{run.pk}")


def invitation(secret: str) -> str:
    return _page(f"join/{secret}")


def shared(secret: str) -> str:
    return _page(f"shared/{secret}")


def login_link(secret: str) -> str:
    return _page(f"login/link/{secret}")


def entrance(label: str, ticket: str) -> str:
    """The one-time way into a content host; the edge trades the ticket for a cookie."""
    return f"{options().content_url(label)}/-/enter?ticket={ticket}"
