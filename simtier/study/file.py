"""The study file as frozen models: a base scenario, axes, replications, metrics."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from simtier.errors import Problem, ScenarioError
from simtier.scenario import document
from simtier.scenario.base import Name, Part
from simtier.scenario.problems import explain
from simtier.scenario.shape import Shape
from simtier.scenario.source import Source

Value = Any
"""What a field is set to, written as in a scenario: a number, a text, a mapping such as a policy with its parameters, or a list."""

Values = Annotated[list[Value], Field(min_length=1)]


class Range(Part):
    """A range to draw from: `{from: 10 ms, to: 1 s, scale: log}`, or `{choices: [fifo, lifo]}`."""

    low: Annotated[str | int | float | None, Field(alias="from")] = None
    """Smallest value, with its unit if it has one."""
    high: Annotated[str | int | float | None, Field(alias="to")] = None
    """Largest value, in the same unit."""
    scale: Literal["linear", "log"] = "linear"
    """Whether equal differences are equally likely, or equal ratios."""
    choices: Values | None = None
    """In place of a range: values of which each is as likely as the others."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Range:
        ranged = self.low is not None and self.high is not None
        if (self.choices is None) != ranged or (self.choices is not None and self.low is not None):
            raise ValueError("needs either `from` and `to`, or `choices`")
        return self


class Draw(Part):
    """Points drawn at random."""

    count: Annotated[int, Field(ge=1)]
    """How many points."""
    fields: Annotated[dict[str, Range], Field(min_length=1)]
    """What each field is drawn from."""


class Axis(Part):
    """One axis: a list of points, each of which sets some fields. Exactly one of its keys is given."""

    grid: Annotated[dict[str, Values], Field(min_length=1)] | None = None
    """Every combination of the values of these fields."""
    zipped: Annotated[dict[str, Values], Field(min_length=1)] | None = Field(None, alias="zip")
    """The first values of all fields together, then the second ones, and so on; all lists are equally long."""
    points: Annotated[list[dict[str, Value]], Field(min_length=1)] | None = Field(None, alias="list")
    """Points written out, each a mapping from fields to values."""
    random: Draw | None = None
    """Points drawn independently."""
    latin_hypercube: Draw | None = None
    """Points drawn so that each field takes one value in each of `count` equally likely parts of its range (McKay et al. 1979)."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Axis:
        fields = type(self).model_fields
        given = [fields[name].alias or name for name in fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"needs exactly one of grid, zip, list, random, latin_hypercube; it has {' and '.join(given) or 'none'}"
            )
        if self.zipped is not None and len({len(values) for values in self.zipped.values()}) > 1:
            lengths = ", ".join(f"{name}: {len(values)}" for name, values in self.zipped.items())
            raise ValueError(f"the lists of a zip must be equally long ({lengths})")
        return self


class Study(Part):
    """A study: many scenarios that differ along axes, each run several times with the same random numbers."""

    name: Name
    """Name of the study; also the folder of its results."""
    question: str = ""
    """What it answers; shown first in the report."""
    base: str
    """The scenario file that all cells change, relative to the study file."""
    set: dict[str, Value] = Field(default={})
    """Changes made to the base in every cell, by field, such as `run.duration: 60 s`."""
    axes: Annotated[list[Axis], Field(min_length=1)]
    """The axes. The study has a cell for every combination of a point of each."""
    replications: Annotated[int, Field(ge=1, le=10_000)] = 3
    """Independent repetitions of each cell. All cells share their random numbers: replication 2 faces the same requests in every cell."""
    metrics: list[str] = Field(default=[])
    """Metrics to keep: full names, endings that only one metric has, or patterns with `*`. [default: latency, attainment, goodput, energy, cost]"""
    seed: Annotated[int, Field(ge=0, lt=2**63, strict=True)] = 1
    """Seed of the points that are drawn; the runs' own is `run.seed` of the scenario."""

    _folder: Path = PrivateAttr(default_factory=Path)
    _source: Source = PrivateAttr(default_factory=Source)

    @property
    def base_path(self) -> Path:
        """Where the base scenario lies."""
        return self._folder / self.base

    @property
    def source(self) -> Source:
        """Lines for messages."""
        return self._source

    def changed(self, changes: Mapping[str, str]) -> Study:
        """Return this study with `changes`, as `--set` takes them, made in every cell."""
        study = self.model_copy(
            update={"set": {**self.set, **{k: document.parse_value(v) for k, v in changes.items()}}}
        )
        study._folder, study._source = self._folder, self._source  # noqa: SLF001 - an object of this class
        return study

    @classmethod
    def load(cls, path: Path | str) -> Study:
        """Return the study in the file at `path`; raises ScenarioError with every mistake found."""
        data, lines = document.read(Path(path), str(path), "a study starts with `name:` and `base:`")
        return cls.from_dict(data, folder=Path(path).parent, source=Source(str(path), lines))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, folder: Path | None = None, source: Source | None = None) -> Study:
        """Return the study in `data`, written as in a file; `folder` is where its base is looked for."""
        source = source or Source()
        if not isinstance(data, Mapping):
            raise ScenarioError(
                [Problem("", "a study is a mapping that starts with `name:` and `base:`", source.line(()), source.file)]
            )
        try:
            study = cls.model_validate(data)
        except ValidationError as error:
            raise ScenarioError(explain(error, data, source, Shape(cls.model_json_schema()))) from error
        study._folder, study._source = folder or Path(), source  # noqa: SLF001 - an object of this class
        return study


def text_of(value: Value) -> str:
    """Return `value` as `--set` takes it."""
    if isinstance(value, str) and _reads_as(value) == value:
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    shown = isinstance(value, str) and value.isprintable()
    return json.dumps(value, ensure_ascii=not shown).replace("\x7f", "\\u007f")


def _reads_as(text: str) -> Any:
    try:
        return document.parse_value(text)
    except ScenarioError:
        return None
