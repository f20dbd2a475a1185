"""Entry of the runner: `python3 -I -S main.py RUN_DIR LOCK_FD GIVEN_FD`. See `supervise.py` for what it does.

Loads its own folder as the package `runner`, without the platform around it, to stay small and to import nothing of it.
"""

import importlib
import os
import sys


def detach() -> None:
    """Leave the caller: own session, own parent. The caller's child ends at once."""
    if os.fork() > 0:
        os._exit(0)
    os.setsid()


def main() -> int:
    if len(sys.argv) != 4:
        sys.stderr.write("usage: main.py RUN_DIR LOCK_FD GIVEN_FD\n")
        return 2
    detach()
    sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    supervise = importlib.import_module("runner.supervise")
    code: int = supervise.main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    return code


if __name__ == "__main__":
    sys.exit(main())
