"""What all parts of a scenario share: frozen models, random times, policy references."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from simtier.units import Bytes, Flop, Seconds

Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$")]
Share = Annotated[float, Field(ge=0, le=1)]
Cv = Annotated[float, Field(ge=0.01, le=100)]
"""Coefficient of variation; beyond these bounds numbers of double precision no longer have the moments asked for."""


class Part(BaseModel):
    """A part of a scenario: frozen, and unknown keys are refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False, validate_default=False
    )


class Fixed(Part):
    """Always the same."""

    distribution: Literal["fixed"] = "fixed"
    value: Seconds
    """The time."""


class Exponential(Part):
    """Exponential: memoryless, CV 1."""

    distribution: Literal["exponential"]
    mean: Seconds
    """Mean."""


class MeanCv(Part):
    """Gamma, log-normal or Weibull, given by the mean and CV of the values themselves (not of logarithms)."""

    distribution: Literal["gamma", "lognormal", "weibull"]
    mean: Annotated[Seconds, Field(gt=0)]
    """Mean of the values."""
    cv: Cv
    """Standard deviation over mean."""


class Uniform(Part):
    """Uniform between two bounds."""

    distribution: Literal["uniform"]
    low: Seconds
    """Smallest value."""
    high: Seconds
    """Largest value."""

    @model_validator(mode="after")
    def _ordered(self) -> Uniform:
        if self.low > self.high:
            raise ValueError(f"low ({self.low} s) is above high ({self.high} s)")
        return self


class OrText:
    """Says in the JSON Schema that a text may stand for the whole, as validators here allow."""

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        return {"anyOf": [{"type": "string"}, handler(core)]}


def _fixed_if_text(value: Any) -> Any:
    return {"distribution": "fixed", "value": value} if isinstance(value, str | int | float) else value


Time = Annotated[
    Annotated[Fixed | Exponential | MeanCv | Uniform, Field(discriminator="distribution")],
    BeforeValidator(_fixed_if_text),
    OrText(),
]
"""A time: text such as `40 ms`, or a distribution such as `{distribution: exponential, mean: 40 ms}`."""


class Traced(Part):
    """What the trace tells of the request itself, in a workload that replays one."""

    distribution: Literal["traced"]
    base: Seconds = 0.0
    """The same for every request."""
    duration: Annotated[float, Field(ge=0)] = 0.0
    """Share of the duration that the trace tells; 1 is as it was."""
    per_input_token: Seconds = 0.0
    """For each token of the prompt."""
    per_output_token: Seconds = 0.0
    """For each token of the answer."""

    @model_validator(mode="after")
    def _says_something(self) -> Traced:
        if not (self.base or self.duration or self.per_input_token or self.per_output_token):
            raise ValueError(
                "a traced time is made of `base`, `duration`, `per_input_token` or `per_output_token`: none is given"
            )
        return self


StageTime = Annotated[
    Annotated[Fixed | Exponential | MeanCv | Uniform | Traced, Field(discriminator="distribution")],
    BeforeValidator(_fixed_if_text),
    OrText(),
]
"""A stage's time: as `Time`, or traced."""


class Cost(Part):
    """A stage given by its operations and bytes moved; the roofline model turns it into a time on each hardware."""

    flop: Flop
    """Floating-point operations of one request."""
    bytes: Bytes
    """Bytes read and written in memory by one request."""
    precision: Literal["fp64", "fp32", "tf32", "fp16", "bf16", "fp8", "int8"] = "fp32"
    """Arithmetic used."""


class PolicyRef(BaseModel):
    """A policy by name (`fifo`) or by class (`my_rules:Shortest`, `./cuts.py:CheapestCut`), and its parameters."""

    model_config = ConfigDict(frozen=True, extra="allow", use_attribute_docstrings=True)

    use: str
    """Built-in name, `module:Class`, or `./file.py:Class` relative to the scenario file."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: Any) -> dict[str, Any]:
        return {"anyOf": [{"type": "string"}, handler(core)]}

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"use": value} if isinstance(value, str) else value

    @property
    def given(self) -> dict[str, Any]:
        """The parameters as written in the scenario."""
        return dict(self.model_extra or {})
