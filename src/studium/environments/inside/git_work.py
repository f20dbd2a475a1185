# ruff: noqa: E402
"""Carries out one piece of work on a workspace's git repository and reports what came of it. The command of git runs.

`STUDIUM_GIT_WORK` says what to do, in JSON; the secret, where there is one, is in the variable that it names. The result is in
`progress.json` in the run's folder; the notebooks, and the files that are as the commit has them, are in `.git/studium.json`.
Exit code 0, or 1 with an error there.
"""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

# Isolated from the workspace, Python looks for modules in neither folder by itself.
sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), os.environ.get("STUDIUM_GIT_RULES", "/opt/outbound")]

import git_talking
import git_tree
import git_verbs
import spelling
from git_bridge import open_bridge
from git_clean import GitError, Remote

TREE = Path(os.environ.get("STUDIUM_WORKSPACE") or "/notebooks")
REPORT = Path(os.environ.get("STUDIUM_PROGRESS") or "/run/studium/progress.json")
LIST = ".git/studium.json"
Json = dict[str, Any]


def main() -> int:
    asked: Json = json.loads(os.environ["STUDIUM_GIT_WORK"])
    report: Json = {"work": asked["work"], "state": "running"}
    _tell(report)
    try:
        print(f"{asked['verb']} {asked['url']} with {git_verbs.version()}", flush=True)
        result = _carry_out(asked)
        told = {name: result.pop(name, []) for name in ("notebooks", "files", "folders")}
        (TREE / LIST).write_text(json.dumps({"work": asked["work"], **told}))
        _tell({**report, "state": "done", "result": result})
    except (GitError, spelling.SpellingError) as error:
        return _failed(report, error.code, str(error), getattr(error, "facts", {}))
    except MemoryError:
        return _failed(report, "git.memory", "The repository needs more memory.", {})
    except OSError as error:
        code = "git.disk_full" if error.errno in (28, 122) else "git.failed"
        return _failed(report, code, f"The workspace could not be written: {error.strerror}.", {})
    return 0


def _carry_out(asked: Json) -> Json:
    spelling.understood(asked["url"])
    git_verbs.check_branch(asked["branch"])
    proxy, helper = git_talking.proxy_and_helper(open_bridge(os.environ["STUDIUM_EGRESS"]), asked["secret"])
    variables = {}
    if name := asked["secret"]:
        variables = {
            "STUDIUM_GIT_URL": asked["url"],
            "STUDIUM_GIT_SECRET": name,
            "STUDIUM_GIT_USERNAME": asked["username"],
        }
        if name not in os.environ:
            raise GitError(
                "git.no_secret",
                f"This run was not given the secret {name}: it was removed, or its person left the team.",
            )
        variables[name] = os.environ.pop(name)
    with tempfile.TemporaryDirectory(prefix="git-") as scratch:
        work = git_verbs.Work(asked, TREE, Path(scratch), Remote(asked["url"], proxy, variables, helper))
        verb: Any = {"clone": work.clone, "check": work.check, "pull": work.pull, "push": work.push}[asked["verb"]]
        result: Json = verb()
        if asked["verb"] != "check":
            result["files"], result["folders"] = git_tree.unchanged(work.git)
        return result


def _failed(report: Json, code: str, words: str, facts: Json) -> int:
    print(f"\n{words}", file=sys.stderr)
    _tell({**report, "state": "failed", "error": {"name": code, "message": words[:600], "facts": facts}})
    return 1


def _tell(report: Json) -> None:
    text = json.dumps(report, ensure_ascii=True)
    while len(text) > 3900 and report.get("result", {}).get("notes"):
        report["result"]["notes"].pop()
        text = json.dumps(report, ensure_ascii=True)
    if len(text) > 3900 and "error" in report:
        report["error"] |= {"message": report["error"]["message"][:300], "facts": {}}
        text = json.dumps(report, ensure_ascii=True)
    fresh = REPORT.with_name(f".{REPORT.name}.new")
    fresh.write_text(text)
    fresh.replace(REPORT)


if __name__ == "__main__":
    sys.exit(main())
