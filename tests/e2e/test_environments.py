"""An environment of a team on a running platform: built from the real index, used by a run, told apart from the default."""

import json

from factories.notebooks import notebook_json
from running.platform import Platform, wait_for

SEES = """
import importlib.util, sys, tomli_w
print("prefix", sys.prefix, "tomli_w", tomli_w.dumps({"a": 1}).strip(), "pandas", importlib.util.find_spec("pandas"))
"""


def test_a_notebook_runs_in_what_its_team_built(platform: Platform) -> None:
    made = platform.cli("environments", "create", "Small", "tomli-w==1.2.0", "--json")
    assert made.returncode == 0, made.stderr + platform.log_text()[-3000:]
    build = json.loads(made.stdout)
    assert (build["state"], build["number"]) == ("ready", 1)
    shown = json.loads(platform.cli("environments", "show", "small", "--json").stdout)
    names = {package["name"]: package["version"] for package in shown["packages"]}
    assert names["tomli-w"] == "1.2.0"
    assert {"ipykernel", "pip"} <= names.keys()
    assert "tomli-w==1.2.0" in platform.cli("environments", "lock", "small").stdout

    with platform.client() as client:
        notebook = client.notebooks.create("In the small one", content=notebook_json(SEES))
        assert platform.cli("environments", "use", "small", notebook.id).returncode == 0
        run = client.notebooks.start(notebook.id, kind="execution", machine="cpu-small")
        wait_for(lambda: client.runs.get(run.id).document == "final", seconds=90, says="its end")
        log = client.runs.log(run.id).text
        assert client.runs.get(run.id).reason == "finished", log
        assert "prefix /opt/env tomli_w a = 1 pandas None" in log

        session = client.notebooks.start(notebook.id, machine="cpu-small")
        wait_for(lambda: client.runs.get(session.id).state == "running", seconds=60, says="JupyterLab beside it")
        client.notebooks.stop(notebook.id)
        wait_for(lambda: client.runs.get(session.id).state == "ended", seconds=60, says="its end")

    failed = platform.cli("environments", "build", "small", "tomli-w==99.0")
    assert failed.returncode == 1
    assert "tomli-w==99.0" in failed.stderr
    assert json.loads(platform.cli("environments", "show", "small", "--json").stdout)["number"] == 1

    # Each has what was asked for and no more, whatever was prepared from the lock before it.
    for number, asked, has, lacks in (
        (3, ["tomli-w==1.2.0", "iniconfig"], {"tomli-w", "iniconfig", "ipykernel"}, set()),
        (4, ["tomli-w==1.2.0", "iniconfig"], {"tomli-w", "iniconfig", "ipykernel"}, set()),
        (5, ["tomli-w==1.1.0"], {"tomli-w", "ipykernel"}, {"iniconfig"}),
    ):
        built = platform.cli("environments", "build", "small", *asked, "--json")
        assert built.returncode == 0, built.stderr
        shown = json.loads(platform.cli("environments", "show", "small", "--json").stdout)
        names = {package["name"]: package["version"] for package in shown["packages"]}
        assert shown["number"] == number
        assert has <= names.keys()
        assert not lacks & names.keys()
        assert names["tomli-w"] == asked[0].partition("==")[2]
    # What was built is compiled while it can be used already.
    says = "from studium.environments.models import Build; print(Build.objects.filter(compiled_at=None, state='ready').count())"
    wait_for(lambda: platform.manage(says) == "0", seconds=60, every=1, says="compiling")
    assert platform.cli("environments", "delete", "small", "--yes").returncode == 0
