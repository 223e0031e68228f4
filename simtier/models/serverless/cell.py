"""Cells: the nodes of a platform that share memory and warm instances; all of it, a region, or one node."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from simtier.clock import Clock
from simtier.contract import Admission, Asker
from simtier.journal import Journal
from simtier.models.network import Network
from simtier.models.node import Claim, Node
from simtier.models.serverless.batched import BatchedFunction
from simtier.models.serverless.evictions import Evictions
from simtier.models.serverless.executions import LentFunction
from simtier.models.serverless.function import Function
from simtier.models.serverless.instance import Instance
from simtier.models.serverless.keeping import Keeping
from simtier.models.serverless.layers import BELOW, SharedLayers
from simtier.models.serverless.lending import Lending
from simtier.models.serverless.room import Room
from simtier.models.serverless.scaling import Scaler, Scaling
from simtier.models.serverless.spec import ColdStart, FunctionSpec
from simtier.models.serverless.starts import Starts
from simtier.models.serverless.uses import Uses, UsingFunction
from simtier.models.views import RequestFacade
from simtier.models.visit import Visit

NAN = float("nan")


@dataclass(frozen=True)
class CellSpec:
    """What a cell is, in SI units; see simtier.scenario.platforms for the meaning of each field.

    `layer_bytes` is the memory of an instance that holds only the bare or the language layer.
    """

    platform: str
    cold_start: ColdStart
    most: int = 1000
    rejects: bool = False
    reserves_cores: bool = False
    layer_bytes: Mapping[str, float] = field(default_factory=dict)


class _Codes(dict[str, int]):
    """The journal's numbers of texts, each asked for when it is first needed."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal = journal

    def __missing__(self, text: str) -> int:
        code = self[text] = self._journal.code(text)
        return code


@dataclass
class Account:
    """What all cells of a platform count together.

    Attributes:
        limit: most requests in flight.
        in_flight: requests let in and not finished.
    """

    limit: float = float("inf")
    in_flight: int = 0


