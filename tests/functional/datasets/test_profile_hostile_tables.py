"""Tables that were made to do harm, or just came out of a broken program: each ends with a sentence or with what can be read."""

import io
import sqlite3
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
from profiling import columns, make, profile, types

pytestmark = pytest.mark.no_database
SMALL_MEMORY = 320 * 1024 * 1024


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def one(root: Path, name: str, content: bytes, **request: Any) -> dict[str, Any]:
    (root / name).write_bytes(content)
    return profile(root, name, **request)[name]


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b"\xef\xbb\xbf"),
        ("latin-1", b""),
        ("utf-16-le", b"\xff\xfe"),
        ("utf-16-be", b"\xfe\xff"),
        ("utf-16-le", b""),
    ],
)
def test_csv_of_other_encodings(root: Path, encoding: str, mark: bytes) -> None:
    rows = "".join(f"M\xfcller {n % 5},{n}\n" for n in range(500))
    found = one(root, "a.csv", mark + ("n\xe4me,count\n" + rows).encode(encoding))
    assert types(found) == {"n\xe4me": "text", "count": "integer"}
    assert columns(found)["n\xe4me"]["top"][0] == ["M\xfcller 0", 100]
    assert (found["trouble"], found["tables"][0]["rows"]) == ("", 500)


def test_csv_with_bytes_that_are_no_text(root: Path) -> None:
    rows = [b"%d,word %d\n" % (n, n % 3) for n in range(40_000)]
    rows[35_000] = b"35000,wo\xff\xfe\x80rd\n"
    found = one(root, "a.csv", b"id,word\n" + b"".join(rows))
    assert found["tables"][0]["rows"] == 40_000
    assert types(found) == {"id": "integer", "word": "text"}
    assert columns(found)["word"]["distinct"] >= 4


def test_csv_with_nuls(root: Path) -> None:
    found = one(root, "a.csv", b"id,word\n" + b"".join(b"%d,a\0b\n" % n for n in range(300)))
    assert found["tables"][0]["rows"] == 300
    assert columns(found)["word"]["top"] == [["ab", 300]]


def test_csv_with_rows_of_any_length(root: Path) -> None:
    found = one(root, "a.csv", b"a,b\n1,2\n3,4,5\n6\n" + b"7,8\n" * 20)
    assert found["tables"][0]["rows"] == 23
    assert columns(found)["b"]["missing"] == 1
    assert columns(found)["b"]["max"] == 8


def test_csv_whose_quote_never_ends(root: Path) -> None:
    found = one(root, "a.csv", b"a,b\n" + b"1,2\n" * 30_000 + b'3,"' + b"x,y\n" * 1_000_000)
    assert found["trouble"]
    assert len(found["tables"][0]["head"]) == 1000


def test_csv_of_ten_thousand_columns(root: Path) -> None:
    names = ",".join(f"c{n}" for n in range(10_000))
    row = ",".join(str(n % 10) for n in range(10_000))
    found = one(root, "wide.csv", f"{names}\n{(row + chr(10)) * 40}".encode())
    table = found["tables"][0]
    assert (table["rows"], table["columns_count"], len(table["columns"])) == (40, 10_000, 1000)
    assert table["columns"][999]["max"] == 9
    assert len(table["head"]) == 40
    assert len(table["head"][0]) == 1000


def test_one_endless_line_stays_within_the_memory(root: Path) -> None:
    """Sparse, so it takes no room: three times what the process may have, without an end of a line."""
    with open(root / "line.csv", "wb") as handle:
        handle.write(b"a,b\n1,2\n")
        handle.truncate(3 * SMALL_MEMORY)
        handle.seek(0, io.SEEK_END)
        handle.write(b"\n5,6\n")
    with open(root / "text.csv", "wb") as handle:
        handle.write(b"a,b\n1,2\n" + b"x" * 20_000_000 + b"\n5,6\n")
    found = profile(root, memory_bytes=SMALL_MEMORY)
    assert found["line.csv"]["tables"][0]["rows"] in (2, 3)
    assert found["text.csv"]["tables"][0]["rows"] == 3
    assert "cut" in found["text.csv"]["trouble"]


