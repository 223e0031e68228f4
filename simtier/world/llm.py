"""Engines of a scenario: a language model of the catalogue on the accelerators of a replica."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from simtier.catalogue.llm import language_model
from simtier.catalogue.policies import find_policy
from simtier.contract import IterationBatching
from simtier.models import distributions as d
from simtier.models.hardware import Accelerator
from simtier.models.llm.blocks import Blocks
from simtier.models.llm.draw import Draw
from simtier.models.llm.engine import Engine
from simtier.models.llm.hand_over import Handing
from simtier.models.llm.lanes import Lanes
from simtier.models.llm.loans import Loans
from simtier.models.llm.offload import HostMemory
from simtier.models.llm.parallel import Pipelined
from simtier.models.llm.phase_power import PhasePower, ridge_tokens
from simtier.models.llm.pipeline import PipelineLanes
from simtier.models.llm.prefix_source import PREFIX_TOKENS, PrefixSource, nothing, of_texts, popularity
from simtier.models.llm.prefix_source import traced as traced_prefix
from simtier.models.llm.prefixes import PrefixBlocks
from simtier.models.llm.replica import EngineMaker, LlmReplica
from simtier.models.llm.sequence import LlmSequence
from simtier.models.llm.shape import LlmShape
from simtier.models.llm.shared_device import SharedDevice
from simtier.models.llm.tiers import TieredBlocks
from simtier.models.llm.tokens import Count, TokenTimer, drawn, given, traced_input, traced_output
from simtier.scenario import Scenario
from simtier.scenario.base import PolicyRef
from simtier.scenario.checks.llm import memory_of
from simtier.scenario.llm import ELEMENT_BYTES, Between, Llm, Spread, Tokens
from simtier.scenario.services import Service
from simtier.streams import Streams
from simtier.traces.hashing import text_key
from simtier.world.llm_costs import Costs, link_of

Ended = Callable[[LlmSequence], object]

DEFAULT_BATCHING = PolicyRef(use="vllm_v1")
MOST_TOKENS = 10_000_000


def batching_ref(scenario: Scenario, service: Service) -> PolicyRef:
    """Return a service's batching policy: its own, else the scenario's if it is of the right sort, else the default of the sort."""
    own, shared = service.policies.batching, scenario.policies.batching
    if own is not None:
        return own
    plans = issubclass(find_policy("batching", shared.use, scenario.folder), IterationBatching)
    if plans == (service.llm is not None):
        return shared
    return DEFAULT_BATCHING if service.llm is not None else PolicyRef(use="none")


def engine_maker(written: Llm, costs: Costs) -> EngineMaker:
    """Return what makes the engine of a replica; `costs` are those of its service."""
    shape = language_model(written.model)

    def make(replica: LlmReplica) -> Engine | Lanes:
        assert replica.device is not None
        device: Accelerator = replica.device.spec
        cost, blocks = costs.on(device), _blocks(written, shape, device)
        host = HostMemory(*_host_s(written, shape, device))
        if isinstance(blocks, TieredBlocks):
            blocks.memory = host

        def one(ended: Ended) -> Engine:
            return Engine(
                replica.clock,
                replica.service.askers["batching"],
                cost,
                blocks,
                min(written.context or shape.context, shape.context),
                ended,
                devices=written.accelerators,
                host=host,
            )

        engine: Engine | Lanes
        if isinstance(cost, Pipelined):
            engine = PipelineLanes([one(replica.ended) for _ in range(cost.stages)], cost)
        elif written.shares is not None:
            shares = (written.shares.prompts, written.shares.tokens)
            engine = SharedDevice(one, partial(costs.shared, device), replica.ended, shares, written.shares.switch)
        else:
            engine = one(replica.ended)
        engine.handing = _handing(written, shape, device)
        replica.draw = Draw(engine, _power(written, shape, device))
        return engine

    return make


def loans(written: Llm) -> Loans:
    """Return who keeps the loans of blocks among the replicas of a service."""
    shape = language_model(written.model)
    return Loans(shape.layers, shape.heads * shape.head_width * ELEMENT_BYTES[written.precision])


def _handing(written: Llm, shape: LlmShape, device: Accelerator) -> Handing:
    """Return how keys and values leave the engine; within a node each accelerator sends its part."""
    link = link_of(written, device)
    return Handing(
        token_bytes=memory_of(written, device).token_bytes(shape),
        layers=shape.layers,
        overlap=written.hand_over.overlap,
        setup_s=written.hand_over.setup,
        block_s=written.hand_over.per_block,
        port_bytes_per_s=link.bytes_per_s * written.tensor if link is not None else float("inf"),
        port_latency_s=link.latency_s if link is not None else 0.0,
    )


def _power(written: Llm, shape: LlmShape, device: Accelerator) -> PhasePower:
    """Return what an accelerator draws."""
    return PhasePower(
        idle_w=device.idle_w,
        peak_w=device.peak_w,
        ridge_tokens=ridge_tokens(
            shape,
            device.processor(written.precision).peak_flop_per_s,
            device.bandwidth_bytes_per_s,
            written.weight_bytes,
        ),
        prompt=written.power.prompt,
        token=written.power.token,
        exponent=written.power.exponent,
        core=written.power.core,
    )


def tokens_timer(name: str, written: Tokens, streams: Streams, means: tuple[float, ...]) -> TokenTimer:
    """Return the tokens of a stage; `name` is that of its random numbers, `means` those of its traces, by `TRACED`."""
    inputs, mean_input = _count(f"{name}/input", written.input, streams, traced_input(), means[1])
    outputs, mean_output = _count(f"{name}/output", written.output, streams, traced_output(), means[2])
    return TokenTimer(inputs, outputs, (mean_input, mean_output), written.most or 0, _prefixes(name, written, streams))


def _prefixes(name: str, written: Tokens, streams: Streams) -> PrefixSource:
    if written.shared is None:
        return traced_prefix if written.input == "traced" else nothing
    draws = streams.request_draws(f"{name}/shared", popularity(written.shared.texts, written.shared.zipf))
    return of_texts(draws, written.shared.tokens, text_key(name) >> 30)


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


def _host_s(written: Llm, shape: LlmShape, device: Accelerator) -> tuple[float, float]:
    """Return what a block takes to the host's memory, to which its accelerators move their parts at once, and what it takes from the disk."""
    block_bytes = memory_of(written, device).token_bytes(shape) * written.block
    disk_s = block_bytes / written.offload.disk_rate if written.offload is not None else 0.0
    return block_bytes / (written.host_link * written.tensor * written.pipeline), disk_s


def _blocks(written: Llm, shape: LlmShape, device: Accelerator) -> Blocks:
    number = written.blocks if written.blocks is not None else memory_of(written, device).blocks(shape, written.block)
    if not written.prefix_caching:
        return Blocks(number, written.block)
    if written.offload is None:
        return PrefixBlocks(number, written.block, PREFIX_TOKENS)
    block_bytes = memory_of(written, device).token_bytes(shape) * written.block
    host, disk = (int(nbytes // block_bytes) for nbytes in (written.offload.host, written.offload.disk))
    return TieredBlocks(number, written.block, PREFIX_TOKENS, host, disk)