class Cell:
    """A cell at run time.

    Args:
        number: which of its platform's cells it is.
        spec: what it is.
        nodes: where instances run.
        clock, network, journal: of the run.
        account: shared with the other cells of the platform.
        askers: one for each of "placement", "admission", "keep_alive" and "rebalancing".
        scaler: makes what scales a function.
        numbers: hands out the numbers of instances.
        batching: makes the started asker of the policy in front of a function; None if requests are not batched.

    Attributes:
        name: the platform's name.
        functions: by name.
        in_flight: requests let in here and not finished.
        admits_all: whether a request may always enter, so that `lets_in` need not be asked.
    """

    def __init__(
        self,
        number: int,
        spec: CellSpec,
        nodes: Sequence[Node],
        clock: Clock,
        network: Network,
        journal: Journal,
        account: Account,
        askers: Mapping[str, Asker],
        scaler: Callable[[Function], Scaler],
        numbers: Callable[[], int],
        batching: Callable[[str], Asker] | None = None,
    ) -> None:
        self.number = number
        self.spec = spec
        self.name = spec.platform
        self.nodes = nodes
        self.clock = clock
        self.network = network
        self.journal = journal
        self.next_number = numbers
        self.functions: dict[str, Function] = {}
        self.in_flight = 0
        self.account = account
        self.keeping = Keeping(self, askers["keep_alive"])
        self.evictions = Evictions(self.keeping.worth if self.keeping.ranks else None, self._idle)
        self.lending = None if askers["rebalancing"].skip else Lending(clock, askers["rebalancing"])
        self.layers = SharedLayers()
        self.room = Room(self, nodes, askers["placement"])
        self.starts = Starts(self)
        for node in nodes:  # others may use them, too
            node.tell_of_room(self.starts.room_freed)
        self.scaling = Scaling(self, scaler, spec.most, rejects=spec.rejects)
        self._admission = askers["admission"]
        self._batching = batching
        self._record = journal.tables["replicas"].append
        self._states = _Codes(journal)
        self.admits_all = self._admission.skip and account.limit == float("inf")

    def _idle(self) -> Iterator[Instance]:
        """Return the idle instances that can be evicted."""
        for function in self.functions.values():
            yield from (instance for instance in function.idle if instance.listed)
        yield from self.layers

    def count(self, change: int) -> None:
        """Count a request that comes in (1) or has left (-1)."""
        self.in_flight += change
        self.account.in_flight += change

    def add(self, spec: FunctionSpec, numbers: Callable[[], int], uses: Uses | None = None) -> Function:
        """Deploy a function; `numbers` hands out the numbers of its starts, `uses` says how many cores its executions could use."""
        function = self.functions[spec.name] = self._function(spec, numbers, uses)
        if function.scaler.policy.foresees:
            self.scaling.watch(function)
        return function

    def _function(self, spec: FunctionSpec, numbers: Callable[[], int], uses: Uses | None) -> Function:
        if self._batching is not None:
            return BatchedFunction(spec, self, numbers, self._batching(spec.name))
        if self.lending is not None:
            return LentFunction(spec, self, numbers, uses, self.lending)
        return Function(spec, self, numbers) if uses is None else UsingFunction(spec, self, numbers, uses)

    def lets_in(self, visit: Visit, function: Function) -> bool:
        """Return whether a request may enter: below the limit of concurrency, and admitted by the policy."""
        if self.account.in_flight >= self.account.limit:
            return False
        if self._admission.skip:
            return True
        policy = self._admission.policy
        assert isinstance(policy, Admission)
        answer = self._admission.ask(policy.admit, RequestFacade(visit), function.view)
        if not isinstance(answer, bool | np.bool_):
            raise self._admission.wrong(answer, "True or False")
        return bool(answer)

    def claim(self, function: FunctionSpec, layer: str) -> Claim:
        """Return what an instance of `function` that holds layers up to `layer` takes of a node."""
        if layer != "user":
            memory_bytes = min(self.spec.layer_bytes.get(layer, 0.0), function.memory_bytes)
            return Claim(self.name, 0.0, memory_bytes)
        return Claim(self.name, function.cores if self.spec.reserves_cores else 0.0, function.memory_bytes)

    def strip(self, instance: Instance) -> None:
        """Take the topmost layer from an idle instance."""
        self.change_state(instance, "idle")
        function = instance.function
        function.gone(instance)
        layer = BELOW[instance.layer]
        post = function.post_on(instance.node, layer)
        instance.node.give_back(instance.post.claim, None)
        instance.node.take(post.claim)
        instance.layer = layer
        instance.settle(post)

    # -- rows

    def change_state(self, instance: Instance, state: str) -> None:
        """Record an instance's state up to now, unless it has only just begun, and give it another."""
        now = self.clock.now
        if instance.since_s < now:
            self._record((instance.id, instance.post.tag, self._states[instance.state], instance.since_s, now))
            instance.since_s = now
        instance.state = state

    def record_end(self, instance: Instance) -> None:
        """Record that an instance is gone, and how: its state says so."""
        now = self.clock.now
        self._record((instance.id, instance.post.tag, self._states[instance.state], now, now))

    def record_component(self, instance: Instance, name: str, begin_s: float, end_s: float) -> None:
        """Record one component of a start, as a state of the instance."""
        self._record((instance.id, instance.post.tag, self._states[name], begin_s, end_s))

    def record_start(self, instance: Instance, request: int, ready_s: float) -> None:
        """Record a start as a whole."""
        start = instance.starting
        assert start is not None
        where = (self.name, instance.function.name, instance.node.name)
        row = (
            request,
            self.journal.tag("starts", *where, start.held),
            instance.id,
            start.began_s,
            ready_s,
            *start.times,
        )
        self.journal.tables["starts"].append(row)

    def record_unplaced(self, function: Function) -> None:
        """Record that a start found no room."""
        self._record_event(function, "unplaced")

    def record_capped(self, function: Function) -> None:
        """Record that an autoscaling policy asked for more instances than there may be."""
        self._record_event(function, "capped")

    def _record_event(self, function: Function, what: str) -> None:
        tag = self.journal.tag("replicas", self.name, function.name, "", "", 0.0, 0.0)
        now = self.clock.now
        self._record((-1, tag, self._states[what], now, now))

    def replica_tag(self, function: Function, node: Node, claim: Claim) -> int:
        """Return the tag of a function's instances on a node in the replicas table."""
        return self.journal.tag("replicas", self.name, function.name, node.name, "cpu", claim.cores, claim.memory_bytes)

    def stage_tag(self, stage: str, function: Function, node: Node | None, start: str) -> int:
        """Return the tag of rows of the stages table."""
        where = (node.name, "cpu") if node is not None else ("", "")
        return self.journal.tag("stages", stage, function.name, self.name, *where, start)

    def close(self) -> None:
        """Record what is unfinished at the end of the run."""
        for function in self.functions.values():
            function.close()
            for instance in (*function.ready, *function.draining):
                self.change_state(instance, instance.state)
        for entry in sorted(self.clock.heap):
            visit = Function.execution(entry)
            if visit is not None and visit.replica.function.cell is self:
                visit.replica.function.close_execution(visit)
        self.starts.close()
        self.layers.close(self.change_state)
