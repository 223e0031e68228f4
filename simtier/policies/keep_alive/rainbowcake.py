"""Instances lose one layer after the other, each after the time for which it is worth its memory."""

from __future__ import annotations

import math
from collections import deque
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from simtier.contract import FunctionView, InstanceView, KeepAlive, SiteView
from simtier.units import Bytes

_LAYERS = ("bare", "language", "user")


class RainbowCake(KeepAlive):
    """Keep each layer of an instance until it is likely to have been reused, but not longer than that can pay.

    Yu et al., "RainbowCake: Mitigating cold-starts in serverless with layer-wise container caching and sharing", ASPLOS 2024: an
    instance whose time has run out loses its topmost layer, so that what is left serves more functions, and the time of each layer
    weighs the start-up it saves against the memory it takes. Our reading of that rule, the wording and the parameters being ours:

        time = min(-ln(1 - reuse) / rate,  reuse x value x saved / memory)

    The first is the time within which the layer is asked for with probability `reuse`, if requests are Poisson; `rate` is of requests
    that can use the layer: those of the function for the user layer, of all functions of its runtime for the language layer, of all
    functions for the bare layer. The second is the time at which the memory held has cost as much as the start-up time saved with that
    probability; `saved` is the mean time that starting the layer takes. A rate not known yet bounds nothing.

    `memory` is what the instance holds, not only the layer in question. Left out: the paper's starts ahead of need, and instances
    that serve several functions at a time.
    """

    sees_only_own: ClassVar[bool] = True
    layered: ClassVar[bool] = True
    reuse: Annotated[float, Field(gt=0, lt=1)] = 0.8
    """Probability of reuse to wait for."""
    value: Annotated[Bytes, Field(gt=0)] = 64e9
    """How much memory, held for a second, costs as much as a second of start-up. 64 GB, ours, keep 128 MB that save 1 s for 400 s."""
    history: Annotated[int, Field(ge=1)] = 20
    """Over how many of the last executions that could use the layer a rate is taken."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Forget all rates."""
        self._site = site
        self._arrivals: dict[str, int] = {}  # of each function, as last seen
        self._rates: dict[tuple[str, str], Rate] = {}

    def idle_for(self, instance: InstanceView) -> float:
        """Return the time of the topmost layer."""
        function, layer = instance.function, instance.layer
        self._learn(function)
        saved_s = max(0.0, function.layer_s[_LAYERS.index(layer)])  # a time that is not known (NaN) saves nothing
        if saved_s == 0.0:
            return 0.0
        rate = self._rate(layer, function).per_s(self._site.now_s)
        reused_s = -math.log1p(-self.reuse) / rate if rate > 0.0 else math.inf
        memory = instance.memory_bytes
        pays_s = self.reuse * self.value * saved_s / memory if memory > 0.0 else math.inf
        return min(reused_s, pays_s)

    def _learn(self, function: FunctionView) -> None:
        """Count the function's arrivals since last seen for every layer they could have used."""
        new = function.arrivals - self._arrivals.get(function.name, 0)
        if new <= 0:
            return
        self._arrivals[function.name] = function.arrivals
        for layer in _LAYERS:
            self._rate(layer, function).add(self._site.now_s, new)

    def _rate(self, layer: str, function: FunctionView) -> Rate:
        sharing = {"user": function.name, "language": function.runtime, "bare": ""}[layer]
        rate = self._rates.get((layer, sharing))
        if rate is None:
            rate = self._rates[layer, sharing] = Rate(self.history)
        return rate


class Rate:
    """How often requests arrive, from the last few moments at which new ones were seen."""

    def __init__(self, history: int) -> None:
        self._total = 0
        self._seen: deque[tuple[float, int]] = deque(maxlen=history + 1)

    def add(self, now_s: float, arrivals: int) -> None:
        """Count arrivals seen now."""
        self._total += arrivals
        self._seen.append((now_s, self._total))

    def per_s(self, now_s: float) -> float:
        """Return arrivals per second since the oldest moment remembered; 0 if none came after it."""
        if not self._seen:
            return 0.0
        since_s, before = self._seen[0]
        return (self._total - before) / (now_s - since_s) if now_s > since_s else 0.0
