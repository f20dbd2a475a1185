"""The packages a person installs live in their workspace, on top of the read-only environment.

Every Python of the environment runs this at start: packages below `/notebooks/.local` come before the environment's own,
so a newer version installed there wins. For pip that folder is the environment itself: it installs, upgrades and
uninstalls there, and never tries to touch `/opt/env`. `python -s` leaves all of it out; the notebook server runs so,
which is why a broken package cannot keep a notebook from opening.
"""

import os
import sys

FOLDER = os.environ.get("STUDIUM_PACKAGES") or "/notebooks/.local"


def _program() -> str:
    """The module or script this process was started to run, by name: `pip` for `python -m pip` and for `bin/pip3`."""
    arguments = iter(sys.orig_argv[1:])
    for argument in arguments:
        if argument in ("-X", "-W", "--check-hash-based-pycs"):
            next(arguments, "")
        elif argument.startswith("-") and not argument.startswith("--") and argument.endswith("m"):
            return next(arguments, "")
        elif not argument.startswith("-"):
            return os.path.basename(argument)
        elif argument.startswith("-c"):
            return ""
    return ""


def _put_first(folder: str) -> None:
    """Let `folder`, with its `.pth` files, come before the environment's own packages on the path."""
    import site

    own = os.path.dirname(os.path.abspath(__file__))
    before = list(sys.path)
    site.addsitedir(folder)
    added = [entry for entry in sys.path if entry not in before]
    place = before.index(own) if own in before else len(before)
    sys.path[:] = before[:place] + added + before[place:]


def _is_pip(name: str) -> bool:
    return name == "pip" or (name.startswith("pip") and name[3:].replace(".", "").isdigit())


def note(packages: str) -> None:
    """Write down what is installed in the workspace, for the notebook's page. Whoever cannot, does not."""
    import json
    from importlib import metadata

    try:
        found = sorted(
            {(each.name.lower().replace("_", "-"), each.version) for each in metadata.distributions(path=[packages])}
        )
        part = f"{FOLDER}/.studium-packages.{os.getpid()}"
        with open(part, "w", encoding="utf-8") as handle:
            json.dump(found, handle)
        os.replace(part, f"{FOLDER}/studium-packages.json")
    except Exception:  # a broken package must not keep pip from ending as it would
        return


def install() -> None:
    pip = _is_pip(_program())
    if sys.flags.no_user_site and not pip:
        return
    packages = f"{FOLDER}/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    if os.path.isdir(packages):
        _put_first(packages)
    if pip:
        import atexit

        atexit.register(note, packages)
        sys.prefix = sys.exec_prefix = FOLDER
        # The folder is the environment and the user's own at once, so there is no other place to ask for.
        os.environ.pop("PIP_USER", None)
        sys.argv[:] = [argument for argument in sys.argv if argument != "--user"]


install()
