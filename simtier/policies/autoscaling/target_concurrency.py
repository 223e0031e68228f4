"""As many replicas as keep the requests in flight at a share of their slots."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from simtier.contract import Autoscaling, ServiceView, SiteView
from simtier.policies.autoscaling.window import Recent, replicas_for
from simtier.units import Seconds


class TargetConcurrency(Autoscaling):
    """Scale to ceil(mean requests in flight / (share x slots of a replica)), the mean over a sliding window.

    What Google Cloud Run documents ("About instance autoscaling": the present concurrency against the maximum, over a window of
    one minute, to keep instances at about 60 %), without its use of the processor. The requests in flight are sampled at each question;
    the mean is over the samples there are. At least one replica while a request is there. Left out: any limit on the speed of
    change; the window alone makes it slow.
    """

    sees_only_own: ClassVar[bool] = True
    every: Annotated[Seconds, Field(gt=0)] = 5.0
    """How often it is asked."""
    share: Annotated[float, Field(gt=0)] = 0.6
    """Requests in flight that are wanted, per slot."""
    window: Annotated[Seconds, Field(gt=0)] = 60.0
    """Length of the sliding window."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Forget all samples."""
        self._site = site
        self._recent = Recent(self.window)

    def target(self, service: ServiceView) -> int:
        """Return the replicas that the mean of the window asks for."""
        self._recent.add(self._site.now_s, service.in_flight)
        return replicas_for(self._recent.mean() / self.share, service)
