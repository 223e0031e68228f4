"""Pipeline parallelism at run time: as many batches under way as there are stages, one in each.

Each batch has an engine of its own, with its own sequences; an iteration passes the stages in order, and enters one when that has passed on the
iteration before it (a flow shop with unlimited room between stages). So sequences wait for their own batch only, and stages are idle
where batches are unequal: bubbles come out of the model, they are no parameter of it.

Source: virtual engines of vLLM before version 1 (`vllm/engine/async_llm_engine.py`), each with sequences of its own; here they have common
blocks. For prompts of equal length alone it is an M/D/1 queue at the first stage (DistServe, Zhong et al., OSDI 2024, section 3.1, equation 2).
Assumption: a sequence goes to the batch with the fewest and stays there.
"""

from __future__ import annotations

from collections.abc import Sequence

from simtier.models.llm.engine import Engine
from simtier.models.llm.lanes import Lanes
from simtier.models.llm.parallel import Pipelined
from simtier.models.llm.sequence import LlmSequence
from simtier.models.llm.work import Chunk


class PipelineLanes(Lanes):
    """Engines that share the stages of a pipeline.

    Args:
        engines: one for each stage.
        cost: what iterations take in all stages, and in one.
    """

    def __init__(self, engines: Sequence[Engine], cost: Pipelined) -> None:
        super().__init__(engines)
        self._cost = cost
        self._free_s = [0.0] * cost.stages

    def join(self, sequence: LlmSequence) -> None:
        self.joined(sequence)
        self._emptiest().join(sequence)

    def deliver(self, sequence: LlmSequence) -> None:
        self.joined(sequence)
        self._emptiest().deliver(sequence)

    def _emptiest(self) -> Engine:
        """Return the engine with the fewest sequences; of these, where fewest wait, and then the one that began its iteration first."""

        def load(engine: Engine) -> tuple[int, int, float]:
            waiting = len(engine.waiting)
            return len(engine.running) + waiting, waiting, engine.stint.begin_s

        return min(self.engines, key=load)

    def ready_s(self) -> float:
        """Return when the first stage has passed on what it computes."""
        return max(self.clock.now, self._free_s[0])

    def end_s(self, _: Engine, pieces: Sequence[Chunk], decodes: int, contexts: int) -> float:
        """Pass through all stages."""
        slower = self.slower(pieces, decodes, contexts)
        each_s = slower * self._cost.seconds(pieces, decodes, contexts) / self._cost.stages
        slowest_s = slower * self._cost.stage.seconds(pieces, decodes, contexts)
        now = self.clock.now
        for stage, free_s in enumerate(self._free_s):
            begin_s = max(now, free_s)
            self._free_s[stage] = begin_s + slowest_s
            now = begin_s + each_s
        return now
