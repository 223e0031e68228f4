"""Numbers of cores in a scenario: one number, or a distribution as times have them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from simtier.scenario.base import Exponential, Fixed, MeanCv, Uniform

Positive = Annotated[float, Field(gt=0)]


class FixedCores(Fixed):
    """Always the same."""

    distribution: Literal["fixed"] = "fixed"
    value: Positive
    """The number."""


class ExponentialCores(Exponential):
    """Exponential."""

    mean: Positive
    """Mean."""


class MeanCvCores(MeanCv):
    """Gamma, log-normal or Weibull, given by the mean and CV of the values themselves (not of logarithms)."""

    mean: Positive
    """Mean."""


class UniformCores(Uniform):
    """Uniform between two bounds."""

    low: Positive
    """Smallest number."""
    high: Positive
    """Largest number."""

    @model_validator(mode="after")
    def _ordered(self) -> UniformCores:
        if self.low > self.high:
            raise ValueError(f"low ({self.low:g}) is above high ({self.high:g})")
        return self


class OrNumber:
    """Says in the JSON Schema that a number may stand for the whole."""

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        return {"anyOf": [{"type": "number"}, handler(core)]}


def _fixed_if_number(value: Any) -> Any:
    return value if isinstance(value, dict | Fixed | Exponential | MeanCv | Uniform) else {"value": value} | _FIXED


_FIXED = {"distribution": "fixed"}

Cores = Annotated[
    Annotated[FixedCores | ExponentialCores | MeanCvCores | UniformCores, Field(discriminator="distribution")],
    BeforeValidator(_fixed_if_number),
    OrNumber(),
]
"""A number of cores: `2`, or a distribution such as `{distribution: uniform, low: 0.5, high: 4}`."""
