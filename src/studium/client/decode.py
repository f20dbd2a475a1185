"""JSON to dataclasses: known fields by their annotation, unknown ones ignored so that a newer server is no harm."""

import dataclasses
import types
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from studium.client.errors import ApiError

T = TypeVar("T")


def decode(kind: type[T], data: Any) -> T:
    """`data` as `kind`. Raises ApiError where the answer is not what this client knows."""
    try:
        value: T = _value(kind, data)
    except (KeyError, TypeError, ValueError) as error:
        raise ApiError(
            "client.not_understood",
            f"The server's answer is not understood: {error}.",
            "Check that the address is a Studium server; update this client if the server is newer.",
        ) from error
    return value


@lru_cache(maxsize=256)
def _fields(kind: type[Any]) -> dict[str, tuple[Any, bool]]:
    """Annotation of each field, and whether it may be missing."""
    hints = get_type_hints(kind)
    return {
        f.name: (hints[f.name], f.default is not dataclasses.MISSING or f.default_factory is not dataclasses.MISSING)
        for f in dataclasses.fields(kind)
    }


def _value(kind: Any, data: Any) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        if data is None:
            return None
        return _value(next(arg for arg in get_args(kind) if arg is not type(None)), data)
    if origin is list:
        if not isinstance(data, list):
            raise TypeError(f"{data!r:.40} is no list")
        return [_value(get_args(kind)[0], item) for item in data]
    if origin is dict or kind is Any:
        return data
    if kind is datetime:
        return datetime.fromisoformat(data)
    if origin is not None and dataclasses.is_dataclass(origin):
        names = getattr(origin, "__parameters__", ())
        return _object(origin, data, dict(zip(names, get_args(kind), strict=True)))
    if dataclasses.is_dataclass(kind):
        return _object(kind, data, {})
    if kind is float and isinstance(data, int):
        return float(data)
    if not isinstance(data, kind):
        raise TypeError(f"{data!r:.40} is not of type {kind.__name__}")
    return data


def _object(kind: Any, data: Any, generics: dict[Any, Any]) -> Any:
    if not isinstance(data, dict):
        raise TypeError(f"{data!r:.40} is no object")
    found = {}
    for name, (annotation, optional) in _fields(kind).items():
        if name in data:
            found[name] = _value(_filled(annotation, generics), data[name])
        elif not optional:
            raise KeyError(f"{kind.__name__}.{name} is missing")
    return kind(**found)


def _filled(annotation: Any, generics: dict[Any, Any]) -> Any:
    """The annotation with its type variables replaced."""
    known = tuple(getattr(annotation, "__parameters__", ()))
    if annotation in generics:
        return generics[annotation]
    return annotation[tuple(generics[v] for v in known)] if generics and known else annotation


def encode(value: Any) -> Any:
    """A dataclass, or a list of them, as JSON-serialisable data: the inverse of `decode`."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {key: encode(item) for key, item in value.items()}
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value
