"""The child of `bounded.run_bounded`: reads bytes, does one piece of work on them, writes the answer.

Its address space and processor time are limited by itself, before anything hostile is read, so that no more can be used.
"""

import resource
import sys

from studium.notebooks.bounded import MEMORY_EXIT


def main(arguments: list[str]) -> int:
    work, memory, seconds, most = arguments[0], *map(int, arguments[1:4])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    try:
        answer = _work(work, sys.stdin.buffer.read())
    except MemoryError:
        return MEMORY_EXIT
    if len(answer) > most:
        return MEMORY_EXIT
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()
    return 0


def _work(work: str, data: bytes) -> bytes:
    # Each is imported only when it is asked for: the renderer's libraries take longer than most checks.
    if work == "check":
        from studium.notebooks.inspection import answer_check

        return answer_check(data)
    if work == "render":
        from studium.notebooks.render.page import page

        return page(data)
    if work == "words":
        from studium.notebooks.search.contents import answer_contents

        return answer_contents(data)
    if work == "compare":
        from studium.notebooks.versions.comparing import answer

        return answer(data)
    if work == "compare-page":
        from studium.notebooks.versions import comparison_page

        return comparison_page.page(data)
    if work == "preview":
        from studium.notebooks.render.file_page import file_page

        return file_page(data)
    raise ValueError(f"no such work: {work}")
