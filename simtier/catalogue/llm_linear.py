"""Published linear times of iterations, read from llm_linear.yaml beside this file."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from simtier.errors import CatalogueError, did_you_mean
from simtier.models.llm.linear import Coefficients, Linear
from simtier.units import Seconds

_Line = tuple[Seconds, Seconds, Seconds]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    on: str
    threshold: Annotated[int, Field(ge=1)]
    prompts: _Line
    few: _Line
    many: _Line


_File = TypeAdapter(dict[str, dict[Annotated[int, Field(ge=1)], _Entry]])


class Fitted(NamedTuple):
    """What coefficients were fitted to: a model of the catalogue, so many devices that share each layer, and which."""

    model: str
    tensor: int
    accelerator: str


def linear_costs() -> tuple[Fitted, ...]:
    """Return what coefficients are known."""
    return tuple(
        Fitted(name, tensor, entry.on) for name, by_tensor in _load().items() for tensor, entry in by_tensor.items()
    )


@lru_cache
def linear_cost(model: str, tensor: int, accelerator: str) -> Linear:
    """Return the times of iterations of a model on so many devices; raises CatalogueError if nobody published them."""
    known = _load()
    if model not in known:
        raise CatalogueError(f"no linear times of iterations are known of {model!r}{did_you_mean(model, known)}")
    entry = known[model].get(tensor)
    if entry is None or entry.on != accelerator:
        there = ", ".join(f"{number} x {each.on}" for number, each in known[model].items())
        raise CatalogueError(
            f"no linear times of iterations are known of {model} on {tensor} x {accelerator} (known: {there})"
        )
    prompts, few, many = (Coefficients(*line) for line in (entry.prompts, entry.few, entry.many))
    return Linear(prompts, few, many, entry.threshold)


@lru_cache(maxsize=1)
def _load() -> Mapping[str, Mapping[int, _Entry]]:
    return parse(files("simtier.catalogue").joinpath("llm_linear.yaml").read_text(encoding="utf-8"))


def parse(text: str) -> Mapping[str, Mapping[int, _Entry]]:
    """Return the checked content of a file of coefficients; raises CatalogueError when it is malformed."""
    try:
        return _File.validate_python(YAML(typ="safe", pure=True).load(text))
    except YAMLError as error:
        raise CatalogueError(f"llm_linear.yaml is not YAML: {error}") from error
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise CatalogueError(f"llm_linear.yaml: {'; '.join(problems)}") from error
