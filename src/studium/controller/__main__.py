"""`python -m studium.controller`: the controller process."""

import os
import signal

import django


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "studium.config.settings_controller"
    django.setup()
    from studium.compute.reconcile.watch import Told
    from studium.config.logs import configure
    from studium.config.options import options
    from studium.controller.loop import Controller
    from studium.controller.passes import all_passes
    from studium.lib.ids import new_id

    configure("controller", options().log_level)
    told = Told()
    controller = Controller(all_passes(new_id(12), told=told), options().controller_hints, told.add)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: controller.stop())
    controller.run()


if __name__ == "__main__":
    main()
