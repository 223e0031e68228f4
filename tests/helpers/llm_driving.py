"""Drive an engine alone: a clock, a policy, a cost of iterations and blocks; and statistics of what came out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from simtier.clock import Clock
from simtier.contract import Asker, IterationBatching
from simtier.models.llm.blocks import Blocks
from simtier.models.llm.closed_form import ClosedForm
from simtier.models.llm.ears import Ears
from simtier.models.llm.efficiency import Devices, Efficiency
from simtier.models.llm.engine import Engine
from simtier.models.llm.offload import HostMemory
from simtier.models.llm.profiled import Profiled, profile
from simtier.models.llm.sequence import NEVER_TOLD, LlmSequence
from simtier.models.llm.shape import LlmShape
from simtier.models.llm.work import Chunk, Floats, IterationCost
from simtier.streams import Streams
from simtier.testing import FakeSite
from simtier.testing.legal import EXPECTED

LLAMA_2_7B = LlmShape(
    name="llama-2-7b",
    layers=32,
    hidden=4096,
    heads=32,
    kv_heads=32,
    head_width=128,
    feed_forward=11008,
    vocabulary=32000,
)
A100 = Devices(peak_flop_per_s=312e12, bandwidth_bytes_per_s=2.039e12)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A request: when it comes, tokens of its prompt and answer, and what its client says."""

    at: float = 0.0
    prompt: int
    output: int
    priority: float = 0.0
    most: int = NEVER_TOLD
    prefix: tuple[int, ...] = ()


class Linear:
    """Iterations that take `fixed_s`, and something for each token of a prompt, each decode and each token of context."""

    def __init__(self, fixed_s: float, prompt_s: float = 0.0, decode_s: float = 0.0, context_s: float = 0.0) -> None:
        self._fixed_s, self._prompt_s, self._decode_s, self._context_s = fixed_s, prompt_s, decode_s, context_s

    def seconds(self, chunks: Sequence[Chunk], decodes: int, contexts: float) -> float:
        tokens = sum(new for new, _ in chunks)
        return self._fixed_s + self._prompt_s * tokens + self._decode_s * decodes + self._context_s * contexts

    def line(self, decodes: int) -> tuple[float, float]:
        return self._fixed_s + self._decode_s * decodes, self._context_s

    def times(self, decodes: int, contexts: float, iterations: int) -> Floats:
        a, b = self.line(decodes)
        return np.asarray(a + b * (contexts + decodes * np.arange(iterations)))


ONE_SECOND = Linear(1.0)
"""Every iteration takes a second: worked examples can be counted by hand."""


def closed_form(peak: float = 1.0, bandwidth: float = 1.0) -> ClosedForm:
    """Return the times of Llama-2-7B on an A100 with so many times its peak and bandwidth."""
    devices = Devices(
        peak_flop_per_s=A100.peak_flop_per_s * peak, bandwidth_bytes_per_s=A100.bandwidth_bytes_per_s * bandwidth
    )
    return ClosedForm(LLAMA_2_7B, devices, Efficiency())


def small_profile() -> Profiled:
    """Return times from a small made-up table, bent at every point, with holes."""
    dense = {
        "matrix": {1: 1e-4, 8: 1.2e-4, 64: 4e-4, 512: 2.5e-3},
        "embedding": {1: 1e-5, 8: 1e-5, 64: 3e-5, 512: 1e-4},
    }
    attention = {
        (new, before, decodes, context): 1e-6 * (new**1.3 + 0.02 * new * before + decodes**0.9 * context**0.8 + 5)
        for new in (0, 16, 256)
        for before in (0, 128)
        for decodes in (0, 1, 4, 32)
        for context in (0, 16, 100, 1000)
        if (new or decodes) and (not context or decodes)
    }
    per_sequence = {"sampler": {1: 2e-5, 16: 5e-5, 64: 4e-4}}
    return Profiled(profile(dense, attention, per_sequence, 4))


