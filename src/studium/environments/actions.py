"""Put built environments on record."""

from datetime import datetime
from pathlib import Path

from studium.environments.describe import describe
from studium.environments.models import Environment
from studium.errors import NotYet

DEFAULT = "default"


def register_default(path: Path, *, now: datetime) -> Environment:
    """Note the environment built at `path` as the default one. Runs that use an earlier build keep it."""
    found = describe(path)
    environment, _ = Environment.objects.update_or_create(
        slug=DEFAULT,
        defaults={
            "name": f"Python {found.python}",
            "lock_digest": found.digest,
            "path": str(path),
            "packages": [{"name": name, "version": version} for name, version in sorted(found.packages.items())],
            "size_bytes": found.size_bytes,
            "built_at": now,
        },
    )
    return environment


def default_environment() -> Environment:
    """The environment runs use. Raises NotYet before it is built."""
    found = Environment.objects.filter(slug=DEFAULT).first()
    if found is None:
        raise NotYet(
            "environment.not_built",
            "The default environment is not built yet.",
            "An administrator builds it with `studium up`.",
        )
    return found
