"""How many replicas a service should have, as numbers."""

from __future__ import annotations

from typing import Any, ClassVar

from simtier.contract import ServiceView, SiteView
from simtier.learning.decisions.base import Decision, Observation, seen_as, share


class ScaleDecision(Decision):
    """An action is the wanted number of replicas, counted from the fewest: 0 is `least`, the last one `most`.

    It is the number and not its change, so that every policy's answer is an action, and one decision is enough for a burst.

    All that is seen is a share of what `most` replicas are, but for the utilisation:

    - ready, starting: replicas.
    - busy: slot-seconds served since the question before, of those that `most` replicas have.
    - utilisation: the same, of those that the replicas ready now have.
    - in_flight: requests at the service or sent to its replicas, of twice as many as there are slots.
    - queued: requests that wait, likewise.

    Args:
        least, most: fewest and most replicas that can be asked for.
        every_s: how often it is asked.
    """

    kind: ClassVar[str] = "autoscaling"
    names = ("ready", "starting", "busy", "utilisation", "in_flight", "queued")

    def __init__(self, least: int, most: int, every_s: float) -> None:
        self.least, self.most, self.every_s = least, most, every_s
        self.sizes = (most - least + 1,)

    def start(self, site: SiteView) -> None:
        """Begin measuring now."""
        self._site = site
        self._asked_s, self._busy_slot_s = site.now_s, 0.0
        self._service: ServiceView | None = None

    def observe(self, *seen: Any) -> Observation:
        """Return what is seen of the service, and measure anew from now on."""
        service: ServiceView = seen[0]
        self._service = service
        slots, passed_s = self.most * service.concurrency, self._site.now_s - self._asked_s
        busy_slot_s = service.busy_slot_s - self._busy_slot_s
        self._asked_s, self._busy_slot_s = self._site.now_s, service.busy_slot_s
        return seen_as(
            [
                share(service.ready, self.most),
                share(service.starting, self.most),
                share(busy_slot_s, slots * passed_s),
                share(busy_slot_s, service.ready * service.concurrency * passed_s),
                share(service.in_flight, 2 * slots),
                share(service.queued, 2 * slots),
            ]
        )

    def at_end(self, before: Observation) -> Observation:
        """Return what is seen of the service when the run has ended."""
        return before.copy() if self._service is None else self.observe(self._service)

    def answer(self, action: Any, *_: Any) -> int:
        """Return the wanted number of replicas."""
        return self.least + self.numbers(action)[0]

    def written(self) -> dict[str, Any]:
        """Return its parameters as plain data."""
        return {"kind": self.kind, "least": self.least, "most": self.most, "every_s": self.every_s}
