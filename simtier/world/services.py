"""Services of a scenario, alive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from simtier.catalogue.dnn import dnn
from simtier.errors import Problem, ScenarioError
from simtier.models.autoscaler import Autoscaler
from simtier.models.batch_line import BatchLine
from simtier.models.batches import BatchReplica
from simtier.models.fifo import FifoReplica
from simtier.models.llm.balancer import Balancer
from simtier.models.llm.replica import EngineMaker, LlmReplica
from simtier.models.node import Claim, Node
from simtier.models.queues import queue_for
from simtier.models.replica import Replica
from simtier.models.service import Service
from simtier.models.service_spec import ServiceSpec
from simtier.models.shared import SharedReplica
from simtier.models.slots import SlotReplica
from simtier.scenario import Scenario
from simtier.scenario.services import Service as Written
from simtier.streams import Streams
from simtier.world.llm import loans
from simtier.world.loading import held_key
from simtier.world.times import distribution

SERVICE_KINDS = ("placement", "routing", "scheduling", "batching", "autoscaling", "admission")


class ReplicaMaker:
    """Builds the replica that a service and a node call for, and keeps all it built."""

    def __init__(self) -> None:
        self.made: list[Replica] = []
        self.heard_by: list[Callable[[Replica], object]] = []
        """Called with each new replica."""
        self.next_number: Callable[[], int] = count().__next__

    def __call__(self, service: Service, node: Node, device: Any) -> Replica:
        """Return a new replica of `service` on `node`."""
        batching, scheduling = service.askers["batching"], service.askers["scheduling"]
        queue = queue_for(scheduling) if batching.skip else BatchLine(scheduling)
        parts = (self.next_number(), service, node, device, service.spec.claim, queue)
        replica: Replica
        if service.spec.make_engine is not None:
            replica = LlmReplica(*parts, make_engine=service.spec.make_engine)
        elif device is not None or not batching.skip:
            replica = BatchReplica(*parts, batching=batching)
        elif node.fair_cpu is not None:
            replica = SharedReplica(*parts)
        else:
            replica = (FifoReplica if scheduling.skip else SlotReplica)(*parts)
        self.made.append(replica)
        for hear in self.heard_by:
            hear(replica)
        return replica


def weight_bytes(scenario: Scenario, service: str) -> float:
    """Return the bytes of all models that `service` may have to run: any layers of them, so all of them are loaded."""
    models = {
        (stage.model, stage.precision)
        for app in scenario.apps.values()
        for stage in app.stages.values()
        if stage.model is not None and service in stage.hosts
    }
    total = 0.0
    for model, precision in sorted(models):
        net = dnn(model)
        total += net.weight_bytes(0, len(net.layers), precision)
    return total


def service_spec(
    name: str, written: Written, weights: float, streams: Streams, make_engine: EngineMaker | None = None
) -> ServiceSpec:
    """Return what the service is in SI units; a model's weights lie on the accelerator, or in memory without one."""
    accelerator = written.accelerator or written.llm is not None
    claim = Claim(
        service=name,
        cores=written.cores,
        memory_bytes=written.memory + (0.0 if accelerator else weights),
        accelerator=accelerator,
        device_bytes=weights if accelerator else 0.0,
        whole=written.llm.accelerators if written.llm is not None else 0,
        weights=held_key(written.llm),
    )
    startup = streams.draws(f"service/{name}/startup", distribution(written.startup).sample)
    model = f"{written.llm.model} in {written.llm.kv_bytes:g} B" if written.llm is not None else ""
    return ServiceSpec(
        name,
        claim,
        written.cores,
        written.concurrency,
        written.max_batch,
        startup,
        make_engine,
        model=model,
        report_every_s=written.report_every or 0.0,
    )


def start_initial(service: Service, written: Written, nodes: Sequence[Node]) -> None:
    """Start the replicas of time zero; raises ScenarioError if one finds no room."""
    wanted: list[Node | None] = list(nodes) if written.replicas == "each" else [None] * int(written.replicas)
    for number, node in enumerate(wanted):
        if not service.fleet.start(ready=True, on=node):
            where = f"node {node.name!r}" if node is not None else f"any node of {', '.join(written.on)}"
            claim = service.spec.claim
            if any(each.has_room(claim) for each in nodes) and node is None:
                raise service.askers["placement"].wrong(
                    None, f"a node for replica {number + 1} of {len(wanted)} of time zero"
                )
            raise ScenarioError(
                [
                    Problem(
                        f"services.{service.name}",
                        f"replica {number + 1} of {len(wanted)} does not fit on {where}: it needs {claim.cores:g} cores, "
                        f"{claim.memory_bytes:.4g} B of memory"
                        + (f" and an accelerator with {claim.device_bytes:.4g} B free" if claim.accelerator else ""),
                    )
                ]
            )


def start_service(service: Service, written: Written) -> None:
    """Start the replicas of time zero, and the autoscaler; every policy has been started before."""
    start_initial(service, written, service.fleet.nodes)
    if not service.fleet.ready and service.askers["autoscaling"].skip:
        message = "0 replicas, and an autoscaling policy that never asks for any: give replicas, or another policy"
        raise ScenarioError([Problem(f"services.{service.name}.replicas", message)])
    Autoscaler(service, service.askers["autoscaling"], written.least, written.most)
    if written.llm is not None and "balancing" in service.askers:
        Balancer(service, service.askers["balancing"], loans(written.llm))
