"""The replica that was used last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, cast

import numpy as np

from simtier.contract import WAIT, CellView, ReplicaView, RequestView, Routing, SiteView, Verdict


class WarmFirst(Routing):
    """Take a busy replica with a free slot, the one chosen last; else an idle one, the one that fell idle last; else wait.

    The most recently used instance first is what AWS Lambda is seen to do (Wang et al., "Peeking behind the curtains of
    serverless platforms", ATC 2018, section 5) and SimFaaS assumes (Mahmoudi and Khazaei, 2021): the others fall idle for good and
    expire, so the least number stays warm. A slot is free if fewer requests are in flight than the replica has slots, and one on
    its way holds its slot already: no rule for services that batch, and far from its replicas one that costs throughput.

    Of plain services nobody says when a replica fell idle: there the one chosen last is taken for it, and of those never chosen
    the newest.

    Of the cells of a platform it takes one with a warm instance of the function: the one this function was sent to last, else the
    first. If there is none it cannot wait, for it is the cell that starts one: it takes the cell with the fewest requests of all
    functions in flight, of equals the one this function was sent to last, else the first.
    """

    sees_only_own: ClassVar[bool] = True
    takes_most_recent: ClassVar[bool] = True
    waits_in_line: ClassVar[bool] = True

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Forget earlier choices."""
        self._choices = 0
        self._last: dict[int, int] = {}  # number of the last choice of each replica, by its id
        self._homes: dict[str, int] = {}  # cell that each function was sent to last, by their id

    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView | Verdict:
        """Return the warmest replica with a free slot, or WAIT; of cells one with a warm instance, if there is one."""
        if hasattr(replicas[0], "warm"):
            return self._cell(cast("Sequence[CellView]", replicas))
        free = [replica for replica in replicas if replica.in_flight < replica.concurrency]
        if not free:
            return WAIT
        busy = [replica for replica in free if replica.in_flight]
        chosen = max(busy, key=self._last_choice) if busy else max(free, key=self._warmth)
        self._remember(chosen, replicas)
        return chosen

    def _cell(self, cells: Sequence[CellView]) -> CellView:
        """Return the cell with a warm instance, or the one to start an instance in."""
        function = cells[0].function.name
        home = self._homes.get(function)
        warm = [cell for cell in cells if cell.warm]
        if warm:
            chosen = next((cell for cell in warm if cell.id == home), warm[0])
        else:
            chosen = min(cells, key=lambda cell: (cell.in_flight, cell.id != home))
        self._homes[function] = chosen.id
        return chosen

    def _last_choice(self, replica: ReplicaView) -> tuple[int, int]:
        """Return the higher the later it was chosen."""
        return self._last.get(replica.id, 0), replica.id

    def _warmth(self, replica: ReplicaView) -> tuple[float, int]:
        """Return the higher the later it fell idle."""
        idle_since_s = getattr(replica, "idle_since_s", None)  # instances of functions say it
        if idle_since_s is not None:
            return idle_since_s, -replica.id
        return self._last_choice(replica)

    def _remember(self, chosen: ReplicaView, replicas: Sequence[ReplicaView]) -> None:
        self._choices += 1
        self._last[chosen.id] = self._choices
        if len(self._last) > 2 * len(replicas):  # most of them are gone
            self._last = {each.id: self._last[each.id] for each in replicas if each.id in self._last}
