"""Reads, writes, collects or exports files of an image that no run has mounted: `volume_io.py VERB IMAGE PATH LIMIT NUMBER`.

`read` and `write` take one file, `NUMBER` being the owner of what is written; `collect` takes all but PATH, up to LIMIT
bytes and NUMBER files; `export` copies the folder PATH, up to both, into the folder named on standard input, which an earlier
export may follow after a zero byte, and prints the number of bytes; `save` writes all of up to LIMIT bytes as a stream of tar,
`load` reads one of PATH bytes into an empty image for the owner NUMBER.

`live` saves what the process NUMBER has mounted at PATH, for as long as it has it.

With `shared` as PATH, `save` is of an image that runs may have mounted, and so are `measure`, which prints its use as JSON,
and `grow` to LIMIT bytes.

A process of its own, so that the mount lives in a namespace that ends with it. The caller holds the volume's lock.
Exit codes: 0 done, 3 no such plain file, 4 too large, 5 not allowed, 6 no longer mounted there, 1 anything else with a sentence
on stderr.
"""

import importlib
import os
import sys
import tarfile

ABSENT, TOO_LARGE, NOT_ALLOWED, LET_GO = 3, 4, 5, 6
SHARED = "shared"


def main(arguments: list[str]) -> int:
    sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    names = ("beneath", "sharing", "stage", "volumes")
    beneath, sharing, stage, volumes = (importlib.import_module(f"runner.{name}") for name in names)
    verb, image, path, limit, number = arguments
    if verb == "live":
        return _live(path, int(number), int(limit))
    stage.enter()
    root, folder = os.path.join(stage.FOLDER, "volume"), os.path.dirname(image)
    owner = (int(number), int(number))
    try:
        if path != SHARED:
            volumes.mount_image(image, root)
            return _apart(verb, root, path, int(limit), int(number), beneath)
        with sharing.mounting(folder):
            sharing.mount(folder, root, int(limit), owner)
            if verb == "grow":
                return _grow(folder, root, int(limit), sharing)
        if verb == "measure":
            sys.stdout.buffer.write(sharing.measured(root))
        elif verb == "save":
            importlib.import_module("runner.archiving").save(root, sys.stdout.buffer, most_bytes=int(limit))
    except beneath.TooLargeError as error:
        sys.stderr.write(str(error))
        return TOO_LARGE
    except (OSError, ValueError, tarfile.TarError) as error:
        sys.stderr.write(str(error))
        return 1
    return 0


def _live(place: str, pid: int, limit: int) -> int:
    archiving = importlib.import_module("runner.archiving")
    try:
        archiving.save_held(place, pid, sys.stdout.buffer, most_bytes=limit, mounted=True)
    except archiving.LetGoError as error:
        sys.stderr.write(str(error))
        return LET_GO
    except (OSError, ValueError, RecursionError) as error:
        sys.stderr.write(str(error))
        return 1
    return 0


def _grow(folder: str, root: str, size: int, sharing) -> int:  # type: ignore[no-untyped-def]
    try:
        sharing.grow(folder, root, size)
    except PermissionError as error:
        sys.stderr.write(str(error))
        return NOT_ALLOWED
    return 0


def _apart(verb: str, root: str, path: str, limit: int, number: int, beneath) -> int:  # type: ignore[no-untyped-def]
    """What is done to an image that nobody else has."""
    out, given = sys.stdout.buffer, sys.stdin.buffer
    if verb == "write":
        beneath.write(root, path, given.read(), (number, number))
    elif verb == "collect":
        collecting = importlib.import_module("runner.collecting")
        collecting.collect(root, out, skip=path, most_files=number, most_bytes=limit)
    elif verb == "export":
        exporting = importlib.import_module("runner.exporting")
        target, like = os.fsdecode(given.read()).split("\0")
        taken = exporting.export(root, path, target, most_files=number, most_bytes=limit, like=like)
        out.write(b"%d" % taken)
    elif verb == "save":
        importlib.import_module("runner.archiving").save(root, out, most_bytes=limit)
    elif verb == "load":
        importlib.import_module("runner.archiving").load(root, given, (number, number), length=int(path))
    elif (content := beneath.read(root, path, limit)) is None:
        return ABSENT
    else:
        out.write(content)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
