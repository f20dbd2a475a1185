"""Which package index team environments are built from, and which hosts that takes."""

import subprocess
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from studium.config.options import options
from studium.errors import NotYet, Refused

# pip knows the public index and where its files lie; so the default is what `pip install` uses, under whatever name.
_ASK_PIP = "from pip._internal.models.index import PyPI; print(PyPI.simple_url, PyPI.file_storage_domain)"


@dataclass(frozen=True)
class Index:
    """The address that uv takes, and every `host:port` that a build may reach."""

    url: str
    hosts: tuple[str, ...]


def package_index(environment: str) -> Index:
    """The operator's, or else the one that the pip of the environment at this path uses. Raises NotYet or Refused."""
    settings = options()
    if settings.package_index:
        return Index(settings.package_index, _hosts(settings.package_index, settings.package_hosts))
    return _of_pip(environment)


def _hosts(url: str, more: str) -> tuple[str, ...]:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise Refused(
            "environment.bad_index",
            "The setting of the package index is no http or https address, or has a password in it, which builds would see.",
            "Ask the operator to set STUDIUM_PACKAGE_INDEX to an address that needs none.",
        )
    default = 443 if parts.scheme == "https" else 80
    found = [f"{parts.hostname}:{parts.port or default}"]
    found += [each if ":" in each else f"{each}:{default}" for each in more.lower().replace(",", " ").split()]
    return tuple(found)


@lru_cache(maxsize=4)
def _of_pip(environment: str) -> Index:
    command = [f"{environment}/bin/python", "-I", "-c", _ASK_PIP]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, env={"LANG": "C.UTF-8"})
        url, files = done.stdout.split()
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise NotYet(
            "environment.no_index",
            "It is not known from which package index environments are built.",
            "Ask the operator to set STUDIUM_PACKAGE_INDEX.",
        ) from error
    return Index(url, _hosts(url, files))
