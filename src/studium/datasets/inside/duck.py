"""DuckDB for one hostile file: it may read that file and a folder of its own, and nothing else of the machine or the net."""

import os
from typing import Any

import duckdb
from json_values import Trouble
from looking import File

# Of the memory that this process may have; what is not counted by it (parsers, aggregates, us) needs the rest.
_SHARE = 0.5


def quoted(text: str) -> str:
    """As a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def column(name: str) -> str:
    """As a name in SQL."""
    return '"' + name.replace('"', '""') + '"'


class Duck:
    """A connection that only this file's profile uses."""

    def __init__(self, file: File) -> None:
        try:
            file.path.encode()
        except UnicodeEncodeError:
            raise Trouble("Its name is not text.") from None
        # Names are patterns to DuckDB, so it is told one of ours.
        self.path = os.path.join(file.scratch, "file")
        os.symlink(file.path, self.path)
        self._connection = duckdb.connect(":memory:", config=self._config(file))
        # A link is looked at where it leads, so both are named.
        folder, path = quoted(file.scratch + "/"), quoted(file.path)
        for setting in (
            f"allowed_directories = [{folder}]",
            f"allowed_paths = [{path}]",
            "python_enable_replacements = false",
            "TimeZone = 'UTC'",
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            self._connection.execute(f"SET {setting}")

    @staticmethod
    def _config(file: File) -> dict[str, Any]:
        return {
            "threads": str(file.limits.threads),
            "async_threads": "1",
            "memory_limit": f"{int(file.limits.memory * _SHARE) >> 20}MiB",
            "temp_directory": os.path.join(file.scratch, "spilled"),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "allow_persistent_secrets": "false",
        }

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows. Raises what DuckDB raises."""
        return self._connection.execute(sql).fetchall()

    def columns(self, relation: str) -> list[tuple[str, str]]:
        """Names and DuckDB's types of what follows FROM."""
        return [(str(row[0]), str(row[1])) for row in self.rows(f"DESCRIBE SELECT * FROM {relation}")]
