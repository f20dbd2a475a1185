"""The Python client and the OpenAPI document have the same shapes, and the client has a call for every route."""

import dataclasses
import re
import types
from datetime import datetime
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest

from studium import client
from studium.api.site import api
from studium.client import shapes

DOCUMENT = api.get_openapi_schema(path_prefix="")
COMPONENTS = DOCUMENT["components"]["schemas"]
# Names of what is sent, and of words that are plain text in the client.
ASKED = {name for name, schema in COMPONENTS.items() if schema.get("additionalProperties") is False}
WORDS = {name for name, schema in COMPONENTS.items() if "enum" in schema}
GIVEN = sorted(
    set(COMPONENTS) - ASKED - WORDS - {name for name in COMPONENTS if name.startswith("Page_")} - {"Body", "FormParams"}
)
PLAIN = {"string": str, "integer": int, "number": float, "boolean": bool}


def client_name(name: str) -> str:
    return name.removesuffix("Shape")


@pytest.mark.parametrize("name", GIVEN)
def test_every_shape_is_the_same_on_both_sides(name: str) -> None:
    mine = getattr(shapes, client_name(name))
    hints = get_type_hints(mine)
    theirs = COMPONENTS[name]["properties"]
    assert {f.name for f in dataclasses.fields(mine)} == set(theirs)
    for field, schema in theirs.items():
        assert kind_of(hints[field]) == kind_in(schema), f"{name}.{field}"


def kind_of(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        return f"{kind_of(next(a for a in get_args(annotation) if a is not type(None)))} or null"
    if origin is list:
        return f"list of {kind_of(get_args(annotation)[0])}"
    if origin is dict:
        return "object"
    return str(annotation.__name__)


def kind_in(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        inner = next(s for s in schema["anyOf"] if s.get("type") != "null")
        return f"{kind_in(inner)} or null"
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return "str" if name in WORDS else client_name(name)
    if schema.get("format") == "date-time":
        return datetime.__name__
    if "type" not in schema:
        return Any.__name__
    if schema["type"] == "array":
        return f"list of {kind_in(schema['items'])}"
    return PLAIN[schema["type"]].__name__ if schema["type"] in PLAIN else "object"


def test_the_client_has_a_call_for_every_path() -> None:
    folder = Path(client.__file__).parent
    text = "".join(path.read_text() for path in folder.glob("*.py"))
    kinds = set(re.findall(r'Comments\(calls, "(\w+)"\)', text)) & set(re.findall(r'Favour\(calls, "(\w+)"\)', text))
    assert kinds, "no kind of thing is talked of"
    written = [found.removeprefix("/rest") for found in re.findall(r'"(/rest/[^"]*)"', text)]
    paths = [each.replace("{self._kind}", kind) for each in written for kind in kinds]
    called = {re.sub(r"{[^}]*}", "{}", path) for path in paths}
    assert called == {re.sub(r"{[^}]*}", "{}", path) for path in DOCUMENT["paths"]}


def test_the_client_has_no_shape_that_the_server_lacks() -> None:
    mine = {name for name, value in vars(shapes).items() if dataclasses.is_dataclass(value)}
    assert mine - {"Page"} == {client_name(name) for name in GIVEN}
