"""Which values may be frequent, how they are counted, and what is told of it.

Where values repeat among the first rows, a sketch of the first scan names up to ten; where there are few, the first rows
have them all. They are counted exactly in the second scan, and if nothing is left over, these are all there are. DuckDB's own
`histogram` of all values would keep the whole table beside it.
"""

from dataclasses import dataclass, field
from typing import Any

from column_types import Column
from duck import quoted
from json_values import VALUE, value

Told = dict[str, Any]
CANDIDATES, TOP = 10, 10
# With so few values all of them are looked for.
FEW, SAMPLE = 100, 50_000
# A column of which more of the first values differ is taken for one of names or measurements.
_DIFFERENT = 0.9
# Otherwise a value is told as frequent from this share of the values on: the sketch is sure of no less.
_SHARE = 0.01
COUNTED = ("integer", "number", "text", "boolean", "timestamp", "date")


@dataclass
class Frequent:
    """Of one column. `literals` are texts of values; the empty text is counted apart, by `blank`."""

    column: Column
    here: int
    blank: int = 0
    literals: list[str] = field(default_factory=list)

    @property
    def sql(self) -> str:
        """Pairs of a value's text and its count, one of them for all others together. Nothing if there are no literals."""
        if not self.literals:
            return ""
        kind = {"number": "DOUBLE", "text": "VARCHAR", "timestamp": "TIMESTAMP"}.get(
            self.column.type, self.column.duck_type
        )
        asked = ", ".join(quoted(each) for each in self.literals)
        counted = f"histogram_exact({self.column.value}, [{asked}]::{kind}[])"
        return f"list_zip(map_keys({counted})::VARCHAR[], map_values({counted}))"

    def told(self, pairs: list[tuple[str, int]] | None) -> tuple[int | None, list[list[Any]] | None]:
        """How many distinct values there are, if that is known exactly; the most frequent, if any is."""
        known = set(self.literals)
        counts = {text: count for text, count in pairs or [] if text in known and count}
        counts |= {"": self.blank} if self.blank else {}
        every = sum(counts.values()) == self.here
        least = 1.0 if every else max(2.0, self.here * _SHARE)
        ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
        top = [[value(self._typed(text), VALUE), count] for text, count in ordered[:TOP] if count >= least]
        return (len(counts) if every else None), top or None

    def _typed(self, text: str) -> Any:
        if self.column.type == "integer":
            return int(text)
        if self.column.type == "number":
            return float(text)
        return text == "true" if self.column.type == "boolean" else text


def sample_sql(column: Column) -> str:
    """What the first rows say: how many values and distinct ones they have, and which. Nothing of what is not counted."""
    if column.type not in COUNTED:
        return ""
    few = f"approx_top_k({column.value}, {2 * FEW})::VARCHAR[]"
    return f"{{'here': count({column.value}), 'distinct': approx_count_distinct({column.value}), 'few': {few}}}"


def repeats(sample: Told) -> bool:
    """Whether values come again often enough to look for frequent ones. It is most of the work of the first scan."""
    return bool(sample and sample["distinct"] <= max(FEW, sample["here"] * _DIFFERENT))


def frequent(column: Column, found: Told, sample: Told) -> Frequent:
    """What to count, from the first scan and the first rows."""
    made = Frequent(column, found["here"], found.get("blank") or 0)
    if repeats(sample):
        few = sample["few"] if found["distinct"] <= FEW else None
        texts = [*(few or []), *(found.get("likely") or [])]
        made.literals = [each for each in dict.fromkeys(texts) if each and "\0" not in each]
    return made
