"""What a type and a schema have in common, so that they can be held against each other."""

from __future__ import annotations

import types
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

Shape = Any
NAMES = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def of_type(hint: Any) -> Shape:
    """The shape of a type of this package."""
    if hint in NAMES:
        return NAMES[hint]
    if is_typeddict(hint):
        fields = {name: of_type(field) for name, field in get_type_hints(hint).items()}
        return {"fields": fields, "required": sorted(hint.__required_keys__)}
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return {"enum": sorted(arguments)}
    if origin in (Union, types.UnionType):
        return union(of_type(one) for one in arguments)
    if origin is list:
        return {"items": of_type(arguments[0])}
    if hint is dict or (origin is dict and arguments[1] is Any):
        return "object"
    if origin is dict:
        return {"values": of_type(arguments[1])}
    raise AssertionError(f"no shape for {hint!r}")


def of_schema(schema: Any, document: Any) -> Shape:
    """The shape of a schema of the OpenAPI document."""
    if "$ref" in schema:
        return of_schema(document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], document)
    if "anyOf" in schema:
        return union(of_schema(one, document) for one in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return {"enum": sorted(schema.get("enum", [schema.get("const")]))}
    if isinstance(schema["type"], list):
        return union(of_schema({**schema, "type": one}, document) for one in schema["type"])
    if schema["type"] == "array":
        return {"items": of_schema(schema["items"], document)}
    if schema["type"] != "object":
        return schema["type"]
    if isinstance(schema.get("additionalProperties"), dict):
        return {"values": of_schema(schema["additionalProperties"], document)}
    fields = {name: of_schema(field, document) for name, field in schema.get("properties", {}).items()}
    required = set(schema.get("required", []))
    for base in schema.get("allOf", []):
        shape = of_schema(base, document)
        fields, required = {**shape["fields"], **fields}, required | set(shape["required"])
    return {"fields": fields, "required": sorted(required)} if fields else "object"


def union(shapes: Any) -> Shape:
    found = sorted(shapes, key=repr)
    return found[0] if len(found) == 1 else {"any": found}


def differences(typed: Shape, documented: Shape, at: str = "") -> list[str]:
    """Where they differ. An object of which the document says nothing more may be typed."""
    if documented == "object" and (typed == "object" or (isinstance(typed, dict) and "fields" in typed)):
        return []
    if not (isinstance(typed, dict) and isinstance(documented, dict)) or typed.keys() != documented.keys():
        return [] if typed == documented else [f"{at}: typed {typed}, documented {documented}"]
    if "fields" in typed:
        mine, theirs = typed["fields"], documented["fields"]
        found = [f"{at}/{name}: in one of both only" for name in sorted(mine.keys() ^ theirs.keys())]
        for name in sorted(mine.keys() & theirs.keys()):
            found += differences(mine[name], theirs[name], f"{at}/{name}")
        same = typed["required"] == documented["required"]
        return found if same else [*found, f"{at}: required {typed['required']}, {documented['required']}"]
    if "items" in typed:
        return differences(typed["items"], documented["items"], f"{at}/0")
    if "any" in typed and len(typed["any"]) == len(documented["any"]):
        pairs = zip(typed["any"], documented["any"])
        return [found for mine, theirs in pairs for found in differences(mine, theirs, at)]
    return [] if typed == documented else [f"{at}: typed {typed}, documented {documented}"]


def wrong(value: Any, hint: Any, at: str = "") -> list[str]:
    """Where a value is not of a type: what the document leaves open is held against real answers."""
    if is_typeddict(hint):
        if not isinstance(value, dict):
            return [f"{at}: {value!r} is no object"]
        hints = get_type_hints(hint)
        found = [f"{at}/{name}: is not typed" for name in value.keys() - hints.keys()]
        found += [f"{at}/{name}: is missing" for name in hint.__required_keys__ - value.keys()]
        for name in value.keys() & hints.keys():
            found += wrong(value[name], hints[name], f"{at}/{name}")
        return found
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return [] if value in arguments else [f"{at}: {value!r} is none of {arguments}"]
    if origin in (Union, types.UnionType):
        return min((wrong(value, one, at) for one in arguments), key=len)
    if origin is list and isinstance(value, list):
        return [found for n, one in enumerate(value) for found in wrong(one, arguments[0], f"{at}/{n}")]
    kind = origin or hint
    fits = isinstance(value, (int, float) if kind is float else kind) and (kind is bool or not isinstance(value, bool))
    return [] if fits else [f"{at}: {value!r} is no {hint}"]
