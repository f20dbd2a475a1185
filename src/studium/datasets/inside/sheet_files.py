"""Excel's .xlsx: sheets as tables, their first row as names. It is a zip of XML, so it is weighed before it is opened."""

import itertools
import warnings
import zipfile
from collections.abc import Iterator
from typing import Any

from duck import Duck
from json_values import Trouble
from looking import File
from relations import Attempt, Table
from staging import Staged, distinct_names

# Unpacked. The texts of all sheets are held in memory, several times what they are in the file.
_MOST_BYTES, _MOST_TEXTS = 1 << 30, 64 * 1024 * 1024
_MOST_MEMBERS = 2000
# Sheets say how wide they are; one that is wider than Excel's has been made by nothing good.
_MOST_COLUMNS = 16_384
# Rows from which width and names are taken.
_LOOKED_AT = 100


def ways(file: File, duck: Duck) -> list[Attempt]:
    return [lambda: _tables(file)]


def _weigh(file: File) -> None:
    """Raises Trouble. What a member claims is what the reader of zips holds it to."""
    with zipfile.ZipFile(file.path) as archive:
        members = archive.infolist()
    texts = sum(each.file_size for each in members if "sheets/" not in each.filename)
    if len(members) > _MOST_MEMBERS or sum(each.file_size for each in members) > _MOST_BYTES or texts > _MOST_TEXTS:
        raise Trouble("Unpacked it is too large to be looked into.")


def _tables(file: File) -> Iterator[Table]:
    import openpyxl

    warnings.simplefilter("ignore")
    try:
        _weigh(file)
        book = openpyxl.load_workbook(file.path, read_only=True, data_only=True, keep_links=False)
        for number, sheet in enumerate(book.worksheets):
            sheet.reset_dimensions()
            table = _sheet(file, sheet, number)
            if table is not None:
                yield table
    except (Trouble, MemoryError):
        raise
    except Exception as error:
        # openpyxl raises whatever the broken XML makes happen in it; what DuckDB raises does not come through here.
        raise Trouble(f"It cannot be read as Excel: {type(error).__name__}: {str(error)[:150]}.") from None


def _sheet(file: File, sheet: Any, number: int) -> Table | None:
    rows = (row for row in sheet.iter_rows(values_only=True, max_col=_MOST_COLUMNS) if _filled(row))
    start = list(itertools.islice(rows, _LOOKED_AT))
    if not start:
        return None
    width = max(max(place for place, each in enumerate(row, 1) if each is not None) for row in start)
    # A title above the table is not its names.
    header = next((place for place, row in enumerate(start) if _filled(row) * 2 >= width), 0)
    staged = Staged(file, distinct_names([*start[header], *[None] * width][:width]), number)
    staged.fill(row[:width] for row in itertools.chain(start[header + 1 :], rows))
    return staged.table(str(sheet.title))


def _filled(row: tuple[Any, ...]) -> int:
    return sum(each is not None for each in row)
