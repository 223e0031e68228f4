"""One replication of a scenario, alive: everything built, ready to be played."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

from simtier.catalogue.policies import load_policy
from simtier.clock import Clock
from simtier.contract import Asker, Decisions, Policy, ServiceView
from simtier.journal import Journal
from simtier.models.link import Link
from simtier.models.network import Network
from simtier.models.node import Node
from simtier.models.sampler import Probe, Sampler
from simtier.models.service import Service
from simtier.models.views import SiteFacade
from simtier.scenario import Scenario
from simtier.streams import Streams
from simtier.world.apps import AppMaker
from simtier.world.services import SERVICE_KINDS, ReplicaMaker, make_service
from simtier.world.topology import Members, add_links, make_nodes
from simtier.world.traces import TraceShelf
from simtier.world.workloads import start_workloads


class World:
    """All that lives during one replication.

    Args:
        scenario: a scenario that passed its checks.
        journal: takes the rows.
        streams: all random numbers.
        shelf: the traces.
        decisions: keeps explained decisions; None keeps none.
    """

    def __init__(
        self,
        scenario: Scenario,
        journal: Journal,
        streams: Streams,
        shelf: TraceShelf,
        decisions: Decisions | None = None,
    ) -> None:
        self.scenario = scenario
        self.clock = Clock()
        self.until_s = scenario.run.duration + scenario.run.drain
        self._journal = journal
        self._streams = streams
        self._decisions = decisions
        self._policies: list[tuple[Policy, str, Asker]] = []
        self.nodes = make_nodes(scenario.nodes, self.clock)
        members = Members(self.nodes)
        self.network = Network(self.clock, streams, journal.tables["transfers"], journal.code)
        self.link_groups = add_links(scenario.links, members, self.network, streams, shelf)
        self.replicas = ReplicaMaker()
        self.services: dict[str, Service] = {}
        self._service_views: dict[str, ServiceView] = {}
        self._site = SiteFacade(
            self.clock,
            self.network,
            {name: node.view for name, node in self.nodes.items()},
            MappingProxyType(self._service_views),
        )
        for name in scenario.services:
            self.services[name] = self._service(name, members)
        maker = AppMaker(self.clock, self.network, journal, streams, self.services)
        self.apps = {
            name: maker.make(name, written, self._partitioning(name), self.until_s)
            for name, written in scenario.apps.items()
        }
        start_workloads(scenario, self.apps, members, self.clock, journal, streams, shelf)
        self._let_policies_observe()
        if scenario.run.samples:
            Sampler(self.clock, journal, self.until_s / scenario.run.samples, self._probes())

    def play(self, pulse: Callable[[], bool]) -> bool:
        """Run to the end; return False if `pulse` stopped it."""
        return self.clock.play(self.until_s, pulse)

    def close(self) -> None:
        """Record what is unfinished when the run ends."""
        for app in self.apps.values():
            app.close()
        for service in self.services.values():
            service.fleet.close()
        self.network.close()

    @property
    def requests_done(self) -> int:
        """Requests that have got their outcome."""
        table = self._journal.tables["requests"]
        return table.rows_written + table.pending

    # -- building

    def _service(self, name: str, members: Members) -> Service:
        written = self.scenario.services[name]
        nodes = members.of_all(written.on, f"services.{name}.on")
        askers = {kind: self._asker(kind, name, written.policies) for kind in SERVICE_KINDS}

        def make(spec: Any, nodes: Sequence[Node], askers: dict[str, Asker]) -> Service:
            service = Service(spec, nodes, self.clock, self.network, self._journal, askers, self.replicas)
            self.services[name] = service
            self._service_views[name] = service.view
            return service

        return make_service(self.scenario, name, nodes, make, self._streams, askers)

    def _partitioning(self, app: str) -> Callable[[], Asker]:
        return lambda: self._asker("partitioning", app, self.scenario.apps[app].policies)

    def _asker(self, kind: str, owner: str, own: Any) -> Asker:
        """Load, start and wrap the policy of `kind` for one owner: its own choice, else the scenario's."""
        ref = getattr(own, kind) or getattr(self.scenario.policies, kind)
        policy = load_policy(kind, ref.use, ref.given, self.scenario.folder)
        asker = Asker(policy, ref.use, owner, lambda: self.clock.now, self._decisions)
        asker.tell(policy.start, self._site, self._streams.stream(f"policy/{owner}/{kind}"))
        self._policies.append((policy, owner, asker))
        return asker

    def _let_policies_observe(self) -> None:
        for app in self.apps.values():
            for policy, _, asker in self._policies:
                if policy.observes():
                    app.observe(asker.tell, policy)

    def _probes(self) -> list[Probe]:
        """Return what is sampled: each service, each group of links."""
        probes: list[Probe] = []
        for name, service in self.services.items():
            probes += [("service", name, metric, partial(read, service)) for metric, read in SERVICE_PROBES.items()]
        for group in dict.fromkeys(self.link_groups.values()):
            links = [link for name, link in self.network.links.items() if self.link_groups[name] == group]
            probes += [("links", group, metric, partial(read, links)) for metric, read in LINK_PROBES.items()]
        return probes


SERVICE_PROBES: dict[str, Callable[[Service], float]] = {
    "queued": lambda service: service.queued(),
    "running": lambda service: sum(replica.running for replica in service.fleet.serving),
    "ready": lambda service: len(service.fleet.ready),
    "starting": lambda service: len(service.fleet.starting),
}
LINK_PROBES: dict[str, Callable[[Sequence[Link]], float]] = {
    "queued": lambda links: sum(link.queued for link in links),
    "active": lambda links: sum(link.active for link in links),
}
