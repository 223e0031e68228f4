"""How many replicas of a fixed number compute prompts, and how many decode."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import Field

from simtier.contract import Autoscaling, OutcomeView, ServiceView, SiteView
from simtier.errors import did_you_mean
from simtier.units import Seconds


class Seen(NamedTuple):
    """What was measured in one window.

    Attributes:
        latency_s: mean over requests served.
        first_share: of it, the share until the first token.
        prompts_per_s: what one replica can compute: prompts over the busy time of the pool that computes them.
        answers_per_s: what one replica can decode: the sequences that it is to decode together, over the mean time of one there.
    """

    latency_s: float
    first_share: float
    prompts_per_s: float
    answers_per_s: float


def balanced(prompts_per_s: float, answers_per_s: float, total: int) -> int:
    """Return how many of `total` replicas should compute prompts: those for which the slower of the two pools is fastest.

    The throughput of a split, min(n_p b_p / T_p, n_d b_d / T_d) (P/D-Serve, 2024), is largest next to where both are equal; of equals the fewest.
    """
    return max(range(1, total), key=lambda n: (min(n * prompts_per_s, (total - n) * answers_per_s), -n))


class PdRatio(Autoscaling):
    """Keep two pools, of prompts and of decodes, in balance: one has a replica less, the other one more.

    "P/D-Serve" (2024). The first window with enough requests sets the ratio by n_p b_p / T_p = n_d b_d / T_d, from what is measured. Then with
    `adjust: online`: if the latency has risen and a larger share of it is before the first token, one more computes prompts; if it has
    risen and the share has fallen, one more decodes. With `adjust: balance` each window sets the ratio anew.

    Both services have this policy, each with the other as `partner` and otherwise the same parameters; each computes the same split from
    the same requests, so whatever application has one of them in its `split` must have the other, too. T_p is the busy time of the first pool per prompt, so b_p is the batch that is in use; b_d is given, T_d is
    measured at the present batch, by Little's law from the sequences that run, so that waiting for room is no part of it. A replica that changes its role drains, and the other pool starts one where it was: let `every` be short
    against the window. Left out: groups by scenario, replacing failed replicas.
    """

    partner: str
    """The other pool."""
    role: Literal["prefill", "decode"] = "prefill"
    """What this pool does."""
    total: Annotated[int, Field(ge=2)] | None = None
    """Replicas of both pools; if not given, as many as there are when it is first asked."""
    decode_batch: Annotated[float, Field(gt=0)] = 64.0
    """Sequences that a replica is to decode together (b_d)."""
    window: Annotated[Seconds, Field(gt=0)] = 60.0
    """Over which is measured."""
    adjust: Literal["online", "balance"] = "online"
    """What happens after the first window."""
    tolerance: Annotated[float, Field(ge=0)] = 0.05
    """Relative rise of the latency that changes nothing."""
    enough: Annotated[int, Field(ge=1)] = 20
    """Requests served without which a window is not judged."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Begin with no split; raises ValueError if nobody is called `partner`."""
        if site.services and self.partner not in site.services:
            raise ValueError(f"no service is called {self.partner!r}{did_you_mean(self.partner, set(site.services))}")
        self._site = site
        self._windows = 0
        self._busy_slot_s = 0.0
        self._split: tuple[int, int] | None = None
        self._before: Seen | None = None
        self._sums = np.zeros(3)
        self._running = 0

    def observe(self, outcome: OutcomeView) -> None:
        """Add up the times of a request that was served."""
        first_s = outcome.first_token_s - outcome.request.arrival_s
        if outcome.outcome == "ok" and first_s >= 0:
            self._sums += (1.0, outcome.latency_s, first_s)

    def target(self, service: ServiceView) -> int:
        """Return this pool's part of the split."""
        current = service.ready + service.starting
        partner = self._site.services.get(self.partner)
        if partner is None:
            return current
        pools = (service, partner) if self.role == "prefill" else (partner, service)
        if self._split is None:
            sizes = [pool.ready + pool.starting for pool in pools]
            total = self.total or max(sum(sizes), 2)
            prompts = min(max(sizes[0], 1), total - 1)
            self._split = prompts, total - prompts
        asked, passed = (round(self._site.now_s / each, 9) for each in (self.every, self.window))
        if asked == int(asked):  # only then the partner is asked, too
            self._running += sum(replica.running for replica in pools[1].replicas)
            if int(passed) > self._windows:
                self._windows = int(passed)
                self._judge(pools[0])
        return self._split[0 if self.role == "prefill" else 1]

    def _judge(self, prompts: ServiceView) -> None:
        """Move the split by what the window has shown."""
        assert self._split is not None
        seen = self._measure(prompts)
        if seen is None:
            return
        mine, total = self._split[0], sum(self._split)
        if self._before is None or self.adjust == "balance":
            mine = balanced(seen.prompts_per_s, seen.answers_per_s, total)
        elif seen.latency_s > (1 + self.tolerance) * self._before.latency_s:
            mine += 1 if seen.first_share > self._before.first_share else -1
        mine = min(max(mine, 1), total - 1)
        self._split, self._before = (mine, total - mine), seen

    def _measure(self, prompts: ServiceView) -> Seen | None:
        number, latency_s, first_s = (float(each) for each in self._sums)
        busy_s = prompts.busy_slot_s - self._busy_slot_s
        if number < self.enough or busy_s <= 0 or self._running == 0:
            return None
        decode_s = self._running * self.every / number
        self._sums = np.zeros(3)
        self._running = 0
        self._busy_slot_s = prompts.busy_slot_s
        return Seen(latency_s / number, first_s / latency_s, number / busy_s, self.decode_batch / decode_s)
