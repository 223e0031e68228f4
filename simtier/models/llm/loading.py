"""How replicas of language models start: stage after stage, until the weights are on their accelerators and warm.

1. `runtime`: a container and the framework in it.
2. The weights, from the quickest place that has them now:
   - `attach`: they still lie on these very accelerators, divided alike, with the process that holds them: nothing is copied, and neither
     the runtime nor the links between accelerators have to be set up (zero copy of "ElasticMoE", 2025; a change of role in "P/D-Serve", 2024);
   - `peer`: accelerators of a replica that serves on the same node;
   - `host`: the node's own memory, over the link of each accelerator;
   - `remote`: accelerators of a replica on another node, over the modelled network;
   - `disk`: the node's own, through its memory, where they are kept from then on (Fu et al., "ServerlessLLM", OSDI 2024).
3. `connect`: the accelerators find each other.
4. `warmup`: first iterations, graphs.

Each place costs a fixed time and bytes over a rate. Copies share: those from one disk its rate, those from one replica what its accelerators
send, those over the network its links, each an equal part of its bottleneck. With `overlap` chunks of weights stream from disk through memory: as
long as the slower of the two takes, and one chunk more on the other; without, one after the other.

`attach` comes before all others; of those it is the one that would end first at the rates that one more copy would get now, in the order
above where equal. Assumptions: a copy once begun goes on at its source even if that replica ends, and in vain if the start is called off; all
accelerators of a replica load at the same time; several of other kinds divide anew without cost.
Domain of applicability: weights that fit, disks and links without seek times. Left out: loads that fail, broadcast trees, partial copies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from simtier.clock import Entry
from simtier.models.llm.sources import Source, Sources, Way
from simtier.models.llm.weights_cache import WeightPlaces, Weights

if TYPE_CHECKING:
    from simtier.models.replica import Replica
    from simtier.models.service import Service
    from simtier.models.start_up import Ready

NAN = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadingSpec:
    """What the stages of a start take, in SI units; see simtier.scenario.loading.

    Attributes:
        weights: what is loaded.
        runtime: seconds of the first stage, of the k-th replica started during the run.
        disk, host: reading the node's disk, and copying from its memory to one accelerator.
        peer, remote: copying from one accelerator of the same node, or of another one; None: not done.
        attach_s: taking over what lies there; None: not done.
        connect_s, warmup_s: the last two stages.
        chunk_bytes: of weights that stream.
        overlap: whether they do.
    """

    weights: Weights
    runtime: Callable[[int], float]
    disk: Way
    host: Way
    peer: Way | None = None
    remote: Way | None = None
    attach_s: float | None = None
    connect_s: float = 0.0
    warmup_s: float = 0.0
    chunk_bytes: float = 0.0
    overlap: bool = True


class Stage(NamedTuple):
    """A stage that has begun."""

    name: str
    nbytes: float
    begin_s: float
    end_s: float = NAN


class _Start:
    """One start that is under way."""

    def __init__(self, replica: Replica, ready: Ready) -> None:
        self.replica = replica
        self.ready = ready
        self.source = ""
        self.stages: list[Stage] = []
        self.entry: Entry | None = None
        self.wanted = True


class Loader:
    """The start-up of the replicas of one service; see `simtier.models.start_up.StartUp`.

    Args:
        service: whose replicas.
        spec: what the stages take.
        places: where weights are.
    """

    def __init__(self, service: Service, spec: LoadingSpec, places: WeightPlaces) -> None:
        self._clock = service.clock
        self._journal = service.journal
        self._service = service
        self._spec = spec
        self._places = places
        self._sources = Sources(service.clock, service.network, places, spec)
        self._starts: dict[Replica, _Start] = {}
        self._started = 0

    def begin(self, replica: Replica, ready: Ready) -> None:
        """Start a replica: take over what lies on its accelerators, or begin with the runtime."""
        start = self._starts[replica] = _Start(replica, ready)
        runtime_s = self._spec.runtime(self._started)
        self._started += 1
        if self._sources.can_attach(replica):
            assert self._spec.attach_s is not None
            start.source = "attach"
            self._pause(start, "attach", self._spec.attach_s, self._warm)
        else:
            self._pause(start, "runtime", runtime_s, self._fetch)

    def call_off(self, replica: Replica) -> None:
        """Give a start up; what lay on the accelerators and was being taken over is still there."""
        start = self._starts.pop(replica)
        start.wanted = False
        if start.entry is not None:
            self._clock.cancel(start.entry)
        self._write(start)
        if start.source == "attach":
            self._places.left(self._spec.weights, replica)

    def is_ready(self, replica: Replica) -> None:
        """Note where the weights are; those of time zero have come from disk."""
        self._places.arrived(self._spec.weights, replica)
        start = self._starts.pop(replica, None)
        if start is not None:
            self._write(start)
        if start is None or start.source in ("disk", "host"):
            self._places.host(replica.node.name).use(self._spec.weights)

    def has_ended(self, replica: Replica) -> None:
        """Note that the weights stay on accelerators that are idle now."""
        self._places.left(self._spec.weights, replica)

    def close(self) -> None:
        """Record the starts under way at the end of the run."""
        for start in self._starts.values():
            self._write(start)

    # -- stages

    def _fetch(self, start: _Start) -> None:
        """Begin to copy the weights from the quickest place."""
        source = self._sources.quickest(start.replica)
        start.source = source.name
        self._copy(start, source)

    def _copy(self, start: _Start, source: Source) -> None:
        start.stages.append(Stage(source.stage, self._spec.weights.nbytes, self._clock.now))
        start.entry = None

        def copied() -> None:
            if not start.wanted:
                return
            self._end_stage(start)
            if source.then is not None:
                self._copy(start, source.then)
            else:
                self._pause(start, "connect", self._spec.connect_s, self._warm)

        source.copy(copied)

    def _warm(self, start: _Start) -> None:
        self._pause(start, "warmup", self._spec.warmup_s, self._finish)

    def _finish(self, start: _Start) -> None:
        start.ready(start.replica)

    def _pause(self, start: _Start, name: str, seconds: float, then: Callable[[_Start], object]) -> None:
        """Go on with `then` after a stage that only takes time; one without any leaves no row."""
        start.stages.append(Stage(name, 0.0, self._clock.now))

        def end(_: object) -> None:
            self._end_stage(start)
            then(start)

        start.entry = self._clock.call_in(seconds, end)

    def _end_stage(self, start: _Start) -> None:
        start.stages[-1] = start.stages[-1]._replace(end_s=self._clock.now)

    # -- rows

    def _write(self, start: _Start) -> None:
        """Append the stages that took time, or were not done."""
        replica, service = start.replica, self._service
        device = replica.device.name if replica.device is not None else "cpu"
        where = (service.name, replica.node.name, device, start.source)
        for stage in start.stages:
            if stage.begin_s != stage.end_s:
                tag = self._journal.tag("loads", *where, stage.name)
                row = (replica.id, tag, stage.nbytes, stage.begin_s, stage.end_s)
                self._journal.tables["loads"].append(row)
