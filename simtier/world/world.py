"""One replication of a scenario, alive: everything built, ready to be played."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial
from types import MappingProxyType
from typing import Any

from simtier.catalogue.policies import find_policy, policy_maker
from simtier.clock import Clock
from simtier.contract import Asker, Decisions, Policy, ServiceView
from simtier.journal import Journal
from simtier.models.llm.weights_cache import WeightPlaces
from simtier.models.network import Network
from simtier.models.sampler import Probe, Sampler
from simtier.models.serverless.platform import Platform
from simtier.models.service import Service
from simtier.models.views import SiteFacade
from simtier.models.visit import Part, Visit
from simtier.scenario import Scenario
from simtier.scenario.base import PolicyRef
from simtier.streams import Streams
from simtier.world.apps import AppMaker, Hosts, StageAsker
from simtier.world.functions import FunctionNames, Told, finder, told_functions
from simtier.world.llm import batching_ref, engine_maker
from simtier.world.llm_costs import Costs
from simtier.world.loading import Loaders
from simtier.world.platforms import Site, cold_starts, make_platform, start_provisioned
from simtier.world.power import PowerRows
from simtier.world.replays import traced_means
from simtier.world.services import SERVICE_KINDS, ReplicaMaker, service_spec, start_service, weight_bytes
from simtier.world.share import Share
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
        agents: policies that are asked in place of the scenario's, by kind and owner: a service, or a stage as "app.stage".
        clock: a new one if not given.
        share: whose requests arrive here; None: everybody's.
    """

    def __init__(
        self,
        scenario: Scenario,
        journal: Journal,
        streams: Streams,
        shelf: TraceShelf,
        decisions: Decisions | None = None,
        agents: Mapping[tuple[str, str], Policy] = MappingProxyType({}),
        *,
        clock: Clock | None = None,
        share: Share | None = None,
    ) -> None:
        self.scenario = scenario
        self.clock = Clock() if clock is None else clock
        self.until_s = scenario.run.duration + scenario.run.drain
        self._journal = journal
        self._streams = streams
        self._decisions = decisions
        self._agents = agents
        self._askers: list[Asker] = []
        self.nodes = make_nodes(scenario.nodes, self.clock)
        members = Members(self.nodes)
        self.network = Network(self.clock, streams, journal.tables["transfers"], journal.code)
        self.link_groups = add_links(scenario.links, members, self.network, streams, shelf)
        self.replicas = ReplicaMaker()
        self._loaders = Loaders(WeightPlaces(self.clock))
        self.costs: dict[str, Costs] = {}
        self.services: dict[str, Service] = {}
        self._service_views: dict[str, ServiceView] = {}
        self._site = SiteFacade(
            self.clock,
            self.network,
            MappingProxyType({name: node.view for name, node in self.nodes.items()}),
            MappingProxyType(self._service_views),
        )
        for name in scenario.services:
            self.services[name] = self._service(name, members)
            self._service_views[name] = self.services[name].view
        self.platforms: dict[str, Platform] = {}
        self._names = FunctionNames()
        for name in scenario.platforms:
            self.platforms[name] = self._platform(name, members, shelf)
        self.power = PowerRows(scenario.power_rows, self._power_asker, self.clock, journal, members, self.services)
        self.replicas.heard_by.append(self.power.add)
        self._start_policies()
        for name, platform in self.platforms.items():
            start_provisioned(platform, scenario.platforms[name])
        for name, service in self.services.items():
            start_service(service, scenario.services[name])
        means = cache(partial(self._traced_means, shelf))
        finders = {name: self._function_finder(name, shelf) for name in self.platforms}
        hosts = Hosts(self.services, self.platforms, finders)
        maker = AppMaker(self.clock, self.network, journal, streams, hosts, means)
        self.apps = {
            name: maker.make(name, written, self._stage_asker(name), self.until_s)
            for name, written in scenario.apps.items()
        }
        self.tokens = maker.tokens
        start_workloads(scenario, self.apps, members, self.clock, journal, streams, shelf, self._names, share)
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
            service.close()
        for platform in self.platforms.values():
            platform.close()
        self.network.close()

    @property
    def requests_done(self) -> int:
        """Requests that have got their outcome."""
        table = self._journal.tables["requests"]
        return table.rows_written + table.pending

    # -- building

    def _service(self, name: str, members: Members) -> Service:
        """Return a service that has no replicas yet."""
        written = self.scenario.services[name]
        nodes = members.of_all(written.on, f"services.{name}.on")
        askers = {kind: self._asker(kind, name, written.policies) for kind in SERVICE_KINDS if kind != "batching"}
        askers["batching"] = self._maker("batching", batching_ref(self.scenario, written))(name)
        if written.policies.balancing is not None:
            askers["balancing"] = self._maker("balancing", written.policies.balancing)(name)
        make_engine = None
        if written.llm is not None:
            costs = self.costs[name] = Costs(name, written.llm, self.scenario.folder, self._streams)
            make_engine = engine_maker(written.llm, costs)
        spec = service_spec(name, written, weight_bytes(self.scenario, name), self._streams, make_engine)
        spec = replace(spec, make_startup=self._loaders.of(name, written.llm, spec.startup, nodes))
        return Service(spec, nodes, self.clock, self.network, self._journal, askers, self.replicas)

    def _platform(self, name: str, members: Members, shelf: TraceShelf) -> Platform:
        """Return a platform with its listed functions, without instances."""
        written = self.scenario.platforms[name]

        def asker(kind: str, owner: str) -> Asker:
            return self._asker(kind, owner, written.policies)

        def started(kind: str) -> Callable[[str], Asker]:
            make_asker = self._maker(kind, self._ref(kind, written.policies))

            def make(owner: str) -> Asker:
                made = make_asker(owner)
                self._start(made)
                return made

            return make

        site = Site(self.clock, self.network, self._journal, self._streams, self.replicas.next_number)
        models = cold_starts(name, written, self._streams, shelf, self.clock)
        batching = find_policy("batching", written.policies.batching.use, self.scenario.folder)
        batches = None if batching.passive else started("batching")
        return make_platform(name, written, members, site, models, asker, started("autoscaling"), batches)

    def _function_finder(self, name: str, shelf: TraceShelf) -> Callable[[Visit], Part]:
        """Return what finds the function of a platform that a visit's trace names."""

        @cache
        def told() -> dict[str, Told]:
            workloads = [
                w for w in self.scenario.workloads.values() if w.trace is not None and self._calls(w.app, name)
            ]
            found: dict[str, Told] = {}
            for workload in workloads:
                found |= told_functions(shelf.reel(workload.trace or (), workload.on_error).functions())
            return found

        return finder(self.platforms[name], self.scenario.platforms[name], self._names, told, self._streams)

    def _calls(self, app: str, platform: str) -> bool:
        return self.scenario.apps[app].has_traced_functions([platform])

    def _traced_means(self, shelf: TraceShelf, app: str) -> tuple[float, ...]:
        replays = [each for each in self.scenario.workloads.values() if each.app == app and each.trace is not None]
        return traced_means(self.scenario.apps[app], replays, self._streams, shelf)

    def _stage_asker(self, app: str) -> StageAsker:
        def asker(kind: str, stage: str) -> Asker:
            made = self._asker(kind, f"{app}.{stage}", self.scenario.apps[app].policies)
            self._start(made)
            return made

        return asker

    def _asker(self, kind: str, owner: str, own: Any) -> Asker:
        """Load and wrap the policy of `kind` for one owner: its own choice, else the scenario's."""
        return self._maker(kind, self._ref(kind, own))(owner)

    def _power_asker(self, row: str) -> Asker:
        return self._asker("power", row, self.scenario.power_rows[row].policies)

    def _ref(self, kind: str, own: Any) -> PolicyRef:
        ref: PolicyRef = getattr(own, kind) or getattr(self.scenario.policies, kind)
        return ref

    def _maker(self, kind: str, ref: PolicyRef) -> Callable[[str], Asker]:
        """Return what makes and wraps a policy for an owner, of whom there may be many."""
        make_policy = policy_maker(kind, ref.use, ref.given, self.scenario.folder)

        def make(owner: str) -> Asker:
            agent = self._agents.get((kind, owner))
            policy, name = (make_policy(), ref.use) if agent is None else (agent, type(agent).__name__)
            asker = Asker(policy, name, owner, lambda: self.clock.now, self._decisions)
            self._askers.append(asker)
            return asker

        return make

    def _start_policies(self) -> None:
        """Start all policies loaded so far: every node and service is there to be seen, no replica is yet."""
        for asker in self._askers:
            self._start(asker)

    def _start(self, asker: Asker) -> None:
        if type(asker.policy).start is Policy.start:
            return  # it does nothing, and there may be a policy for each of many functions
        rng = self._streams.stream(f"policy/{asker.owner}/{asker.policy.kind}")
        asker.tell(asker.policy.start, self._site, rng)

    def _let_policies_observe(self) -> None:
        observing = [asker for asker in self._askers if asker.policy.observes()]
        for name, app in self.apps.items():
            hosts = {host for stage in self.scenario.apps[name].stages.values() for host in stage.hosts}
            for asker in observing:
                if asker.owner in hosts or not self._serves(asker):
                    app.observe(asker.tell, asker.policy)

    def _serves(self, asker: Asker) -> bool:
        """Return whether a policy is a service's: stages, platforms and rows of power may be called like one."""
        return asker.policy.kind in (*SERVICE_KINDS, "balancing") and asker.owner in self.services

    def _probes(self) -> list[Probe]:
        """Return what is sampled: queues and replicas of each service and platform; links are told by the transfers table."""
        services = [
            ("service", name, metric, partial(read, service))
            for name, service in self.services.items()
            for metric, read in SERVICE_PROBES.items()
        ]
        platforms = [
            ("platform", name, metric, partial(read, platform))
            for name, platform in self.platforms.items()
            for metric, read in PLATFORM_PROBES.items()
        ]
        return [*services, *platforms]


SERVICE_PROBES: dict[str, Callable[[Service], float]] = {
    "queued": lambda service: service.queued(),
    "running": lambda service: sum(replica.running for replica in service.fleet.serving),
    "ready": lambda service: len(service.fleet.ready),
    "starting": lambda service: len(service.fleet.starting),
}
PLATFORM_PROBES: dict[str, Callable[[Platform], float]] = {
    "queued": lambda platform: sum(
        f.buffered + len(f.waiting) for cell in platform.cells for f in cell.functions.values()
    ),
    "starting": lambda platform: sum(cell.starts.under_way for cell in platform.cells),
    "idle": lambda platform: sum(len(cell.evictions) for cell in platform.cells),
    "in_flight": lambda platform: sum(cell.in_flight for cell in platform.cells),
}
