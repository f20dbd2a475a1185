"""The top of the command tree. An operator's own commands live in the platform and are imported only when asked for."""

import importlib
from typing import Any

import typer
from typer.core import TyperGroup

OPERATIONS = "studium.operations.commands"


class Commands(TyperGroup):
    """The client's commands at once; those of `studium.operations.commands` when one is named or all are listed."""

    def list_commands(self, ctx: Any) -> list[str]:
        own = super().list_commands(ctx)
        return [*own, *(name for name in self._operations().commands if name not in own)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return super().get_command(ctx, cmd_name) or self._operations().commands.get(cmd_name)

    def _operations(self) -> TyperGroup:
        return operations()


class Beside(TyperGroup):
    """A group of the client's that an operator's group of the same name has more commands for."""

    def list_commands(self, ctx: Any) -> list[str]:
        own = super().list_commands(ctx)
        return [*own, *(name for name in self._others() if name not in own)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return super().get_command(ctx, cmd_name) or self._others().get(cmd_name)

    def _others(self) -> dict[str, Any]:
        beside = operations().commands.get(self.name or "")
        return dict(beside.commands) if isinstance(beside, TyperGroup) else {}


def operations() -> TyperGroup:
    """An operator's commands."""
    made: Any = typer.Typer()
    importlib.import_module(OPERATIONS).register(made)
    return typer.main.get_group(made)
