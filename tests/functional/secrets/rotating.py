"""Rotation in a process of its own, on a database of its own: `rotating.py VERB [NUMBER]`.

`prepare` makes so many secrets; `rotate` says a line after every few it has sealed, and goes on when it is answered;
`set` changes a value; `check` prints what of each is readable and which keys there are.
"""

import json
import sys
from pathlib import Path

import django


def main(verb: str, number: str = "0") -> None:
    django.setup()
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from studium.accounts.models import Team, User
    from studium.config.options import options
    from studium.lib import clock
    from studium.secrets import actions, rotation
    from studium.secrets.access import Place
    from studium.secrets.models import SealingKey, Secret
    from studium.secrets.sealing import value_of

    if verb == "prepare":
        prepare(int(number))
    elif verb == "rotate":
        rotation._AT_ONCE = 5
        seal = rotation._seal_some

        def told() -> int:
            count = seal()
            print(count, flush=True)
            sys.stdin.readline()
            return count

        rotation._seal_some = told
        done = rotation.rotate(now=clock.now())
        print(json.dumps({"secrets": done.secrets, "resumed": done.resumed}), flush=True)
    elif verb == "set":
        user, team = User.objects.get(username="owner"), Team.objects.get(slug="owner")
        actions.set_secret(user, Place(team), f"TOKEN_{number}", f"changed {number}", now=clock.now())
    else:
        files = sorted(p.name.removeprefix("secrets-") for p in (options().home / "keys").glob("secrets-*"))
        rows = Secret.objects.order_by("pk")
        live = list(SealingKey.objects.filter(retired_at=None).values_list("pk", flat=True))
        used = sorted(set(rows.values_list("key_id", flat=True)))
        print(json.dumps({"values": {r.name: value_of(r) for r in rows}, "files": files, "live": live, "used": used}))


def prepare(count: int) -> None:
    from django.core.management import call_command

    from factories.accounts import NOW, make_user
    from studium.secrets import actions
    from studium.secrets.access import Place

    call_command("migrate", verbosity=0)
    owner = make_user("owner")
    for number in range(count):
        actions.set_secret(owner, Place(owner.personal_team), f"TOKEN_{number}", f"value {number}", now=NOW)


if __name__ == "__main__":
    main(*sys.argv[1:])
