"""Engines of a scenario: a language model of the catalogue on the accelerators of a replica."""

from __future__ import annotations

from dataclasses import replace

from simtier.catalogue.hardware import llm_efficiency
from simtier.catalogue.llm import language_model
from simtier.catalogue.policies import find_policy
from simtier.contract import IterationBatching
from simtier.models import distributions as d
from simtier.models.hardware import Accelerator
from simtier.models.llm.blocks import Blocks
from simtier.models.llm.closed_form import ClosedForm
from simtier.models.llm.efficiency import Devices, Efficiency
from simtier.models.llm.engine import Engine
from simtier.models.llm.prefixes import PrefixBlocks
from simtier.models.llm.replica import EngineMaker, LlmReplica
from simtier.models.llm.shape import LlmShape
from simtier.models.llm.tokens import Count, TokenTimer, drawn, given, traced_input, traced_output
from simtier.scenario import Scenario
from simtier.scenario.base import PolicyRef
from simtier.scenario.checks.llm import memory_of
from simtier.scenario.llm import ELEMENT_BYTES, Between, Llm, Spread, Tokens
from simtier.scenario.services import Service
from simtier.streams import Streams

DEFAULT_BATCHING = PolicyRef(use="vllm_v1")
MOST_TOKENS = 10_000_000

_SECONDS = ("call", "layer", "iteration", "sequence", "token")


def batching_ref(scenario: Scenario, service: Service) -> PolicyRef:
    """Return a service's batching policy: its own, else the scenario's if it is of the right sort, else the default of the sort."""
    own, shared = service.policies.batching, scenario.policies.batching
    if own is not None:
        return own
    plans = issubclass(find_policy("batching", shared.use, scenario.folder), IterationBatching)
    if plans == (service.llm is not None):
        return shared
    return DEFAULT_BATCHING if service.llm is not None else PolicyRef(use="none")


def engine_maker(written: Llm) -> EngineMaker:
    """Return what makes the engine of a replica."""
    shape = language_model(written.model)

    def make(replica: LlmReplica) -> Engine:
        assert replica.device is not None
        device: Accelerator = replica.device.spec
        cost = ClosedForm(shape, _devices(written, device), _efficiency(written, device))
        return Engine(
            replica.clock,
            replica.service.askers["batching"],
            cost,
            _blocks(written, shape, device),
            min(written.context or shape.context, shape.context),
            replica.ended,
            devices=written.tensor,
            swap_s=memory_of(written, device).token_bytes(shape) * written.block / (written.host_link * written.tensor),
        )

    return make


def tokens_timer(name: str, written: Tokens, streams: Streams, means: tuple[float, ...]) -> TokenTimer:
    """Return the tokens of a stage; `name` is that of its random numbers, `means` those of its traces, by `TRACED`."""
    inputs, mean_input = _count(f"{name}/input", written.input, streams, traced_input, means[1])
    outputs, mean_output = _count(f"{name}/output", written.output, streams, traced_output, means[2])
    return TokenTimer(inputs, outputs, (mean_input, mean_output), written.most or 0)


def _count(name: str, written: object, streams: Streams, traced: Count, traced_mean: float) -> tuple[Count, float]:
    if isinstance(written, int):
        return given(written), float(written)
    if isinstance(written, Between):
        mean, half = (written.low + written.high) / 2, 0.5
        sample = d.uniform(written.low - half, written.high + half).sample
        return drawn(streams.request_draws(name, sample), written.high), mean
    if isinstance(written, Spread):
        return drawn(streams.request_draws(name, _spread(written).sample), MOST_TOKENS), written.mean
    return traced, traced_mean


def _spread(written: Spread) -> d.Distribution:
    if written.distribution == "exponential":
        return d.exponential(written.mean)
    by_name = {"gamma": d.gamma, "lognormal": d.lognormal, "weibull": d.weibull}
    return by_name[written.distribution](written.mean, written.cv)


def _blocks(written: Llm, shape: LlmShape, device: Accelerator) -> Blocks:
    number = written.blocks if written.blocks is not None else memory_of(written, device).blocks(shape, written.block)
    return (PrefixBlocks if written.prefix_caching else Blocks)(number, written.block)


def _devices(written: Llm, device: Accelerator) -> Devices:
    element = ELEMENT_BYTES[written.precision]
    return Devices(
        peak_flop_per_s=device.processor(written.precision).peak_flop_per_s,
        bandwidth_bytes_per_s=device.bandwidth_bytes_per_s,
        number=written.tensor,
        weight_bytes=element,
        activation_bytes=element,
    )


def _efficiency(written: Llm, device: Accelerator) -> Efficiency:
    """Return how near the device comes to its peaks: the scenario's word before the catalogue's."""
    known = llm_efficiency(device.name).efficiency
    if written.efficiency is None:
        return known
    chosen = {name: getattr(written.efficiency, name) for name in type(written.efficiency).model_fields}
    return replace(
        known,
        **{f"{name}_s" if name in _SECONDS else name: value for name, value in chosen.items() if value is not None},
    )
