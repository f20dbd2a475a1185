"""Bytes of unknown length on their way into a store: in memory while they are few, else in a file of the home.

The object library must not be asked for anything by an iterator that it is reading, and would keep half of what breaks off.
"""

import contextlib
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from studium.config.options import options

_IN_MEMORY = 16 * 1024 * 1024


@contextlib.contextmanager
def spooled(pieces: Iterable[bytes]) -> Iterator[bytes | Path]:
    """All of it, as bytes or as a file that is gone afterwards. Raises whatever the pieces raise, before anything is given."""
    few, size = list[bytes](), 0
    coming = iter(pieces)
    for piece in coming:
        few.append(piece)
        size += len(piece)
        if size > _IN_MEMORY:
            break
    else:
        yield b"".join(few)
        return
    with tempfile.NamedTemporaryFile(dir=options().home, prefix=".spooled-") as out:
        out.writelines(few)
        few.clear()
        out.writelines(coming)
        out.flush()
        yield Path(out.name)