@dataclass
class Driven:
    """What came out: the sequences, the engine, its plans (when, tokens by number, who was preempted and whether swapped), and what it wrote."""

    done: list[LlmSequence]
    engine: Engine
    plans: list[tuple[float, dict[int, int], dict[int, bool]]] = field(default_factory=list)
    wrote: list[tuple[float, ...]] = field(default_factory=list)

    @property
    def preemptions(self) -> int:
        """How often sequences were preempted, all together."""
        return sum(sequence.preemptions for sequence in self.done)

    def by_number(self) -> list[LlmSequence]:
        """Return the sequences in order of their numbers."""
        return sorted(self.done, key=lambda sequence: sequence.id)

    def times(self) -> Floats:
        """Return the first and last token's time of each sequence."""
        return np.array([(sequence.first_s, sequence.last_s) for sequence in self.by_number()])


def drive(
    rows: Iterable[Row],
    policy: IterationBatching,
    cost: IterationCost = ONE_SECOND,
    *,
    blocks: Blocks | None = None,
    context: int = 1 << 20,
    one_by_one: bool = False,
    swap_s: float = 0.0,
    until: float = 1e9,
) -> Driven:
    """Let an engine serve `rows`, which are in order of arrival, and return what came out; `blocks` holds everything by default."""
    clock = Clock()
    asker = Asker(policy, type(policy).__name__, "engine", lambda: clock.now)
    kept = blocks if blocks is not None else Blocks(1 << 30, 16)
    done: list[LlmSequence] = []
    engine = Engine(clock, asker, cost, kept, context, done.append, host=HostMemory(swap_s), one_by_one=one_by_one)
    driven = Driven(done, engine)
    engine.ears = Ears(wrote=driven.wrote.append)
    _listen(driven, policy)
    asker.tell(policy.start, FakeSite(), Streams(0).stream("policy"))

    def arrive(arrival: tuple[int, Row]) -> None:
        number, row = arrival
        sequence = LlmSequence(None, number, row.prompt, row.output, clock.now, row.most, row.prefix)
        sequence.priority = row.priority
        assert engine.can_hold(sequence)
        engine.join(sequence)

    clock.feed((row.at, arrive, (number, row)) for number, row in enumerate(rows))
    clock.play(until)
    return driven


def _listen(driven: Driven, policy: IterationBatching) -> None:
    """Have every plan of the policy checked and written down."""
    answer = policy.plan

    def plan(engine: Any) -> Any:
        found = answer(engine)
        assert EXPECTED["plan"](found, engine) is None, (found, EXPECTED["plan"](found, engine))
        blocks = driven.engine.blocks
        assert 0 <= blocks.free <= blocks.total
        tokens = {sequence.id: number for sequence, number in found.tokens.items()}
        preempted = {sequence.id: swap for sequence, swap in found.preempted.items()}
        driven.plans.append((engine.now_s, tokens, preempted))
        return found

    policy.plan = plan  # type: ignore[method-assign]


def statistics(done: Iterable[LlmSequence]) -> dict[str, dict[str, float]]:
    """Return mean, p50, p90 and p99 of the time to the first token, per token after it, and to the last."""
    sequences = list(done)
    return {
        "ttft": summary([each.first_s - each.arrival_s for each in sequences]),
        "tpot": summary([(each.last_s - each.first_s) / (each.output - 1) for each in sequences if each.output > 1]),
        "latency": summary([each.last_s - each.arrival_s for each in sequences]),
    }


def summary(values: Sequence[float]) -> dict[str, float]:
    """Return mean, p50, p90 and p99."""
    return {"mean": float(np.mean(values)), **{f"p{q}": float(np.percentile(values, q)) for q in (50, 90, 99)}}


def differences(
    got: Mapping[str, Mapping[str, float]], expected: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    """Return each number's relative difference."""
    return {
        f"{name} {statistic}": got[name][statistic] / value - 1
        for name, values in expected.items()
        for statistic, value in values.items()
    }
