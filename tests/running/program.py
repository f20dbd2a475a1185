"""Servers that say their own address as they start."""

import contextlib
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence


@contextlib.contextmanager
def running_program(command: Sequence[str], says: str, env: Mapping[str, str] | None = None) -> Iterator[str]:
    """The address that the program says, which is the group of the pattern `says`. It is ended with the block."""
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    reading = threading.Thread(target=process.stdout.read, daemon=True)
    try:
        seen = ""
        for line in process.stdout:
            seen += line
            if found := re.search(says, line):
                reading.start()
                yield found[1]
                return
        raise RuntimeError(seen)
    finally:
        process.kill()
        process.wait()
        with contextlib.suppress(RuntimeError):  # it never began
            reading.join()
        process.stdout.close()
