"""What a field may be, in words, from the JSON Schema of its part."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from annotated_types import Gt
from pydantic import WithJsonSchema
from pydantic.fields import FieldInfo

from pages.markdown import anchor

_QUANTITY = re.compile(r"^(.+) with its unit, for example")
_BOUNDS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
_PLAIN = {"string": "text", "boolean": "true or false", "integer": "whole number", "number": "number"}
_NAME = "^[A-Za-z_]"


_CHOICES = {
    "distribution": "[distribution](#times)",
    "process": "[arrivals](#arrivals)",
    "model": "[cold start](#cold-starts)",
}
"""What is one of several parts, by the key that says which."""


def in_words(field: FieldInfo, schema: Mapping[str, Any]) -> str:
    """Return what `field`, described by `schema`, may be, with links to the parts it is made of."""
    for item in field.metadata:  # the field's own description hides that of its type in the schema
        if isinstance(item, WithJsonSchema) and item.json_schema is not None:
            above = ", above 0" if any(isinstance(each, Gt) for each in field.metadata) else ""
            return _words(item.json_schema) + above
    return _words({key: value for key, value in schema.items() if key != "description"})


def _words(schema: Mapping[str, Any] | bool) -> str:
    if isinstance(schema, bool) or not schema:
        return "value"  # anything, checked where it is put
    return _described(schema)


def _described(schema: Mapping[str, Any]) -> str:
    quantity = _QUANTITY.match(str(schema.get("description", "")))
    if quantity:
        return f"[{quantity[1]}](#quantities)"
    if "discriminator" in schema:
        return _CHOICES[schema["discriminator"]["propertyName"]]
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{anchor(name)})"
    if "const" in schema or "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    branches = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    if branches:
        return " or ".join(dict.fromkeys(map(_words, branches)))
    return _simple(schema)


def _simple(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type", "")
    if kind == "array" and "prefixItems" in schema:
        return f"\\[{', '.join(map(_words, schema['prefixItems']))}\\]"
    if kind == "array":
        return f"list of {_words(schema['items'])}"
    if kind == "object":
        named = "patternProperties" in schema
        inner = next(iter(schema["patternProperties"].values())) if named else schema["additionalProperties"]
        return f"{'name' if named else 'text'}: {_words(inner)}"
    if str(schema.get("pattern", "")).startswith(_NAME):
        return "name"
    bounds = [f"{word} {schema[key]:g}" for key, word in _BOUNDS.items() if key in schema]
    return ", ".join([_PLAIN[kind], *bounds])
