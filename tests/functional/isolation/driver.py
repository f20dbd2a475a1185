"""The local engine by command, so that it can be driven as another user: `driver.py HOME VERB [ARGUMENT]`.

`start` reads a spec as JSON; `wait` polls until the phase given as `RUN:PHASE` (or the end) and prints the observation
and the log; `until` waits until a run has said what follows it; `put` writes an empty file to a volume, given as
`VOLUME:PATH`; `save` and `load` take a volume to a file, given as `VOLUME:FILE`, and back; `show` shows a run the folders
given as JSON and prints why not; `stop` ends a run by force and reclaims it; `checks` prints the failed checks' names.
"""

import dataclasses
import json
import sys
import time
from pathlib import Path

from studium.compute.engines.base import EngineError
from studium.compute.engines.local import LocalEngine
from studium.compute.spec import Mount, RunSpec


def main(home: str, verb: str, argument: str = "") -> None:
    engine = LocalEngine(Path(home))
    if verb == "start":
        engine.start(RunSpec.from_dict(json.load(sys.stdin)), "local")
    elif verb == "wait":
        run_id, phase = argument.split(":")
        end = time.monotonic() + 60
        while (seen := engine.poll(run_id)).phase.value not in (phase, "ended"):
            assert time.monotonic() < end, f"{run_id} is still {seen.phase} after 60 s"
            time.sleep(0.01)
        log = engine.read_log(run_id, 0, 64 * 1024**2).decode("latin-1")
        print(json.dumps({"seen": dataclasses.asdict(seen), "log": log}))
    elif verb == "until":
        run_id, said = argument.split(":")
        end = time.monotonic() + 60
        while said.encode() not in engine.read_log(run_id, 0, 1024**2):
            assert time.monotonic() < end, f"{run_id} did not say {said} within 60 s"
            time.sleep(0.01)
    elif verb == "put":
        volume, path = argument.split(":")
        engine.write_file(volume, path, b"", 16 * 1024**2)
    elif verb == "stop":
        engine.stop(argument, 0)
        end = time.monotonic() + 30
        while engine.poll(argument).phase.value not in ("ended", "unknown") and time.monotonic() < end:
            time.sleep(0.01)
        engine.reclaim(argument)
    elif verb in ("save", "load"):
        volume, path = argument.split(":")
        try:
            with Path(path).open("wb" if verb == "save" else "rb") as stream:
                if verb == "save":
                    engine.save_volume(volume, stream, most_bytes=64 * 1024**2)
                else:
                    engine.load_volume(volume, stream, 16 * 1024**2, length=Path(path).stat().st_size)
        except EngineError as error:
            print(f"{type(error).__name__}: {error}")
    elif verb == "show":
        mounts = [Mount(source=source, target=target) for target, source in json.load(sys.stdin).items()]
        try:
            engine.show(argument, mounts)
        except EngineError as error:
            print(error)
    elif verb == "checks":
        print(json.dumps([check.name for check in engine.checks() if not check.ok]))


if __name__ == "__main__":
    main(*sys.argv[1:])
