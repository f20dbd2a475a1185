"""DuckDB's types in plain words, and what stands in SQL for a column's value of each."""

from dataclasses import dataclass

from duck import column

_WORDS = {
    "integer": "TINYINT SMALLINT INTEGER BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT UHUGEINT".split(),
    "number": "FLOAT DOUBLE BIGNUM VARINT".split(),
    "text": "VARCHAR UUID BIT INTERVAL".split(),
    "boolean": ["BOOLEAN"],
    "date": ["DATE"],
    "time": ["TIME", "TIME WITH TIME ZONE", "TIME_NS"],
    "timestamp": "TIMESTAMP,TIMESTAMP_S,TIMESTAMP_MS,TIMESTAMP_NS,TIMESTAMP WITH TIME ZONE,TIMESTAMPTZ_NS".split(","),
    "binary": ["BLOB"],
    "empty": ['"NULL"', "NULL"],
}
_PLAIN = {name: word for word, names in _WORDS.items() for name in names}
# Longer texts are told apart, counted and compared by this much of them.
TEXT_BYTES = 1000


def plain(duck_type: str) -> str:
    """integer, number, text, boolean, date, time, timestamp, list, object, binary or empty."""
    if duck_type.endswith("]"):
        return "list"
    if duck_type.startswith("DECIMAL"):
        return "number"
    if duck_type.startswith("ENUM"):
        return "text"
    return _PLAIN.get(duck_type, "object")


@dataclass(frozen=True)
class Column:
    name: str
    duck_type: str

    @property
    def type(self) -> str:
        return plain(self.duck_type)

    @property
    def raw(self) -> str:
        return column(self.name)

    @property
    def text(self) -> str:
        """All of a text."""
        return self.raw if self.duck_type == "VARCHAR" else f"{self.raw}::VARCHAR"

    @property
    def here(self) -> str:
        """Whether there is a value. Not a number is none, as numpy and pandas write it for want of one."""
        there = f"{self.raw} IS NOT NULL"
        return f"{there} AND NOT isnan({self.raw}::DOUBLE)" if self.type == "number" else there

    @property
    def value(self) -> str:
        """The value that is measured: finite numbers and times, the beginning of texts."""
        if self.type == "number":
            number = self.raw if self.duck_type == "DOUBLE" else f"{self.raw}::DOUBLE"
            return f"(CASE WHEN isfinite({number}) THEN {number} END)"
        if self.type == "text":
            return f"(CASE WHEN strlen({self.text}) > {TEXT_BYTES} THEN left({self.text}, 250) ELSE {self.text} END)"
        if self.type == "timestamp":
            time = self.raw if self.duck_type == "TIMESTAMP" else f"{self.raw}::TIMESTAMP"
            return f"(CASE WHEN isfinite({time}) THEN {time} END)"
        if self.type == "date":
            return f"(CASE WHEN isfinite({self.raw}) THEN {self.raw} END)"
        return self.raw

    @property
    def cell(self) -> str:
        """For the first rows: something that Python can take whatever is in it."""
        if self.type in ("integer", "boolean"):
            return self.raw
        if self.type == "number":
            return f"{self.raw}::DOUBLE"
        if self.type == "binary":
            return f"octet_length({self.raw}) || ' bytes'"
        if self.type in ("list", "object") and self.duck_type != "JSON":
            return f"left(to_json({self.raw})::VARCHAR, 501)"
        return f"left({self.raw}::VARCHAR, 501)"
