"""Two Parquet files that differ in one row group, made with a fixed seed. Usage: parquet.py FOLDER BYTES

Run by bench/dedupe.py with the packages of requirements/bench-parquet.txt. Says what it made.
"""

import random
import sys
from pathlib import Path
from typing import Any

GROUP_ROWS = 250_000


def main() -> int:
    import pyarrow  # type: ignore[import-not-found,unused-ignore]
    import pyarrow.parquet as files  # type: ignore[import-not-found,unused-ignore]

    def group(seed: int) -> Any:
        """Numbers that compress a little, and words that compress well."""
        chance = random.Random(seed)
        raw = chance.randbytes(GROUP_ROWS * 8)
        numbers = pyarrow.Array.from_buffers(pyarrow.int64(), GROUP_ROWS, [None, pyarrow.py_buffer(raw)])
        small = pyarrow.Array.from_buffers(
            pyarrow.int32(), GROUP_ROWS, [None, pyarrow.py_buffer(chance.randbytes(GROUP_ROWS * 4))]
        )
        words = pyarrow.array(chance.choices(["red", "green", "blue", "grey"], k=GROUP_ROWS))
        ids = pyarrow.array(range(seed * GROUP_ROWS, (seed + 1) * GROUP_ROWS))
        return pyarrow.table({"id": ids, "key": numbers, "value": small, "colour": words})

    folder, size = Path(sys.argv[1]), int(sys.argv[2])
    one, two = folder / "one.parquet", folder / "two.parquet"
    with one.open("wb") as first, two.open("wb") as second:
        table, groups = group(0), 0
        with files.ParquetWriter(first, table.schema) as a, files.ParquetWriter(second, table.schema) as b:
            while first.tell() < size:
                table = group(groups)
                a.write_table(table, row_group_size=GROUP_ROWS)
                b.write_table(group(100_000) if groups == 3 else table, row_group_size=GROUP_ROWS)
                groups += 1
    print(
        f"the fourth of {groups} row groups of {GROUP_ROWS:,} rows is another; PyArrow {pyarrow.__version__}, Snappy, "
        "as it writes by itself"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
