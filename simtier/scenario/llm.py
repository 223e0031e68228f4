"""Language models of a scenario: what runs on a service's replicas, and how many tokens requests have."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from simtier.scenario.base import Cv, OrText, Part
from simtier.units import Bytes, BytesPerSecond, Seconds

ELEMENT_BYTES = {"fp16": 2.0, "bf16": 2.0, "fp8": 1.0, "int8": 1.0}
"""Bytes of one parameter, and of one element of keys and values."""


class EfficiencyChoice(Part):
    """What the closed form of iteration times is changed in; the rest is the accelerator's own, or else fitted to an A100."""

    compute: Annotated[float, Field(gt=0, le=1)] | None = None
    """Dense matrices: share of the peak."""
    weights: Annotated[float, Field(gt=0, le=1)] | None = None
    """Dense matrices: share of the memory bandwidth."""
    corner: Annotated[float, Field(ge=1)] | None = None
    """Exponent of the smooth maximum of the two."""
    prefill_attention: Annotated[float, Field(gt=0, le=1)] | None = None
    """Attention of prompts: share of the peak."""
    decode_attention: Annotated[float, Field(gt=0, le=1)] | None = None
    """Attention of decodes: share of the bandwidth."""
    passes: Annotated[float, Field(ge=0)] | None = None
    """How often a token's hidden state goes through memory in a layer, for element-wise work."""
    call: Seconds | None = None
    """Each attention call of a layer."""
    layer: Seconds | None = None
    """Each layer, besides."""
    iteration: Seconds | None = None
    """Each iteration, besides."""
    sequence: Seconds | None = None
    """Each sequence of an iteration, besides."""
    token: Seconds | None = None
    """Each token of an iteration, besides."""


class Llm(Part):
    """A language model on each replica of a service: an engine that runs iterations."""

    model: str
    """Language model of the catalogue (`simtier models`)."""
    precision: Literal["fp16", "bf16", "fp8", "int8"] = "bf16"
    """Arithmetic and weights; keys and values take two bytes an element, one in fp8 and int8."""
    tensor: Annotated[int, Field(ge=1, le=64)] = 1
    """Accelerators of a replica, on one node; each layer is divided among them."""
    context: Annotated[int, Field(ge=1)] | None = None
    """Most tokens of a request, prompt and answer together; the model's own if not given."""
    block: Annotated[int, Field(ge=1)] = 16
    """Tokens of a block of keys and values."""
    blocks: Annotated[int, Field(ge=1)] | None = None
    """Blocks of a replica; if not given, what the memory leaves."""
    memory_share: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Share of the accelerators' memory that is used at all."""
    reserved: Bytes = 1_073_741_824.0
    """Of that, for activations and the runtime, on each accelerator; 1 GiB if not given, assumed."""
    host_link: Annotated[BytesPerSecond, Field(gt=0)] = 25e9
    """Rate between each accelerator and the host's memory, for batching policies that swap; 25 GB/s if not given, about PCIe 4.0 x16."""
    prefix_caching: bool = False
    """True: blocks stay after use and are found by requests that begin alike, and by preempted ones."""
    efficiency: EfficiencyChoice | None = None
    """How near the accelerators come to their peaks."""


class Spread(Part):
    """A random number of tokens, given by the mean and CV of the numbers themselves; rounded, at least 1."""

    distribution: Literal["exponential", "gamma", "lognormal", "weibull"]
    mean: Annotated[float, Field(gt=0)]
    """Mean before rounding."""
    cv: Cv = 1.0
    """Standard deviation over mean; always 1 if exponential."""


class Between(Part):
    """A whole number of tokens between two bounds, all equally likely."""

    distribution: Literal["uniform"]
    low: Annotated[int, Field(ge=1)]
    """Least."""
    high: Annotated[int, Field(ge=1)]
    """Most."""

    @model_validator(mode="after")
    def _ordered(self) -> Between:
        if self.low > self.high:
            raise ValueError(f"low ({self.low}) is above high ({self.high})")
        return self


Count = Annotated[int, Field(ge=1, le=10_000_000)] | Annotated[Spread | Between, Field(discriminator="distribution")]
"""A number of tokens, such as `512`, or a distribution such as `{distribution: lognormal, mean: 300, cv: 1.2}`."""


class Tokens(Part):
    """How many tokens a request has."""

    input: Count | Literal["traced"] = "traced"
    """Tokens of the prompt; `traced`: as the trace tells."""
    output: Count | Literal["traced"] = "traced"
    """Tokens of the answer."""
    most: Annotated[int, Field(ge=1)] | None = None
    """Longest answer the client accepts; longer ones are cut there."""


def _traced_if_text(value: Any) -> Any:
    return {"input": "traced", "output": "traced"} if value == "traced" else value


StageTokens = Annotated[Tokens, BeforeValidator(_traced_if_text), OrText()]
"""Tokens of a stage: `traced`, or `{input: 512, output: 128}`."""
