"""Loads the code that runs inside sandboxes. It is no package: inside, its folder is simply where its scripts are."""

import importlib.util
import sys
from types import ModuleType

from studium.environments.commands import code_folder


def load(name: str) -> ModuleType:
    """The module by its plain name, as its neighbours import it."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, code_folder() / f"{name}.py")
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]
