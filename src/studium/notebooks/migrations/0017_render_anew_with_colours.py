"""Pages are made otherwise now (code in markdown in colours, state of widgets), so all of them are made anew."""

from typing import Any

from django.db import migrations


def forget(apps: Any, _: Any) -> None:
    for name in ("Notebook", "Version"):
        apps.get_model("notebooks", name).objects.exclude(rendered_of="").update(rendered_of="")


class Migration(migrations.Migration):
    dependencies = [("notebooks", "0016_snapshots")]
    operations = [migrations.RunPython(forget, migrations.RunPython.noop)]
