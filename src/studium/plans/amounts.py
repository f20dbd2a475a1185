"""Number types of plan files: a size may be written `30 GiB` and a duration `20min`; both become whole numbers."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from studium.lib.units import parse_duration, parse_size


def _size(value: Any) -> Any:
    return parse_size(value) if isinstance(value, str) else value


def _duration(value: Any) -> Any:
    return parse_duration(value) if isinstance(value, str) else value


Bytes = Annotated[int, BeforeValidator(_size), Field(ge=0)]
Seconds = Annotated[int, BeforeValidator(_duration), Field(gt=0)]
Grace = Annotated[int, BeforeValidator(_duration), Field(ge=0)]
Count = Annotated[int, Field(ge=0)]
Micros = Annotated[int, Field(ge=0)]
