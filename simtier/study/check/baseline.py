"""The baseline of a check: what was measured once, in a file that people review and `simtier check` compares with."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from simtier.errors import StudyError
from simtier.scenario import Scenario
from simtier.scenario.base import Part
from simtier.study.shares import read
from simtier.whole import write_whole

FORMAT = 1
"""Version of the file's format."""

_WITH_POLICIES = ("services", "platforms", "apps", "power_rows")
_NO_WORLD = ("name", "question", "policies")
_CHANGES_NO_REPLICATION = ("seed", "replications", "samples")


class Rule(Part):
    """What a metric may do before it counts as a regression."""

    test: Literal["worse", "mean"] = "worse"
    """`worse`: it must not be shown to be worse by more than the tolerance. `mean`: its mean must not be worse by more, noise or not."""
    tolerance: str | Annotated[float, Field(ge=0, strict=True)] = 0.0
    """A share of the baseline, such as `2 %`, or a number in the unit of the metric."""

    @field_validator("tolerance")
    @classmethod
    def _is_one(cls, value: str | float) -> str | float:
        if isinstance(value, float):
            return value
        try:
            said = tolerance(value)
        except StudyError as error:
            raise ValueError(str(error)) from error
        if isinstance(said, float):
            raise ValueError(f"{value!r} is a number in quotes: write it without, or a share such as '2 %'")  # noqa: TRY004 - what pydantic reports
        return said

    @property
    def relative(self) -> bool:
        """Whether the tolerance is a share of the baseline."""
        return isinstance(self.tolerance, str)

    @property
    def amount(self) -> float:
        """The tolerance, as a share or in the unit of the metric."""
        return read(self.tolerance)[0] / 100 if isinstance(self.tolerance, str) else self.tolerance


class Guarded(Part):
    """A metric that is guarded."""

    rule: Rule = Rule()
    """What it may do."""
    values: tuple[float | None, ...]
    """What was measured in each replication; null where there was nothing to measure."""


class Baseline(Part):
    """What was measured, of what, and by which rules it is compared."""

    format: Literal[1] = 1
    """Version of this file's format."""
    versions: dict[str, str]
    """Packages that what is measured depends on."""
    scenario: str
    """The scenario's name."""
    identity: str
    """Hash of the scenario with its policies; see `simtier.world.resolve.identity`."""
    world: dict[str, str]
    """Hashes of the parts of the scenario that are no policies; these must be the same to compare."""
    traces: dict[str, str]
    """Hashes of the traces that were replayed, by name."""
    seed: int
    """Seed of all random numbers."""
    replications: Annotated[int, Field(ge=1)]
    """How many replications were played, from 0 on."""
    alpha: Annotated[float, Field(gt=0, le=0.5)] = 0.05
    """An unchanged policy is flagged by the tests with this probability at most, in all metrics together."""
    fingerprints: tuple[str, ...]
    """Of the trajectory of each replication."""
    metrics: Annotated[dict[str, Guarded], Field(min_length=1)]
    """What is guarded, by the metrics' full names."""

    @model_validator(mode="after")
    def _as_many_as_it_says(self) -> Baseline:
        lengths = {len(self.fingerprints), *(len(each.values) for each in self.metrics.values())}
        if lengths != {self.replications}:
            raise ValueError(
                f"it says {self.replications} replications and has values of {', '.join(map(str, sorted(lengths)))}"
            )
        return self


def load(path: Path, way_out: str) -> Baseline:
    """Return the baseline in the file at `path`.

    `way_out` says how to make one. Raises StudyError if there is none, it cannot be read, is of another format, or says what no baseline says.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StudyError(f"there is no baseline {path}: {way_out}") from error
    except OSError as error:
        raise StudyError(f"cannot read the baseline {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise StudyError(
            f"the baseline {path} is not JSON ({error}): restore it, or remove it and {way_out}"
        ) from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        told = f"format {data.get('format')!r}" if isinstance(data, dict) else "no format"
        raise StudyError(
            f"the baseline {path} has {told}, this version of simtier reads format {FORMAT}: remove it and {way_out}"
        )
    try:
        return Baseline.model_validate_json(json.dumps(data))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        raise StudyError(
            f"the baseline {path} says what no baseline says{f' at {place}' if place else ''}: {message}"
        ) from error


def save(path: Path, baseline: Baseline) -> None:
    """Write `baseline` to `path`, whole or not at all; raises ResultError if that cannot be done."""
    text = json.dumps(baseline.model_dump(mode="json"), indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    write_whole(path, text.encode())


def tolerance(text: str) -> str | float:
    """Return a tolerance as people write it, `2%` or `0.01`: the text `2 %` or a number; raises StudyError."""
    try:
        value, percent = read(text)
    except ValueError:
        value, percent = math.nan, False
    if not 0 <= value < math.inf:
        raise StudyError(
            f"{text!r} is no tolerance: write a share such as 2%, or a number in the unit of the metric such as 0.01"
        )
    return f"{value:.12g} %" if percent else value


def world_of(scenario: Scenario) -> dict[str, str]:
    """Return a hash of every part of `scenario` that is no policy, by section and name, such as `services.web`.

    Policies are what is checked, so they may differ, and their parameters; names, texts, seed, replications and samples change no replication. Values
    that are the defaults do not count, so that a later version with more fields gives the same hashes.
    """
    written = scenario.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    parts = {}
    for section, content in written.items():
        if section in _NO_WORLD:
            continue
        for name, part in content.items():
            if section == "run" and name in _CHANGES_NO_REPLICATION:
                continue
            kept = (
                {key: value for key, value in part.items() if key != "policies"} if section in _WITH_POLICIES else part
            )
            parts[f"{section}.{name}"] = hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:12]
    return parts


def differing(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return the names that only one of both has, or of which they say different things."""
    return [name for name in dict.fromkeys([*before, *now]) if before.get(name) != now.get(name)]
