"""Language models of a scenario: what runs on a service's replicas, and how many tokens requests have."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from simtier.models.llm.phase_power import CORE, EXPONENT, PROMPT, TOKEN
from simtier.scenario.base import Cv, OrText, Part
from simtier.scenario.llm_costs import Cost, ExpertSpread, Interconnect
from simtier.scenario.loading import Loading
from simtier.units import Bytes, BytesPerSecond, Seconds

ELEMENT_BYTES = {"fp16": 2.0, "bf16": 2.0, "fp8": 1.0, "int8": 1.0, "int4": 0.5}
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


class PhaseShares(Part):
    """What accelerators draw while iterations run, as shares of their peak power, and how power and time follow their clock."""

    prompt: Annotated[float, Field(gt=0, le=2)] = PROMPT
    """Of iterations whose arithmetic takes far longer than their memory traffic: prompts. Above 1, they exceed the peak power for a moment."""
    token: Annotated[float, Field(gt=0, le=2)] = TOKEN
    """Of iterations that wait for memory alone: a few tokens. More tokens at a time draw more, up to `prompt`."""
    exponent: Annotated[float, Field(gt=0, le=3)] = EXPONENT
    """At a share f of the highest clock, power above idle is multiplied by f to this power."""
    core: Annotated[float, Field(ge=0, le=10)] = CORE
    """Of iterations that wait for memory alone, how much follows the clock; 0: not slower at any clock."""

    @model_validator(mode="after")
    def _prompts_draw_more(self) -> PhaseShares:
        if self.token > self.prompt:
            raise ValueError(f"token ({self.token:g}) is above prompt ({self.prompt:g})")
        return self


class HandingOver(Part):
    """How keys and values leave an engine for another that decodes; which way they take is the network's."""

    overlap: bool = False
    """True: those of all layers but the last are sent while the last piece of the prompt is computed."""
    setup: Seconds = 0.0
    """Before anything is sent."""
    per_block: Seconds = 0.0
    """Each block, before anything is sent; 0 where all of them leave as one piece."""


class Shares(Part):
    """Prompts and tokens side by side on the same accelerators, each in an engine of its own, with the same weights and blocks."""

    prompts: Annotated[float, Field(gt=0, le=1)] = 0.8
    """Share of the accelerators' arithmetic for prompts; 0.8 if not given, as semi-PD has it."""
    tokens: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share for tokens. Together the two may be more than 1; then both get less while both run."""
    switch: Seconds = 0.0
    """What each engine loses when a policy changes the shares."""


class Offload(Part):
    """Memories behind the accelerators' own, for the cache of prefixes: blocks that give way there go to the host, and then to a disk."""

    host: Bytes
    """Memory of the host for one replica."""
    disk: Bytes = 0.0
    """Of a disk; none if not given."""
    disk_rate: Annotated[BytesPerSecond, Field(gt=0)] = 3e9
    """Rate of reading from it; 3 GB/s if not given, about one NVMe drive on PCIe 3.0 x4."""


