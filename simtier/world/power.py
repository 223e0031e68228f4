"""Power rows of a scenario, alive."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from simtier.clock import Clock
from simtier.contract import Asker
from simtier.journal import Journal
from simtier.models.llm.replica import LlmReplica
from simtier.models.node import Node
from simtier.models.power.load import Load, Swing
from simtier.models.power.row import Brake, PowerRow
from simtier.models.power.server import Priority, Server
from simtier.models.replica import Replica
from simtier.models.service import Service
from simtier.scenario.power import PowerRow as Written
from simtier.world.topology import Members


class PowerRows:
    """The rows, and which server each new replica draws from.

    Args:
        rows: as the scenario has them.
        asker: makes the asker of a row's policy, by its name.
    """

    def __init__(
        self,
        rows: Mapping[str, Written],
        asker: Callable[[str], Asker],
        clock: Clock,
        journal: Journal,
        members: Members,
        services: Mapping[str, Service],
    ) -> None:
        self.rows: dict[str, PowerRow] = {}
        self._servers: dict[str, Server] = {}
        for name, written in rows.items():
            nodes = members.of_all(written.nodes, f"power_rows.{name}.nodes")
            servers = [Server(clock, node.name, _priority(written, node, services), _idle_w(node)) for node in nodes]
            self._servers |= {server.name: server for server in servers}
            for label, load in written.loads.items():
                swing = Swing(high_w=load.high, low_w=load.low, period_s=load.period, duty=load.duty)
                for node in members.of_all(load.on, f"power_rows.{name}.loads.{label}.on"):
                    self._servers[node.name].add(Load(clock, swing, _idle_w(node)))
            self.rows[name] = _row(name, written, asker(name), servers, clock, journal)

    def add(self, replica: Replica) -> None:
        """Count what a new replica draws, if it runs in a row."""
        server = self._servers.get(replica.node.name)
        if server is not None and isinstance(replica, LlmReplica):
            server.add(replica.draw)


def _row(name: str, written: Written, asker: Asker, servers: list[Server], clock: Clock, journal: Journal) -> PowerRow:
    brake = Brake(
        at=written.brake.at, release=written.brake.release, hz=written.brake.clock, delay_s=written.brake.delay
    )
    return PowerRow(
        clock,
        journal,
        name,
        asker,
        servers,
        budget_w=written.budget,
        every_s=written.every,
        delay_s=written.command_delay,
        top_hz=written.clock,
        brake=brake,
    )


def _priority(written: Written, node: Node, services: Mapping[str, Service]) -> Priority:
    """Return `low` if all services that may run on a node are of low priority, and there are any."""
    here = [name for name, service in services.items() if node in service.fleet.nodes]
    return "low" if here and set(here) <= set(written.low_priority) else "high"


def _idle_w(node: Node) -> float:
    return node.idle_w + sum(device.spec.idle_w for device in node.devices)
