"""Arrow: Feather of version 2, and streams."""

import os
from collections.abc import Iterator

import pyarrow
import pyarrow.ipc
import pyarrow.parquet
from duck import Duck, quoted
from json_values import Trouble
from looking import File
from relations import Attempt, Table

_FILE = b"ARROW1\0\0"
_ROOM = 0.5


def ways(file: File, duck: Duck) -> list[Attempt]:
    return [lambda: _tables(file)]


def _tables(file: File) -> Iterator[Table]:
    """Put into Parquet batch by batch, each of which is checked first, as nothing does that is only reading them."""
    path = os.path.join(file.scratch, "staged")
    trouble = ""
    try:
        with pyarrow.memory_map(file.path) as source:
            schema, batches = _batches(source)
            with pyarrow.parquet.ParquetWriter(path, _stored(schema), compression="lz4") as writer:
                try:
                    trouble = _write(file, writer, batches)
                except (pyarrow.ArrowException, OSError, ValueError) as error:
                    trouble = f"It breaks off: {_words(error)}"
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise Trouble(f"It cannot be read as Arrow: {_words(error)}") from None
    yield Table(f"read_parquet({quoted(path)})", exact=not trouble, trouble=trouble)


def _words(error: Exception) -> str:
    return str(error).split("\n")[0][:200]


def _batches(source: pyarrow.MemoryMappedFile) -> tuple[pyarrow.Schema, Iterator[pyarrow.RecordBatch]]:
    if source.read(len(_FILE)) == _FILE:
        reader = pyarrow.ipc.open_file(source)
        return reader.schema, (reader.get_batch(number) for number in range(reader.num_record_batches))
    source.seek(0)
    stream = pyarrow.ipc.open_stream(source)
    return stream.schema, iter(stream)


def _stored(schema: pyarrow.Schema) -> pyarrow.Schema:
    """Types of Parquet; metadata of the file's author is left out."""
    fields = []
    for number, field in enumerate(schema):
        kind = field.type.value_type if pyarrow.types.is_dictionary(field.type) else field.type
        if pyarrow.types.is_union(kind) or pyarrow.types.is_interval(kind):
            kind = pyarrow.string()
        fields.append(pyarrow.field(field.name or f"column{number}", kind))
    return pyarrow.schema(fields)


def _write(file: File, writer: pyarrow.parquet.ParquetWriter, batches: Iterator[pyarrow.RecordBatch]) -> str:
    for batch in batches:
        batch.validate(full=True)
        columns = [_as(each, field.type) for each, field in zip(batch.columns, writer.schema, strict=True)]
        writer.write_table(pyarrow.table(columns, writer.schema))
        facts = os.statvfs(file.scratch)
        if os.path.getsize(os.path.join(file.scratch, "staged")) > facts.f_bavail * facts.f_frsize * _ROOM:
            return "There was not enough room for all of its rows."
    return ""


def _as(column: pyarrow.Array, kind: pyarrow.DataType) -> pyarrow.Array:
    if column.type == kind:
        return column
    if pyarrow.types.is_dictionary(column.type):
        column = column.dictionary_decode()
        return column if column.type == kind else column.cast(kind)
    return pyarrow.array([None if each is None else str(each) for each in column.to_pylist()], pyarrow.string())
