"""The operator's commands, added to the CLI only when one of them is asked for."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from studium.errors import BadInput, StudiumError


def register(app: typer.Typer) -> None:
    """Add `up`, `doctor`, `backup`, `restore`, `rotate-key`, `storage`, `web`, `edge` and `controller` to the CLI."""
    app.command()(up)
    app.command()(doctor)
    app.command()(backup)
    app.command()(restore)
    app.command("rotate-key")(rotate_key)
    storage = typer.Typer(help="What is stored.", no_args_is_help=True, rich_markup_mode=None)
    storage.command("verify")(verify_storage)
    storage.command("migrate")(migrate_storage)
    app.add_typer(storage, name="storage")
    for process in ("web", "edge", "controller"):
        app.command(process, help=f"Run the {process} process alone; `studium up` starts and watches all three.")(
            _alone(process)
        )


def up(
    simulate: Annotated[str, typer.Option(help="Simulated accelerators, as P100:1,M4000:2,tpu-v3-8:1.")] = "",
    port: Annotated[int, typer.Option(help="Port of the one public address.")] = 0,
    first_notebook: Annotated[
        bool, typer.Option(help="On a first start, run the first gallery notebook for real.")
    ] = True,
) -> None:
    """Set up what is missing, start everything, and say where to open it. Ctrl-C stops it; sessions go on."""
    if simulate:
        os.environ["STUDIUM_SIMULATE"] = simulate
    if port:
        os.environ["STUDIUM_PORT"] = str(port)
    from studium.operations.up import up as start

    raise typer.Exit(_told(lambda: start(first_notebook=first_notebook)))


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False) -> None:
    """Say what isolates, what limits, what accelerators there are and what is degraded, each with its remedy."""
    raise typer.Exit(_told(lambda: _examined(as_json)))


def _examined(as_json: bool) -> int:
    from studium.operations.doctor import examine

    report = examine()
    if as_json:
        print(json.dumps(report.as_dict()))
        return 0
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    for check in report.checks:
        console.print(
            f"{'[green]ok  [/green]' if check.ok else '[red]no  [/red]'} [bold]{check.name}[/bold]: {check.detail}"
        )
        if check.remedy and not check.ok:
            console.print(f"      {check.remedy}")
    for machine in report.machines:
        devices = (
            ", ".join(f"{d['kind']}{' (simulated)' if d['simulated'] else ''}" for d in machine["accelerators"])
            or "no accelerators"
        )
        made_up = " (simulated size)" if machine["simulated"] else ""
        console.print(
            f"machine {machine['name']}{made_up}: {machine['vcpu']:g} vCPU, {machine['memory_bytes'] / 1024**3:.1f} GiB, {devices}"
        )
    console.print(
        "Isolation is full."
        if report.full_isolation
        else "[red]Isolation is not full: let in only people you trust.[/red]"
    )
    return 0


def backup(target: Annotated[Path, typer.Argument(help="The file to write.")]) -> None:
    """Write database, blobs and keys to one file, while everything runs. Keep it safe: it holds secrets."""

    def work() -> int:
        from studium.operations.backup import backup as write
        from studium.operations.setup import load_django

        load_django()
        size = write(target)
        print(f"Wrote {target}, {size / 1024**2:.1f} MiB.")
        return 0

    raise typer.Exit(_told(work))


def restore(
    source: Annotated[Path, typer.Argument(help="A file that `studium backup` wrote.")],
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite the database that is there.")] = False,
) -> None:
    """Put a backup in place. Nothing may be running on this home folder."""

    def work() -> int:
        from studium.config.options import options
        from studium.operations import setup
        from studium.operations.backup import restore as read
        from studium.operations.supervise import only_one

        setup.make_folders(options())
        with only_one(options()):
            setup.load_django()
            taken = read(source, replace=replace)
        print(f"Restored the backup of {taken:%Y-%m-%d %H:%M} UTC. Start with `studium up`.")
        return 0

    raise typer.Exit(_told(work))


def verify_storage(
    mend: Annotated[bool, typer.Option("--mend", help="Write anew what this machine still has whole.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Read everything that is stored, while everything runs, and say what is damaged and whom that hurts.

    Ends with 0 where all is well or mended, 1 where something is damaged.
    """

    def work() -> int:
        from studium.operations.setup import load_django

        load_django()
        from dataclasses import asdict

        from studium.operations.verifying import verified

        found = list(verified(mend=mend))
        left = [each for each in found if not each.mended]
        if as_json:
            print(json.dumps([asdict(each) for each in found], ensure_ascii=False))
        for each in found if not as_json else ():
            print(f"{each.what}: {each.why}{' Mended.' if each.mended else ''}")
            for who in each.who:
                print(f"  {who}")
        if not as_json:
            mended = f"{len(found) - len(left):,} mended, " if mend else ""
            print(f"{mended}{len(left):,} damaged." if found else "All is as it was stored.")
        return 1 if left else 0

    raise typer.Exit(_told(work))


