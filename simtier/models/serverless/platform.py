"""Function platforms: functions, deployed in one cell or in several among which requests are routed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import TYPE_CHECKING

from simtier.contract import REJECT, Asker, Routing
from simtier.models.serverless.cell import Cell
from simtier.models.serverless.function import Function
from simtier.models.serverless.spec import FunctionSpec
from simtier.models.serverless.uses import Uses
from simtier.models.serverless.views import CellFacade
from simtier.models.views import RequestFacade
from simtier.models.visit import Part, Visit

if TYPE_CHECKING:
    from simtier.models.serverless.instance import Instance
    from simtier.models.timers import Timer


class Platform:
    """A platform at run time.

    Each cell keeps instances, memory and policies of its own. The routing policy chooses the cell; within it the request goes to
    the instance with a free slot that was used last, if there is one.

    Args:
        name: as in the scenario.
        cells: its cells, at least one.
        routing: the routing policy; not asked if there is a single cell.
    """

    def __init__(self, name: str, cells: Sequence[Cell], routing: Asker) -> None:
        self.name = name
        self.cells = cells
        self._routing = routing
        self._parts: dict[str, Part] = {}

    def deploy(self, spec: FunctionSpec, uses: Uses | None = None) -> Part:
        """Deploy a function in every cell and return it as what requests are sent to; for `uses` see simtier.models.serverless.uses."""
        numbers = count().__next__
        functions = [cell.add(spec, numbers, uses) for cell in self.cells]
        server = functions[0] if len(functions) == 1 else Front(functions, self._routing)
        part = self._parts[spec.name] = Part(server, spec.name)
        return part

    def will_run(self, function: str, timer: Timer) -> None:
        """Hear of a stage that calls a function, by what times it."""
        for each in self.functions(function):
            each.timers[timer] = None

    def part(self, function: str) -> Part | None:
        """Return a function that is deployed, as what requests are sent to."""
        return self._parts.get(function)

    def functions(self, name: str) -> list[Function]:
        """Return a function as it is in each cell."""
        return [cell.functions[name] for cell in self.cells]

    def close(self) -> None:
        """Record what is unfinished at the end of the run."""
        for cell in self.cells:
            cell.close()


class Front:
    """A function that is deployed in several cells: routes its requests among them."""

    def __init__(self, functions: Sequence[Function], routing: Asker) -> None:
        policy = routing.policy
        assert isinstance(policy, Routing)
        self.name = functions[0].name
        self.mean_work_s = 0.0
        self._functions = functions
        self._routing = routing
        self._choose = policy.choose
        self._views = tuple(CellFacade(function) for function in functions)

    def take(self, visit: Visit) -> None:
        """Take a visit: ask which cell gets it."""
        answer = self._routing.ask(self._choose, RequestFacade(visit), self._views)
        if answer is REJECT:
            visit.stage.app.end("rejected", visit)
            return
        place = next((i for i, view in enumerate(self._views) if view is answer), None)
        if place is None:
            raise self._routing.wrong(answer, "one of the cells it was shown, or REJECT")
        self._functions[place].take(visit)

    consider = take

    def lost(self, visit: Visit) -> None:
        """End a request whose message was lost; its instance's function does it."""
        visit.replica.function.lost(visit)

    def first_replica(self) -> Instance:
        """Return an instance that does not run, for those who ask how long work takes."""
        return self._functions[0].first_replica()

    known_replica = first_replica
