"""Parquet."""

from duck import Duck, quoted
from json_values import Trouble
from looking import File
from relations import Attempt, Table

_MARK = b"PAR1"


def ways(file: File, duck: Duck) -> list[Attempt]:
    def read() -> list[Table]:
        with open(file.path, "rb") as handle:
            first = handle.read(4)
            handle.seek(max(0, file.size - 4))
            last = handle.read(4)
        if first != _MARK:
            raise Trouble("It is not Parquet.")
        if last != _MARK:
            raise Trouble("It breaks off: the end of a Parquet file, where its columns are named, is not there.")
        return [Table(f"read_parquet({quoted(duck.path)})")]

    return [read]
