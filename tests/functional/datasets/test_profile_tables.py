"""Tables as people have them: what is told of each, by format, beside what pandas and Python say of the same."""

import gzip
import itertools
import json
import math
import sqlite3
import statistics
from pathlib import Path
from typing import Any

import pytest
from profiling import columns, environment, make, profile, types

pytestmark = pytest.mark.no_database
ROWS = 3000
KEYS = {"name", "type", "missing", "distinct", "distinct_exact", "min", "max", "mean", "std", "quantiles"} | {
    "histogram",
    "top",
    "length",
}
MAKE = f"""
import datetime, decimal
import pandas, pyarrow, pyarrow.feather
rows = range({ROWS})
table = pandas.DataFrame({{
    "number": [row / 7 if row % 10 else None for row in rows],
    "count": [row % 40 for row in rows],
    "word": ["abc"[row % 3] * (row % 3 + 1) for row in rows],
    "yes": [row % 4 == 0 for row in rows],
    "at": [datetime.datetime(2024, 1, 1) + datetime.timedelta(hours=row) for row in rows],
    "day": [datetime.date(2024, 1, 1) + datetime.timedelta(days=row % 90) for row in rows],
}})
table.to_csv("t.csv", index=False)
table.to_csv("t.tsv", index=False, sep="\\t")
table.to_csv("t.csv.gz", index=False)
with pyarrow.output_stream("t.csv.zst", compression="zstd") as packed:
    packed.write(open("t.csv", "rb").read())
table.to_parquet("t.parquet")
table.to_feather("t.feather")
table.to_json("t.json", orient="records", date_format="iso", date_unit="s")
table.to_json("t.jsonl", orient="records", lines=True, date_format="iso", date_unit="s")
with pandas.ExcelWriter("t.xlsx") as book:
    table.to_excel(book, sheet_name="First", index=False)
    table.head(5).to_excel(book, sheet_name="Second", index=False)
arrow = pyarrow.Table.from_pandas(table)
with pyarrow.ipc.new_stream("t.arrows", arrow.schema) as writer:
    writer.write_table(arrow)
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    root = tmp_path_factory.mktemp("tables") / "data"
    root.mkdir()
    make(root, MAKE)
    with sqlite3.connect(root / "t.sqlite") as database:
        database.execute("CREATE TABLE t (number REAL, count INTEGER, word TEXT, raw BLOB)")
        some = [
            (row / 7 if row % 10 else None, row % 40, "abc"[row % 3] * (row % 3 + 1), b"\0\1") for row in range(ROWS)
        ]
        database.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", some)
    database.close()
    return profile(root)


FORMS = ("csv", "tsv", "csv.gz", "csv.zst", "parquet", "feather", "arrows", "json", "jsonl", "xlsx", "sqlite")


@pytest.mark.parametrize("form", FORMS)
def test_every_format_tells_the_same(found: dict[str, Any], form: str) -> None:
    told = found[f"t.{form}"]
    assert told["trouble"] == ""
    table = told["tables"][0]
    assert table["rows"] == ROWS
    assert table["rows_exact"]
    assert len(table["head"]) == min(ROWS, 1000)
    assert table["head"][1][0] == pytest.approx(1 / 7)
    assert all(set(each) == KEYS for each in table["columns"])
    of = columns(told)
    numbers = [row / 7 for row in range(ROWS) if row % 10]
    assert of["number"]["type"] == "number"
    assert of["number"]["missing"] == ROWS / 10
    assert of["number"]["min"] == pytest.approx(1 / 7)
    assert of["number"]["max"] == pytest.approx(max(numbers))
    assert of["number"]["mean"] == pytest.approx(statistics.fmean(numbers))
    assert of["number"]["std"] == pytest.approx(statistics.stdev(numbers))
    assert of["number"]["quantiles"] == pytest.approx(
        [statistics.quantiles(numbers, n=20)[i] for i in (0, 4, 9, 14, 18)], rel=0.03
    )
    assert of["count"]["type"] == "integer"
    assert (of["count"]["distinct"], of["count"]["distinct_exact"]) == (40, True)
    assert of["word"]["type"] == "text"
    assert of["word"]["top"] == [["a", 1000], ["bb", 1000], ["ccc", 1000]]
    assert of["word"]["length"] == {"min": 1, "max": 3, "mean": 2.0}


@pytest.mark.parametrize("form", [form for form in FORMS if form != "sqlite"])
def test_times_and_truth_have_their_types(found: dict[str, Any], form: str) -> None:
    told = found[f"t.{form}"]
    kinds = types(told)
    assert (kinds["yes"], kinds["at"]) == ("boolean", "timestamp")
    assert kinds["day"] in ("date", "timestamp")
    of = columns(told)
    assert of["at"]["min"] == "2024-01-01 00:00:00"
    assert of["at"]["max"] == "2024-05-04 23:00:00"
    assert of["yes"]["top"] == [[False, 2250], [True, 750]]
    edges = of["at"]["histogram"]["edges"]
    assert (edges[0], edges[-1], len(edges)) == ("2024-01-01 00:00:00", "2024-05-04 23:00:00", 21)
    assert of["at"]["histogram"]["counts"] == pytest.approx([ROWS / 20] * 20, abs=1)


@pytest.mark.parametrize("form", ["csv", "parquet", "sqlite"])
def test_a_histogram_counts_every_value_once(found: dict[str, Any], form: str) -> None:
    bars = columns(found[f"t.{form}"])["number"]["histogram"]
    numbers = [row / 7 for row in range(ROWS) if row % 10]
    edges = bars["edges"]
    low, high = min(numbers), max(numbers)
    assert edges == pytest.approx([low + (high - low) * n / 20 for n in range(21)], rel=1e-9)
    expected = [sum(low < each <= high for each in numbers) for low, high in itertools.pairwise(edges)]
    expected[0] += sum(each == edges[0] for each in numbers)
    assert bars["counts"] == expected
    assert sum(bars["counts"]) == len(numbers)


def test_sheets_and_tables_are_told_apart(found: dict[str, Any]) -> None:
    assert [(each["name"], each["rows"]) for each in found["t.xlsx"]["tables"]] == [("First", ROWS), ("Second", 5)]
    assert [each["name"] for each in found["t.sqlite"]["tables"]] == ["t"]
    assert columns(found["t.sqlite"])["raw"]["type"] == "binary"
    assert found["t.sqlite"]["tables"][0]["head"][0][3] == "2 bytes"


def test_a_real_table_is_told_as_pandas_sees_it(tmp_path: Path) -> None:
    [iris] = environment().glob("lib/python3*/site-packages/sklearn/datasets/data/breast_cancer.csv")
    rows = [line.split(",") for line in iris.read_text().splitlines()]
    root = tmp_path / "data"
    root.mkdir()
    names = [f"x{number}" for number in range(30)] + ["benign"]
    (root / "cancer.csv").write_text("\n".join([",".join(names), *(",".join(row) for row in rows[1:])]) + "\n")
    told = profile(root)["cancer.csv"]["tables"][0]
    assert (told["rows"], told["columns_count"]) == (569, 31)
    first = [float(row[0]) for row in rows[1:]]
    column = told["columns"][0]
    assert column["mean"] == pytest.approx(statistics.fmean(first))
    assert column["std"] == pytest.approx(statistics.stdev(first))
    assert told["columns"][30]["top"] == [[1, 357], [0, 212]]


def test_nested_values_are_lists_and_objects(tmp_path: Path) -> None:
    root = tmp_path / "data"
    root.mkdir()
    rows = [{"id": n, "tags": ["a", "b"], "where": {"x": n, "deep": {"y": [1]}}} for n in range(50)]
    (root / "a.json").write_text(json.dumps(rows))
    (root / "b.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    (root / "one.json").write_text(json.dumps({"images": rows, "info": {"year": 2024}}))
    found = profile(root)
    for name in ("a.json", "b.jsonl.gz"):
        assert types(found[name]) == {"id": "integer", "tags": "list", "where": "object"}
        assert json.loads(found[name]["tables"][0]["head"][2][2]) == {"x": 2, "deep": {"y": [1]}}
    assert types(found["one.json"]) == {"images": "list", "info": "object"}
    assert len(found["one.json"]["tables"][0]["head"][0][0]) == 500


def test_what_is_not_finite_is_not_in_the_way(tmp_path: Path) -> None:
    root = tmp_path / "data"
    root.mkdir()
    make(
        root,
        "import pyarrow as p, pyarrow.parquet; nan, inf = float('nan'), float('inf')\n"
        "table = {'x': [1.0, nan, inf, 3.0, -inf], 'huge': [1e308, -1e308, 1e308, -1e308, 0.0], "
        "'near': [1e15, 1e15 + 0.25, 1e15, 1e15, 1e15], 'none': p.nulls(5)}\n"
        "p.parquet.write_table(p.table(table), 'n.parquet')",
    )
    found = profile(root)["n.parquet"]
    of = columns(found)
    assert (of["x"]["missing"], of["x"]["min"], of["x"]["max"], of["x"]["mean"]) == (1, 1.0, 3.0, 2.0)
    assert (of["huge"]["min"], of["huge"]["std"]) == (-1e308, None)
    assert sum(of["huge"]["histogram"]["counts"]) == 5
    assert of["near"]["histogram"] is None or sum(of["near"]["histogram"]["counts"]) == 5
    assert (of["none"]["type"], of["none"]["missing"], of["none"]["distinct"]) == ("empty", 5, 0)
    assert not any(
        isinstance(each, float) and not math.isfinite(each) for row in found["tables"][0]["head"] for each in row
    )


def test_types_that_change_late_fit_all_rows(tmp_path: Path) -> None:
    root = tmp_path / "data"
    root.mkdir()
    lines = [f"{n},{n}" for n in range(60_000)]
    (root / "late.csv").write_text("\n".join(["a,b", *lines, "1.5,none"]) + "\n")
    (root / "quoted.csv").write_text("\n".join(["a,b", *lines, '7,"x, y"']) + "\n")
    (root / "late.jsonl").write_text("\n".join([*(f'{{"a": {n}}}' for n in range(60_000)), '{"a": "x"}']))
    found = profile(root)
    assert types(found["late.csv"]) == {"a": "number", "b": "text"}
    assert found["late.csv"]["tables"][0]["rows"] == 60_001
    assert types(found["quoted.csv"]) == {"a": "integer", "b": "text"}
    assert columns(found["quoted.csv"])["b"]["max"] == "x, y"
    assert found["late.jsonl"]["tables"][0]["rows"] == 60_001
    assert all(each["trouble"] == "" for each in found.values())
