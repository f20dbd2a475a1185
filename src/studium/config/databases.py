"""From a database address to Django's settings. SQLite in WAL mode by default, PostgreSQL by setting."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


def database(url: str, home: Path) -> dict[str, Any]:
    """Django's `DATABASES["default"]` for `url`. Raises ValueError for schemes other than sqlite and postgresql."""
    if not url:
        return _sqlite(home / "studium.sqlite3")
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return _sqlite(Path(parts.path))
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ValueError(f"database_url: {parts.scheme!r} is neither sqlite nor postgresql")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or "") or dict(parse_qsl(parts.query)).get("host", ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


def _sqlite(path: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {
            # IMMEDIATE: a transaction that will write takes the lock at its start and waits, instead of failing half-way.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            # FULL: with WAL, NORMAL leaves the last commits to the kernel, and a power cut takes them back.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA mmap_size=134217728;"
            " PRAGMA cache_size=-16000;",
        },
        "CONN_MAX_AGE": None,
        "TEST": {"NAME": None},
    }
