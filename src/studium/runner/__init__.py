"""The runner: one small process per run that starts the sandbox, watches it and outlives the controller.

Standard library only. `main.py` loads this folder as the package `runner`, so that nothing of the platform is imported;
the local engine imports the same modules as `studium.runner` to prepare and inspect what the runner works with.
"""