def migrate_storage(
    target: Annotated[str, typer.Argument(help="s3://bucket/prefix?endpoint=https://..., or folder.")] = "",
    abandon: Annotated[bool, typer.Option("--give-up", help="End a move that has not switched yet.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Move all that is stored to another store, while everything runs. After a kill, type it again: it goes on.

    A bucket is opened with the usual AWS_* variables, which are kept for it in the home folder. The old store is left as it
    is. Ends with 0 where all is well, 1 where something was damaged or lost before.
    """

    def work() -> int:
        from studium.operations.setup import load_django

        load_django()
        from dataclasses import asdict

        from studium.lib import clock
        from studium.operations import migrating

        say = (lambda text: print(text, file=sys.stderr)) if as_json else print
        if abandon:
            migrating.give_up(say)
            return 0
        if not target:
            raise BadInput("migrate.target", "Where to?", "Give s3://bucket/prefix?endpoint=https://... or folder.")
        moved = migrating.migrate("" if target == "folder" else target, say, now=clock.now())
        if as_json:
            print(json.dumps(asdict(moved), ensure_ascii=False))
        else:
            for each in moved.lost:
                print(each)
            print(f"{moved.copied:,} objects were copied and compared. All that is stored is in the new store.")
            if moved.done:
                print("The old store is not used any more and can be deleted.")
            else:
                print("Keep the old one for an hour and type the command again: what was on its way is moved then.")
            if moved.setting:
                print(moved.setting)
        return 1 if moved.lost else 0

    raise typer.Exit(_told(work))


def rotate_key() -> None:
    """Seal every secret with a fresh key and drop the old one, while everything runs. Repeatable after a kill."""

    def work() -> int:
        from studium.lib import clock
        from studium.operations.setup import load_django

        load_django()
        from studium.secrets.rotation import rotate

        done = rotate(now=clock.now())
        print(f"{done.secrets} secrets are sealed anew with the key {done.key}; {done.dropped} old keys are dropped.")
        if done.resumed:
            print("This finished a rotation that had been interrupted. Run it again for a fresh key.")
        print("Make a new backup: earlier ones hold the old keys, and stay readable with them.")
        return 0

    raise typer.Exit(_told(work))


def _alone(process: str):  # type: ignore[no-untyped-def]
    def work() -> int:
        from studium.config.options import options
        from studium.operations.supervise import COMMANDS, environment

        command = COMMANDS[process](options())
        os.execvpe(command[0], command, environment(options()))  # noqa: S606

    def run() -> None:
        raise typer.Exit(_told(work))

    return run


def _told(work) -> int:  # type: ignore[no-untyped-def]
    """Do the work; say an error as a sentence with its next step and give its exit code."""
    try:
        return int(work())
    except StudiumError as error:
        print(error.message, file=sys.stderr)
        if error.next_step:
            print(error.next_step, file=sys.stderr)
        return 2 if error.status < 500 else 1
