"""JSON with a record for each row: a list of objects, an object on each line, or one object, which is a table of one row."""

from duck import Duck, quoted
from file_kinds import packing
from looking import File
from relations import Attempt, Table

# Deeper values are one value of type JSON. DuckDB would go down as far as there are brackets.
_DEEPEST = 8
_LARGEST_OBJECT = 32 * 1024 * 1024


def ways(file: File, duck: Duck) -> list[Attempt]:
    """With types from the first rows, with types that fit all, and without the lines that are no JSON."""
    packed = {"gz": "gzip", "zst": "zstd"}.get(packing(file.name), "none")
    form = "newline_delimited" if file.form == "jsonl" else "auto"
    fixed = (
        f"format = '{form}', compression = '{packed}', maximum_depth = {_DEEPEST}, "
        f"maximum_object_size = {_LARGEST_OBJECT}, records = 'auto'"
    )

    def read(**options: str) -> list[Table]:
        asked = ", ".join([quoted(duck.path), fixed, *(f"{name} = {told}" for name, told in options.items())])
        columns = duck.columns(f"read_json({asked})")
        shape = ", ".join(f"{quoted(name)}: {quoted(kind)}" for name, kind in columns)
        options.pop("sample_size", None)
        rest = ", ".join([quoted(duck.path), fixed, *(f"{name} = {told}" for name, told in options.items())])
        return [Table(f"read_json({rest}, auto_detect = false, columns = {{{shape}}})", columns=columns)]

    def leaving_out() -> list[Table]:
        [table] = read(sample_size="-1", ignore_errors="true")
        table.exact, table.trouble = False, "Some of its lines are not JSON and are left out."
        return [table]

    found: list[Attempt] = [read, lambda: read(sample_size="-1")]
    return [*found, leaving_out] if file.form == "jsonl" else found
