"""CSV and TSV, as they come: what people call so need not be UTF-8, have rows of one length or end its lines at all.

First as it is, with types from the first rows. Where that does not go through, as it is with types that fit all rows; or,
where the bytes are the trouble, a clean copy of it. In the end whatever can be read, all of it as text.
"""

from typing import Any

import duckdb
from clean_text import Copied, clean_copy, first_bytes, guess, narrow_copy
from duck import Duck, quoted
from file_kinds import packing
from json_values import Trouble
from looking import File
from relations import MOST_COLUMNS, Attempt, Table

# DuckDB reads in pieces of sixteen times that.
_LONGEST_LINE = 2_000_000
# A line this long may have no end, which DuckDB would look for in every way there is to read the file.
_SUSPICIOUS = 128 * 1024
# What DuckDB says when it is the bytes and not the values.
_BYTES = ("unicode", "utf", "line size", "null byte", "buffer", "quote", "encod")


class Ways:
    """The attempts in their order, with what one learned for the next."""

    def __init__(self, file: File, duck: Duck) -> None:
        self._file, self._duck = file, duck
        self._copy: Copied | None = None
        self._columns: int | None = None
        start = first_bytes(file)
        self._encoding = guess(start)
        self._packing = {"gz": "gzip", "zst": "zstd", "": "none"}.get(packing(file.name))
        separators = _separators(start)
        self._many, self._wide = separators > 0, separators >= MOST_COLUMNS
        endless = max(map(len, start.split(b"\n"))) > _SUSPICIOUS
        good = self._encoding == "utf-8" and b"\0" not in start and not endless and not self._wide
        self._clean = good and self._packing is not None

    def as_it_is(self) -> list[Table]:
        if not self._clean:
            return self.fitting_all()
        return [self._table(self._duck.path, self._packing or "none")]

    def fitting_all(self) -> list[Table]:
        """The bytes made good if need be, and types that every row agrees with."""
        lenient = {"strict_mode": "false", "null_padding": "true", "sample_size": "-1"}
        if self._clean:
            try:
                return [self._table(self._duck.path, self._packing or "none", **lenient)]
            except duckdb.Error as error:
                if not any(word in str(error).lower() for word in _BYTES):
                    raise
        self._clean = False
        return [self._copied(**lenient)]

    def whatever_can_be_read(self) -> list[Table]:
        table = self._copied(
            strict_mode="false", null_padding="true", ignore_errors="true", all_varchar="true", sample_size="20480"
        )
        table.exact = False
        table.trouble = f"{table.trouble} Not all of its lines can be read; its values are shown as text.".strip()
        return [table]

    def _copied(self, **options: str) -> Table:
        if self._copy is None:
            self._copy = clean_copy(self._file, self._encoding)
            if self._wide:  # DuckDB takes memory for a few thousand rows of each column, whether it is asked for or not
                self._columns = narrow_copy(self._copy, "\t" if self._file.form == "tsv" else None, MOST_COLUMNS)
        table = self._table(self._copy.path, "none", **options)
        table.exact, table.trouble = self._copy.exact, self._copy.trouble
        table.columns_count = self._columns
        return table

    def _table(self, path: str, compression: str, **options: str) -> Table:
        """A relation with everything about it settled, so that it is not guessed anew in each scan."""
        fixed = {
            "compression": quoted(compression),
            "max_line_size": str(_LONGEST_LINE),
            **({"delim": r"'\t'"} if self._file.form == "tsv" else {}),
            **options,
        }
        found = self._sniffed(path, fixed)
        names = [(each["name"], each["type"]) for each in found["Columns"]]
        if len(names) == 1 and self._many and "null_padding" not in options:
            raise duckdb.InvalidInputException("Its rows have different lengths")
        settled = {
            **fixed,
            "auto_detect": "false",
            "delim": quoted(found["Delimiter"]),
            # Where the first rows have no quotes, later ones may.
            "quote": quoted(_or(found["Quote"], '"')),
            "escape": quoted(_or(found["Escape"], _or(found["Quote"], '"'))),
            "skip": str(found["SkipRows"]),
            "comment": quoted(_or(found["Comment"], "")),
            "header": str(bool(found["HasHeader"])).lower(),
            "columns": "{" + ", ".join(f"{quoted(name)}: {quoted(kind)}" for name, kind in names) + "}",
        }
        for option, key in (("dateformat", "DateFormat"), ("timestampformat", "TimestampFormat")):
            if found[key]:
                settled[option] = quoted(found[key])
        for guessing in ("sample_size", "all_varchar"):
            settled.pop(guessing, None)
        return Table(_call("read_csv", path, settled), columns=names)

    def _sniffed(self, path: str, options: dict[str, str]) -> dict[str, Any]:
        keys = "Delimiter Quote Escape Comment SkipRows HasHeader Columns DateFormat TimestampFormat".split()
        rows = self._duck.rows(f"SELECT {', '.join(keys)} FROM {_call('sniff_csv', path, options)}")
        if not rows:
            raise Trouble("There is no table in it.")
        return dict(zip(keys, rows[0], strict=True))


def _call(function: str, path: str, options: dict[str, str]) -> str:
    return f"{function}({', '.join([quoted(path), *(f'{name} = {told}' for name, told in options.items())])})"


def _or(found: str | None, otherwise: str) -> str:
    """What the sniffer found; it has a word for nothing."""
    return otherwise if not found or found == "(empty)" else found


def _separators(start: bytes) -> int:
    """How many columns more than one the first line seems to have."""
    first = start.split(b"\n", 1)[0]
    return max(first.count(each) for each in (b",", b";", b"\t"))


def ways(file: File, duck: Duck) -> list[Attempt]:
    found = Ways(file, duck)
    return [found.as_it_is, found.fitting_all, found.whatever_can_be_read]
