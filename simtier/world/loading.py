"""Starts of language models' replicas, from a scenario: what their stages take, and the memory of nodes that keeps weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from simtier.catalogue.llm import language_model
from simtier.errors import Problem, ScenarioError
from simtier.models.llm.loading import Loader, LoadingSpec
from simtier.models.llm.sources import INFINITY, Way
from simtier.models.llm.weights_cache import WeightPlaces, Weights
from simtier.models.node import Node
from simtier.models.service import Service
from simtier.models.start_up import StartUp
from simtier.scenario.llm import Llm
from simtier.scenario.loading import Copy


class Loaders:
    """What starts the replicas of all services, which share disks, nodes' memory, and weights.

    Args:
        places: where weights are in this run.
    """

    def __init__(self, places: WeightPlaces) -> None:
        self._places = places
        self._reserved: set[str] = set()

    def of(
        self, name: str, written: Llm | None, runtime: Callable[[int], float], nodes: Sequence[Node]
    ) -> Callable[[Service], StartUp] | None:
        """Return what makes the start-up of a service; None if its start-up is only a time.

        Raises ScenarioError if the memory that a node is to keep weights in is not there.
        """
        if written is None or written.loading is None:
            return None
        for node in nodes:
            self._reserve(name, node, written.loading.keep)
        return partial(_loader, spec=loading_spec(written, runtime), places=self._places)

    def _reserve(self, name: str, node: Node, share: float) -> None:
        if node.name in self._reserved:
            return
        self._reserved.add(node.name)
        room = share * node.memory_bytes if share else 0.0
        self._places.set_room(node.name, room)
        if room < INFINITY:
            node.memory_free_bytes -= room
        if node.memory_free_bytes < 0:
            message = f"node {node.name!r} has no room to keep {room:.4g} B of weights: lower `keep`"
            raise ScenarioError([Problem(f"services.{name}.llm.loading.keep", message)])


def weights_of(written: Llm) -> Weights:
    """Return the weights of a service's model; experts that are kept twice count once."""
    nbytes = language_model(written.model).parameters * written.weight_bytes
    parts = f"{written.tensor}x{written.pipeline}x{written.data}"
    return Weights(f"{written.model}:{written.weight_precision or written.precision}", parts, nbytes)


def held_key(written: Llm | None) -> str:
    """Return what the accelerators of an ended replica hold, empty for those that keep nothing of use."""
    if written is None or written.loading is None:
        return ""
    weights = weights_of(written)
    return f"{weights.name}/{weights.parts}"


def loading_spec(written: Llm, runtime: Callable[[int], float]) -> LoadingSpec:
    """Return the stages of a start in SI units."""
    loading = written.loading
    assert loading is not None
    return LoadingSpec(
        weights=weights_of(written),
        runtime=runtime,
        disk=_way(loading.disk),
        host=Way(written.host_link, loading.host),
        peer=_peer(written, loading.peer) if loading.peer is not None else None,
        remote=Way(fixed_s=loading.remote) if loading.remote is not None else None,
        attach_s=loading.attach,
        connect_s=loading.connect,
        warmup_s=loading.warmup,
        chunk_bytes=loading.chunk,
        overlap=loading.overlap,
    )


def _loader(service: Service, *, spec: LoadingSpec, places: WeightPlaces) -> StartUp:
    return Loader(service, spec, places)


def _peer(written: Llm, peer: Copy) -> Way:
    """Return what copying within a node takes; its links are those between accelerators, if nothing else is said."""
    if peer.rate is None and written.interconnect is not None:
        return Way(written.interconnect.bandwidth, peer.time)
    return _way(peer)


def _way(written: Copy) -> Way:
    return Way(INFINITY if written.rate is None else written.rate, written.time)
