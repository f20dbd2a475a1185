"""Fail on a file over 600 lines, a function over 80, or a module name that says nothing. Run by script/lint."""

import ast
import subprocess
import sys
from pathlib import Path

MOST_FILE_LINES = 600
MOST_FUNCTION_LINES = 80
EMPTY_NAMES = {"utils", "helpers", "common", "manager", "misc"}


def problems(path: Path) -> list[str]:
    """What is too large in one file, a line each."""
    text = path.read_text(encoding="utf-8")
    found = []
    lines = text.count("\n")
    if lines > MOST_FILE_LINES:
        found.append(f"{path}: {lines} lines; split it by noun (at most {MOST_FILE_LINES})")
    if path.stem in EMPTY_NAMES:
        found.append(f"{path}: a module called {path.stem!r} says nothing; name it after its noun")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = (node.end_lineno or node.lineno) - node.lineno + 1
            if size > MOST_FUNCTION_LINES:
                found.append(f"{path}:{node.lineno}: {node.name} has {size} lines (at most {MOST_FUNCTION_LINES})")
    return found


def main() -> int:
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [Path(name) for name in names.stdout.splitlines() if "/migrations/" not in name]
    found = [line for path in paths if path.exists() for line in problems(path)]
    print("\n".join(found) if found else f"size budget: {len(paths)} files within it")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
