"""Published cold starts, read from cold_starts.yaml beside this file."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from simtier.errors import CatalogueError, did_you_mean
from simtier.models.cold_starts.joined import PARTS, Four, Joined, Published
from simtier.models.cold_starts.quantiles import Quantiles
from simtier.models.cold_starts.rows import key
from simtier.models.serverless.spec import COMPONENTS

LOW, HIGH = 0.8, 1.5
"""The shortest time over the first quantile, and the longest over the last, where a table tells neither."""

_Positive = Annotated[float, Field(gt=0)]
_Table = Annotated[dict[float, _Positive], Field(min_length=1)]
_Load = Annotated[float, Field(ge=-1, le=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _Tables(_Strict):
    scheduling: _Table
    allocating: _Table
    deploying_code: _Table
    deploying_dependencies: _Table


class _Means(_Strict):
    scheduling: _Positive
    allocating: _Positive
    deploying_code: _Positive
    deploying_dependencies: _Positive


class _Loads(_Strict):
    scheduling: _Load
    allocating: _Load
    deploying_code: _Load
    deploying_dependencies: _Load


class _Entry(_Strict):
    """Cold starts of one sort, in seconds; levels of tables in percent."""

    cold_starts: Annotated[int, Field(gt=0)]
    total: _Table
    parts: _Tables
    no_dependency: Annotated[float, Field(ge=0, le=1)]
    loads: _Loads
    means: _Means | None = None


class _Region(_Entry):
    means: _Means
    runtimes: dict[str, _Entry] = {}


class Moments(_Strict):
    """Moments of the whole time of cold starts, in seconds."""

    mean: _Positive
    sd: _Positive


class _File(_Strict):
    everywhere: Moments
    regions: dict[str, _Region]


class Sorts(NamedTuple):
    """The cold starts of a region.

    Attributes:
        all: of functions of any runtime, or an unknown one.
        runtimes: by runtime, as `simtier.models.cold_starts.rows.key` has it; empty if they are not told apart.
    """

    all: Published
    runtimes: Mapping[str, Published]


def regions() -> tuple[str, ...]:
    """Return the names `huawei_2025` knows."""
    return tuple(_load().regions)


@lru_cache
def huawei_2025(region: str) -> Sorts:
    """Return what is published of the cold starts of a region; raises CatalogueError for an unknown name."""
    known = _load().regions
    if region not in known:
        raise CatalogueError(f"unknown region {region!r} of huawei_2025{did_you_mean(region, known)}")
    entry = known[region]
    return Sorts(
        _published(region, entry), {key(name): _published(name, each) for name, each in entry.runtimes.items()}
    )


@lru_cache
def joined(region: str, runtime: str) -> Joined:
    """Return how rows of a region's cold starts are made, for a runtime if the region tells it apart; made once, it takes 0.2 s."""
    sorts = huawei_2025(region)
    return Joined(sorts.runtimes[key(runtime)]) if key(runtime) in sorts.runtimes else _of_any_runtime(region)


@lru_cache
def _of_any_runtime(region: str) -> Joined:
    return Joined(huawei_2025(region).all)


def everywhere() -> Moments:
    """Return the moments of the cold starts of all regions."""
    return _load().everywhere


def shares() -> tuple[float, ...]:
    """Return the mean share of each component in the time of the cold starts of all regions, weighted by their numbers."""
    entries = _load().regions.values()
    seconds = {part: sum(each.cold_starts * getattr(each.means, part) for each in entries) for part in PARTS}
    return tuple(seconds.get(component, 0.0) / sum(seconds.values()) for component in COMPONENTS)


@lru_cache(maxsize=1)
def _load() -> _File:
    return parse(files("simtier.catalogue").joinpath("cold_starts.yaml").read_text(encoding="utf-8"))


def parse(text: str) -> _File:
    """Return the checked content of a file of cold starts; raises CatalogueError when it is malformed."""
    try:
        return _File.model_validate(YAML(typ="safe", pure=True).load(text))
    except YAMLError as error:
        raise CatalogueError(f"cold_starts.yaml is not YAML: {error}") from error
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise CatalogueError(f"cold_starts.yaml: {'; '.join(problems)}") from error


def _published(name: str, entry: _Entry) -> Published:
    """Return an entry for the model; raises CatalogueError if its tables cannot be."""
    try:
        total = _quantiles(entry.total)
        scheduling, allocating, code = (
            _quantiles(table) for table in (entry.parts.scheduling, entry.parts.allocating, entry.parts.deploying_code)
        )
        parts = (scheduling, allocating, code, _quantiles(entry.parts.deploying_dependencies, entry.no_dependency))
        if entry.means is None:
            return Published(total, parts, _four(entry.loads))
        means = _four(entry.means)
        return Published(total.bent_to(sum(means)), parts, _four(entry.loads), means)
    except ValueError as error:
        raise CatalogueError(f"cold_starts.yaml: {name}: {error}") from error


def _quantiles(table: Mapping[float, float], zeros: float = 0.0) -> Quantiles:
    levels, values = zip(*sorted(table.items()), strict=True)
    if levels[0] > 0:
        levels, values = (0.0, *levels), (values[0] * LOW, *values)
    if levels[-1] < 100:
        levels, values = (*levels, 100.0), (*values, values[-1] * HIGH)
    return Quantiles(tuple(level / 100 for level in levels), tuple(values), zeros)


def _four(numbers: _Means | _Loads) -> Four:
    return (numbers.scheduling, numbers.allocating, numbers.deploying_code, numbers.deploying_dependencies)
