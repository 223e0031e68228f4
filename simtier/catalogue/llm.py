"""The language models that scenarios name, read from llm.yaml beside this file."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, TypeAdapter, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from simtier.errors import CatalogueError, did_you_mean
from simtier.models.llm.shape import Experts, LlmShape

_Number = Annotated[int, Field(gt=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _Experts(_Strict):
    number: _Number
    active: _Number
    width: _Number
    shared: Annotated[int, Field(ge=0)] = 0
    dense_layers: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _enough(self) -> _Experts:
        if self.active > self.number:
            raise ValueError(f"{self.active} active experts are more than all {self.number}")
        return self


class _Counts(_Strict):
    parameters: Annotated[float, Field(gt=0)]
    active: Annotated[float, Field(gt=0)] | None = None


class _Model(_Strict):
    layers: _Number
    hidden: _Number
    heads: _Number
    kv_heads: _Number
    head_width: _Number
    feed_forward: _Number
    vocabulary: _Number
    context: _Number
    gated: bool = True
    tied: bool = False
    experts: _Experts | None = None
    latent: Annotated[int, Field(ge=0)] = 0
    latent_query: Annotated[int, Field(ge=0)] = 0
    rope: Annotated[int, Field(ge=0)] = 0
    published: _Counts
    source: str

    @model_validator(mode="after")
    def _whole(self) -> _Model:
        if self.heads % self.kv_heads:
            raise ValueError(f"{self.heads} heads do not divide into {self.kv_heads} groups")
        if self.experts is not None and self.experts.dense_layers >= self.layers:
            raise ValueError(f"with {self.experts.dense_layers} dense of {self.layers} layers no experts are left")
        return self


class _Alias(_Strict):
    like: str
    context: _Number
    source: str


def _kind(written: object) -> str:
    return "alias" if isinstance(written, dict) and "like" in written else "model"


_File = TypeAdapter(
    dict[str, Annotated[Annotated[_Alias, Tag("alias")] | Annotated[_Model, Tag("model")], Discriminator(_kind)]]
)


class Published(NamedTuple):
    """What its publisher says of a model.

    Attributes:
        parameters: all of them.
        active: those that count for one token; None where all do.
        source: where this and the dimensions come from.
    """

    parameters: float
    active: float | None
    source: str


def language_models() -> tuple[str, ...]:
    """Return the names `language_model` knows."""
    return tuple(_load())


@lru_cache
def language_model(name: str) -> LlmShape:
    """Return the dimensions of the model called `name`; raises CatalogueError for an unknown name."""
    entry = _entry(name)
    dimensions = entry.model_dump(exclude={"published", "source", "experts"})
    experts = None if entry.experts is None else Experts(**entry.experts.model_dump())
    return LlmShape(name=name, experts=experts, **dimensions)


def published(name: str) -> Published:
    """Return what its publisher says of a model; raises CatalogueError for an unknown name."""
    entry = _entry(name)
    return Published(entry.published.parameters, entry.published.active, entry.source)


def _entry(name: str) -> _Model:
    known = _load()
    if name not in known:
        raise CatalogueError(f"unknown language model {name!r}{did_you_mean(name, known)}")
    return known[name]


@lru_cache(maxsize=1)
def _load() -> Mapping[str, _Model]:
    return parse(files("simtier.catalogue").joinpath("llm.yaml").read_text(encoding="utf-8"))


def parse(text: str) -> Mapping[str, _Model]:
    """Return the checked content of a file of models, aliases resolved; raises CatalogueError when it is malformed."""
    try:
        content = _File.validate_python(YAML(typ="safe", pure=True).load(text))
    except YAMLError as error:
        raise CatalogueError(f"llm.yaml is not YAML: {error}") from error
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise CatalogueError(f"llm.yaml: {'; '.join(problems)}") from error
    models = {name: entry for name, entry in content.items() if isinstance(entry, _Model)}
    resolved: dict[str, _Model] = {}
    for name, entry in content.items():
        if isinstance(entry, _Alias):
            if entry.like not in models:
                raise CatalogueError(
                    f"llm.yaml: {name}: no model is called {entry.like!r}{did_you_mean(entry.like, models)}"
                )
            entry = models[entry.like].model_copy(update={"context": entry.context, "source": entry.source})  # noqa: PLW2901 - resolved
        resolved[name] = entry
    return resolved
