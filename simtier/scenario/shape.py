"""Which keys a scenario may have at a place, read from its JSON Schema, so that every new field is known here by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from simtier.scenario.source import Steps

Schema = Mapping[str, Any]


class Shape:
    """The keys allowed at each place of a JSON Schema made by pydantic."""

    def __init__(self, schema: Schema) -> None:
        self._root = schema

    def keys(self, path: Steps, data: Any) -> tuple[str, ...]:
        """Return the keys that the mapping at `path` of `data` may have; none where any key may stand."""
        return tuple(dict.fromkeys(key for schema in self._at(path, data) for key in schema.get("properties", {})))

    def takes_any_key(self, path: Steps, data: Any) -> bool:
        """Return whether the mapping at `path` has names of the user's choice, or parameters that are checked elsewhere."""
        return any(
            schema.get("additionalProperties") or "patternProperties" in schema for schema in self._at(path, data)
        )

    def requires(self, path: Steps, data: Any, key: str) -> bool:
        """Return whether `path` may be a mapping in which `key` must stand."""
        return any(key in schema.get("required", ()) for schema in self._at(path, data))

    def default(self, path: Steps, data: Any) -> Any:
        """Return the default of the field at `path` as a file would write it; None without one."""
        fields = [child(schema.get("properties"), path[-1]) for schema in self._at(path[:-1], data)]
        return next((child(field, "default") for field in fields if field), None)

    def _at(self, path: Steps, data: Any) -> list[Schema]:
        """Return every schema that may describe the value at `path`."""
        found = list(self._alternatives(self._root, data))
        for step in path:
            data = child(data, step)
            found = [
                each for schema in found for inner in _inside(schema, step) for each in self._alternatives(inner, data)
            ]
        return found

    def _alternatives(self, schema: Schema, data: Any) -> Iterator[Schema]:
        """Yield what `schema` stands for: the target of a reference, each branch of a union, or itself."""
        if "$ref" in schema:
            yield from self._alternatives(self._root["$defs"][schema["$ref"].rsplit("/", 1)[1]], data)
            return
        branches = schema.get("anyOf") or schema.get("oneOf")
        if not branches:
            yield schema
            return
        told = schema.get("discriminator", {})
        chosen = told.get("mapping", {}).get(child(data, told.get("propertyName", "")))
        for branch in [{"$ref": chosen}] if chosen else branches:
            yield from self._alternatives(branch, data)


def child(data: Any, step: str | int) -> Any:
    """Return what stands under `step` in `data`, or None."""
    if isinstance(data, Mapping):
        return data.get(step)
    if isinstance(data, list | tuple) and isinstance(step, int) and step < len(data):
        return data[step]
    return None


def _inside(schema: Schema, step: str | int) -> Iterator[Schema]:
    """Yield the schemas for what stands under `step`."""
    if step in schema.get("properties", {}):
        yield schema["properties"][step]
    elif isinstance(schema.get("additionalProperties"), Mapping):
        yield schema["additionalProperties"]
    yield from schema.get("patternProperties", {}).values()
    if isinstance(step, int):
        yield from schema.get("prefixItems", [])[step : step + 1]
        if isinstance(schema.get("items"), Mapping):
            yield schema["items"]