class Llm(Part):
    """A language model on each replica of a service: an engine that runs iterations."""

    model: str
    """Language model of the catalogue (`simtier models`)."""
    precision: Literal["fp16", "bf16", "fp8", "int8"] = "bf16"
    """Arithmetic, and what is not given below; hidden states, weights, keys and values take two bytes an element, one in fp8 and int8."""
    weight_precision: Literal["fp16", "bf16", "fp8", "int8", "int4"] | None = None
    """Weights, if other than `precision`; they are computed with in `precision`. Scales of int4 (half a byte) are left out."""
    kv_precision: Literal["fp16", "bf16", "fp8", "int8"] | None = None
    """Keys and values, if other than `precision`."""
    tensor: Annotated[int, Field(ge=1, le=64)] = 1
    """Accelerators that each layer is divided among; all of a replica are on one node."""
    pipeline: Annotated[int, Field(ge=1, le=256)] = 1
    """Stages, each with `tensor` accelerators (times `data`) and its part of the layers; iterations pass through one after the other."""
    data: Annotated[int, Field(ge=1, le=1024)] = 1
    """Of a mixture of experts: groups of `tensor` accelerators, each with its part of the sequences; experts are spread over all groups."""
    experts: ExpertSpread | None = None
    """How experts are spread; if not given and `data` is 1, each expert is divided among the `tensor` accelerators."""
    interconnect: Interconnect | None = None
    """Links between the accelerators of a replica; the catalogue's if not given."""
    cost: Cost = "closed_form"
    """How long iterations take: `closed_form`; `linear`, with published coefficients, for the few models and accelerators there are any of; or
    `{profile: folder}`, measured."""
    overlap: Literal["none", "nano", "network", "all"] = "none"
    """Operations of nano-batches side by side, in the closed form: `network` beside arithmetic, or `all`, memory too; `nano`: nano-batches without."""
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
    offload: Offload | None = None
    """With `prefix_caching`: where blocks go that give way, to be found there; nowhere if not given."""
    efficiency: EfficiencyChoice | None = None
    """How near the accelerators come to their peaks."""
    shares: Shares | None = None
    """Computes prompts and tokens side by side (semi-PD) in place of in one batch; with the closed form, and without a pipeline."""
    hand_over: HandingOver = HandingOver()
    """How keys and values leave for another pool (a stage's `split`)."""
    power: PhaseShares = PhaseShares()
    """What the accelerators draw while iterations run; when none does, their idle power."""
    loading: Loading | None = None
    """How replicas start that are not there at time zero; only the service's `startup` if not given."""

    @model_validator(mode="after")
    def _offloads_a_cache(self) -> Llm:
        if self.offload is not None and not self.prefix_caching:
            raise ValueError(
                "`offload` keeps what the cache of prefixes has no room for: add `prefix_caching: true`, or leave it out"
            )
        return self

    @model_validator(mode="after")
    def _shares_by_closed_form(self) -> Llm:
        unknown = self.cost != "closed_form" or self.pipeline > 1 or self.overlap != "none"
        if self.shares is not None and unknown:
            raise ValueError(
                "`shares` of accelerators are known to the closed form only, and not in a pipeline or with `overlap`: leave out `cost`, `pipeline` and `overlap`"
            )
        return self

    @property
    def accelerators(self) -> int:
        """Accelerators of one replica."""
        return self.tensor * self.data * self.pipeline

    @property
    def spread(self) -> ExpertSpread | None:
        """How experts are spread over accelerators; None if each is divided among them."""
        return self.experts if self.experts is not None or self.data == 1 else ExpertSpread()

    @property
    def weight_bytes(self) -> float:
        """Bytes of one parameter."""
        return ELEMENT_BYTES[self.weight_precision or self.precision]

    @property
    def kv_bytes(self) -> float:
        """Bytes of one element of keys and values."""
        return ELEMENT_BYTES[self.kv_precision or self.precision]


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


class SharedTexts(Part):
    """Texts that prompts begin with: a system prompt that all share, or documents of which some are asked about more than others."""

    tokens: Annotated[int, Field(ge=1, le=10_000_000)]
    """Tokens of each text; they are part of `input`, and a shorter prompt has that much of one."""
    texts: Annotated[int, Field(ge=1, le=10_000)] = 1
    """How many texts there are; each request begins with one."""
    zipf: Annotated[float, Field(ge=0, le=10)] = 1.0
    """How uneven they are: the k-th text is k^-zipf times as likely as the first; 0 for all alike."""


class Tokens(Part):
    """How many tokens a request has."""

    input: Count | Literal["traced"] = "traced"
    """Tokens of the prompt; `traced`: as the trace tells."""
    output: Count | Literal["traced"] = "traced"
    """Tokens of the answer."""
    most: Annotated[int, Field(ge=1)] | None = None
    """Longest answer the client accepts; longer ones are cut there."""
    shared: SharedTexts | None = None
    """What prompts have in common at their beginning, for engines with `prefix_caching`; if not given, with `input: traced` what the trace tells."""


def _traced_if_text(value: Any) -> Any:
    return {"input": "traced", "output": "traced"} if value == "traced" else value


StageTokens = Annotated[Tokens, BeforeValidator(_traced_if_text), OrText()]
"""Tokens of a stage: `traced`, or `{input: 512, output: 128}`."""
