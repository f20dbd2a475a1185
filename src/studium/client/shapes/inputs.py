"""Inputs of notebooks and of versions."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Input:
    name: str
    kind: str
    source: str
    title: str
    version: int | None
    follows: bool
    newest: int | None
    files: int
    bytes: int
    paths: list[str]
    trouble: str
    session: str


@dataclass(frozen=True, kw_only=True)
class VersionInput:
    name: str
    kind: str
    source: str
    title: str
    version: int
