"""Reads, writes, collects or exports files of an image that no run has mounted: `volume_io.py VERB IMAGE PATH LIMIT NUMBER`.

`read` and `write` take one file, `NUMBER` being the owner of what is written; `collect` takes all but PATH, up to LIMIT
bytes and NUMBER files; `export` copies the folder PATH, up to both, into the folder named on standard input, which an earlier
export may follow after a zero byte.

A process of its own, so that the mount lives in a namespace that ends with it. The caller holds the volume's lock.
Exit codes: 0 done, 3 no such plain file, 4 too large, 1 anything else with a sentence on stderr.
"""

import importlib
import os
import sys

ABSENT, TOO_LARGE = 3, 4


def main(arguments: list[str]) -> int:
    sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    beneath, stage, volumes = (importlib.import_module(f"runner.{name}") for name in ("beneath", "stage", "volumes"))
    verb, image, path, limit, number = arguments
    stage.enter()
    root = os.path.join(stage.FOLDER, "volume")
    try:
        volumes.mount_image(image, root)
        if verb == "write":
            beneath.write(root, path, sys.stdin.buffer.read(), (int(number), int(number)))
            return 0
        if verb == "collect":
            collecting = importlib.import_module("runner.collecting")
            collecting.collect(root, sys.stdout.buffer, skip=path, most_files=int(number), most_bytes=int(limit))
            return 0
        if verb == "export":
            exporting = importlib.import_module("runner.exporting")
            target, like = os.fsdecode(sys.stdin.buffer.read()).split("\0")
            exporting.export(root, path, target, most_files=int(number), most_bytes=int(limit), like=like)
            return 0
        content = beneath.read(root, path, int(limit))
    except beneath.TooLargeError as error:
        sys.stderr.write(str(error))
        return TOO_LARGE
    except (OSError, ValueError) as error:
        sys.stderr.write(str(error))
        return 1
    if content is None:
        return ABSENT
    sys.stdout.buffer.write(content)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