def test_csv_with_nothing_or_names_alone(root: Path) -> None:
    assert one(root, "empty.csv", b"")["tables"][0]["columns_count"] == 0
    blank = one(root, "blank.csv", b"\n\n\n")
    assert {each["type"] for table in blank["tables"] for each in table["columns"]} <= {"empty"}
    found = one(root, "names.csv", b"a,b,c\n")["tables"][0]
    assert (found["rows"], [each["name"] for each in found["columns"]]) == (0, ["a", "b", "c"])
    assert {each["type"] for each in found["columns"]} == {"empty"}


def test_names_are_only_names(root: Path) -> None:
    names = [
        "*.csv",
        "a\nb.csv",
        "it's [x].csv",
        "$(id).csv",
        'q"u.csv',
        "\u202eodd.csv",
        "-.csv",
        "https:x.csv",
    ]
    for name in names:
        (root / name).write_bytes(b'it\'s,"q""u"\n1,2\n')
    found = profile(root, *names)
    for name in names:
        assert types(found[name]) == {"it's": "integer", 'q"u': "integer"}, name
        assert found[name]["tables"][0]["rows"] == 1
    (root / "\udcff.csv").write_bytes(b"a\n1\n")
    assert "not text" in profile(root, "\udcff.csv")["\udcff.csv"]["trouble"]


def test_what_is_not_below_the_root_is_not_read(root: Path) -> None:
    (root.parent / "secret.csv").write_text("a\n1\n")
    (root / "link.csv").symlink_to(root.parent / "secret.csv")
    found = profile(root, "link.csv", "../secret.csv")
    assert [each["tables"] for each in found.values()] == [[], []]
    assert all("not among" in each["trouble"] for each in found.values())


