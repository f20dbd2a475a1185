"""How long it takes to look into a table: a CSV of a gigabyte beside DuckDB's own SUMMARIZE of the same file.

Both with the default environment's Python, DuckDB and threads, each in a process of its own, in turn. Ours tells more
(first rows, five quantiles, a histogram, the most frequent values, lengths), in a process that is held to a gibibyte. Memory is
the most that was resident in any process of ours at once, the one that starts the reader included.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from report import figure
from running.platform import shared_environments
from studium.environments.build import build_default

ROUNDS, ROWS, GOAL, MEMORY_MIB = 5, 6_350_000, 1.5, 1024
PROGRAM = Path(__file__).parents[1] / "src" / "studium" / "datasets" / "inside" / "profile_files.py"
# Each value from a hash of its row, so the file is the same every time, however many threads write it.
MAKE = f"""
import sys, duckdb
duckdb.execute("SET enable_progress_bar = false")
duckdb.execute('''COPY (SELECT i AS id,
  (hash(i + 1) % 1000000) / 100.0 AS price,
  (hash(i + 2) % 50)::INT AS quantity,
  ['north', 'south', 'east', 'west', 'centre', 'abroad', 'unknown'][1 + (hash(i + 3) % 7)::INT] AS region,
  'customer ' || (hash(i + 4) % 500000) AS customer,
  TIMESTAMP '2020-01-01' + INTERVAL (hash(i + 5) % 150000000) SECOND AS ordered,
  DATE '2015-01-01' + (hash(i + 6) % 4000)::INT AS day,
  hash(i + 7) % 3 = 0 AS returned,
  CASE WHEN hash(i + 8) % 5 > 0 THEN ln(1 + (hash(i + 8) % 1000000)) * sqrt(hash(i + 9) % 1000) END AS score,
  'a note of words ' || md5(i::VARCHAR) AS note,
  (hash(i + 10) % 2000000)::BIGINT - 1000000 AS balance,
  round(-90 + (hash(i + 11) % 18000000) / 100000.0, 5) AS latitude
  FROM range({ROWS}) t(i)) TO ''' + repr(sys.argv[1]) + " (HEADER)")
"""
PEER = """
import sys, duckdb
connection = duckdb.connect(config={"threads": sys.argv[2]})
connection.execute("SET enable_progress_bar = false")
rows = connection.execute("SUMMARIZE SELECT * FROM read_csv(" + repr(sys.argv[1]) + ")").fetchall()
assert len(rows) == 12
"""


def peer(python: str, path: Path, threads: int) -> float:
    began = time.perf_counter()
    subprocess.run([python, "-s", "-c", PEER, str(path), str(threads)], check=True, cwd=path.parent)
    return time.perf_counter() - began


def ours(python: str, path: Path, workspace: Path, threads: int) -> tuple[float, float]:
    """Seconds, and MiB."""
    asked = {"root": str(path.parent), "files": [{"path": path.name, "size": path.stat().st_size}]}
    (workspace / "request.json").write_text(json.dumps({**asked, "seconds": 600, "memory_bytes": MEMORY_MIB << 20}))
    surroundings = {"STUDIUM_WORKSPACE": str(workspace), "STUDIUM_VCPU": str(threads), "PATH": os.defpath}
    began = time.perf_counter()
    process = subprocess.Popen([python, "-s", str(PROGRAM)], env=surroundings, stdout=subprocess.DEVNULL)
    most = Watched(process.pid)
    code = process.wait(timeout=900)
    took = time.perf_counter() - began
    found = json.loads((workspace / "profile.json").read_text())
    told = found["files"][path.name]
    [table] = told["tables"] or [{}]
    if (
        code
        or not found["complete"]
        or told["trouble"]
        or table["rows"] != ROWS
        or not table["columns"][0]["histogram"]
    ):
        raise SystemExit(f"it was not looked into: {told['trouble'] or found['reason']}")
    return took, most.stop()


class Watched(threading.Thread):
    """The resident memory of a process and its children together, twenty times a second."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid, self._most, self._ended = pid, 0, threading.Event()
        self.start()

    def run(self) -> None:
        while not self._ended.wait(0.05):
            self._most = max(self._most, sum(map(_resident, [self._pid, *_children(self._pid)])))

    def stop(self) -> float:
        self._ended.set()
        self.join()
        return self._most / (1 << 20)


def _children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return 0


def main() -> int:
    threads = min(2, os.cpu_count() or 1)
    python = str(build_default(shared_environments().parent, progress=lambda line: None) / "bin" / "python")
    mine: list[tuple[float, float]] = []
    theirs: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        path, workspace = Path(folder, "data", "orders.csv"), Path(folder, "workspace")
        path.parent.mkdir()
        workspace.mkdir()
        subprocess.run([python, "-s", "-c", MAKE, str(path)], check=True, cwd=folder)
        size = path.stat().st_size
        for _ in range(ROUNDS + 1):
            theirs.append(peer(python, path, threads))
            mine.append(ours(python, path, workspace, threads))
    value, peer_value = statistics.median(took for took, _ in mine[1:]), statistics.median(theirs[1:])
    memory = max(most for _, most in mine)
    file = f"CSV of {size / 1e9:.2f} GB, {ROWS:,} rows, 12 columns, {threads} threads"
    figure(
        "dataset_profile", "profile", value, "s", peer="SUMMARIZE of DuckDB", peer_value=peer_value, goal=f"<= {GOAL} x",
        ok=value <= GOAL * peer_value,
        conditions=f"medians of {ROUNDS} alternating rounds after one warm-up, each in a fresh process, {file}",
    )  # fmt: skip
    figure(
        "dataset_profile", "memory_mib", memory, "MiB", goal=f"< {MEMORY_MIB}", ok=memory < MEMORY_MIB,
        conditions=f"the most of {ROUNDS + 1} rounds, all processes of ours together, sampled every 50 ms, {file}",
    )  # fmt: skip
    return 0 if value <= GOAL * peer_value and memory < MEMORY_MIB else 1


if __name__ == "__main__":
    sys.exit(main())