def test_broken_parquet(root: Path) -> None:
    make(root, "import pandas; pandas.DataFrame({'a': range(50000)}).to_parquet('whole.parquet')")
    whole = (root / "whole.parquet").read_bytes()
    cases = {
        "truncated.parquet": whole[: len(whole) // 2],
        "ends.parquet": whole[:4] + whole[-400:],
        "holes.parquet": whole[:2000] + b"\xff" * 8000 + whole[10_000:],
        "footer.parquet": whole[:-8] + b"\xff\xff\xff\x7fPAR1",
        "none.parquet": b"hello there",
        "marks.parquet": b"PAR1PAR1",
    }
    for name, content in cases.items():
        (root / name).write_bytes(content)
    found = profile(root)
    assert found["whole.parquet"]["trouble"] == ""
    assert all(found[name]["trouble"] for name in cases)
    assert {found[name]["kind"] for name in cases} == {"table"}
    assert found["truncated.parquet"]["trouble"].startswith("It breaks off")


def test_broken_arrow_and_excel(root: Path) -> None:
    make(
        root,
        "import pandas as p; t = p.DataFrame({'a': range(9999), 'b': 'xyz'}); t.to_feather('a.feather'); t.to_excel('b.xlsx')",
    )
    arrow, excel = (root / "a.feather").read_bytes(), (root / "b.xlsx").read_bytes()
    (root / "a.feather").write_bytes(arrow[:5000])
    (root / "b.xlsx").write_bytes(excel[: len(excel) // 2])
    (root / "c.arrow").write_bytes(arrow[:8] + b"\xff" * 3000 + arrow[3008:])
    (root / "d.arrow").write_bytes(b"\xff\xff\xff\xff\xff\xff\xff\x7f")
    found = profile(root)
    assert all(each["trouble"] for each in found.values())


def test_arrow_whose_texts_lie_elsewhere(root: Path) -> None:
    """Offsets that lead far out of the file, in front of a batch that is as it should be."""
    make(
        root,
        "import pyarrow as p; from pyarrow import feather\n"
        "table = p.table({'a': p.array(['xyz'] * 900, p.string())})\n"
        "feather.write_feather(table, 'a.arrow', compression='uncompressed', chunksize=500)",
    )
    whole = (root / "a.arrow").read_bytes()
    right = struct.pack("<4i", 0, 3, 6, 9)
    place = whole.rindex(right)
    (root / "b.arrow").write_bytes(whole[:place] + struct.pack("<4i", 0, 3, 2_000_000_000, 9) + whole[place + 16 :])
    found = profile(root)
    assert (found["a.arrow"]["trouble"], found["a.arrow"]["tables"][0]["rows"]) == ("", 900)
    assert found["b.arrow"]["trouble"].startswith("It breaks off")
    assert (found["b.arrow"]["tables"][0]["rows"], found["b.arrow"]["tables"][0]["rows_exact"]) == (500, False)


def test_json_nested_deeper_than_any_stack(root: Path) -> None:
    (root / "list.json").write_text("[" * 100_000 + "]" * 100_000)
    (root / "object.json").write_text('[{"a": ' + '{"a": ' * 100_000 + "1" + "}" * 100_000 + "}]")
    (root / "lines.jsonl").write_text('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}\n")
    (root / "after.csv").write_text("a\n1\n")
    found = profile(root)
    assert found["after.csv"]["tables"][0]["rows"] == 1
    for name in ("list.json", "object.json", "lines.jsonl"):
        assert found[name]["trouble"] or found[name]["tables"][0]["rows"] == 1


def test_json_that_is_none(root: Path) -> None:
    assert one(root, "a.json", b'{"a": 1')["trouble"]
    assert one(root, "b.json", b"\xff\xfe\0\0")["trouble"]
    lines = one(root, "c.jsonl", b'{"a": 1}\nnot json\n{"a": 2}\n')
    assert lines["trouble"]
    assert lines["tables"][0]["rows"] in (2, 3)


def test_sqlite_runs_nothing_of_its_author(root: Path) -> None:
    path = root / "a.sqlite"
    with sqlite3.connect(path) as database:
        database.executescript(
            """
            CREATE TABLE plain (id INTEGER PRIMARY KEY, word TEXT, twice AS (id * 2));
            INSERT INTO plain (word) VALUES ('a'), ('b'), (NULL);
            ALTER TABLE plain ADD COLUMN bomb AS (hex(zeroblob(1000000000)));
            CREATE TABLE "od""d '; DROP" (x, X2 DEFAULT (random()));
            INSERT INTO "od""d '; DROP" (x) VALUES (1), ('two'), (3.5), (x'00ff');
            CREATE VIEW endless AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n;
            CREATE TRIGGER fired AFTER INSERT ON plain BEGIN DELETE FROM plain; END;
            CREATE VIRTUAL TABLE texts USING fts5(body);
            CREATE TABLE bare (a);
            """
        )
    database.close()
    before = path.read_bytes()
    found = profile(root)["a.sqlite"]
    assert path.read_bytes() == before
    assert found["trouble"] == ""
    names = [each["name"] for each in found["tables"]]
    assert {"plain", "od\"d '; DROP", "bare"} <= set(names)
    assert not {"endless", "texts", "fired"} & set(names)
    assert types(found, names.index("plain")) == {"id": "integer", "word": "text"}
    assert found["tables"][names.index("od\"d '; DROP")]["rows"] == 4
    assert types(found, names.index("od\"d '; DROP"))["x"] == "text"


def test_sqlite_that_is_broken(root: Path) -> None:
    with sqlite3.connect(root / "a.db") as database:
        database.execute("CREATE TABLE t (a, b)")
        database.executemany("INSERT INTO t VALUES (?, ?)", [(n, "x" * 100) for n in range(5000)])
    database.close()
    whole = (root / "a.db").read_bytes()
    (root / "half.db").write_bytes(whole[: len(whole) // 2])
    (root / "holes.db").write_bytes(whole[:8192] + b"\xff" * 100_000 + whole[108_192:])
    (root / "head.db").write_bytes(whole[:100])
    (root / "other.db").write_bytes(b"\0\1\2\3" * 100)
    found = profile(root)
    assert found["a.db"]["tables"][0]["rows"] == 5000
    assert all(found[name]["trouble"] for name in ("half.db", "holes.db", "head.db"))
    assert found["half.db"]["tables"] == [] or not found["half.db"]["tables"][0]["rows_exact"]
    assert found["other.db"]["kind"] == "other"


def test_excel_that_is_a_bomb(root: Path) -> None:
    with zipfile.ZipFile(root / "texts.xlsx", "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/sharedStrings.xml", b" " * 80_000_000)
    with zipfile.ZipFile(root / "sheet.xlsx", "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/worksheets/sheet1.xml", b" " * 1_000_000)
        book.infolist()[0].file_size = 2_000_000_000  # what it claims is what it is held to
    entities = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(12)
    )
    with zipfile.ZipFile(root / "laughs.xlsx", "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("[Content_Types].xml", entities + "]><x>&m;</x>")
    found = profile(root)
    assert all(each["trouble"] and each["tables"] == [] for each in found.values())
    assert "too large" in found["sheet.xlsx"]["trouble"]
    assert "too large" in found["texts.xlsx"]["trouble"]
