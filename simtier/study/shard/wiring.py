"""What meets what in a scenario: a graph of entities, and of the places, links and policies at which they meet.

Whatever cannot be shown to go its own way is joined, so two entities that are not connected cannot have any effect on each other:

- all requests of a source meet at the services that its application's stages may run on, and at the links on the way there, between, and back;
- links meet nobody if nothing waits on them: with `sharing: none`, or where nothing but a latency (and jitter, unless in order) is in the way;
- on a node meet all that share its cores fairly, take turns on its accelerators, or start and end there during the run;
- a policy that does not say that it `sees_only_own` meets everything; one that observes, all whose requests it hears of.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import networkx as nx

from simtier.contract import Routing
from simtier.models.link import Link
from simtier.models.network import NoRoute
from simtier.models.node import Node
from simtier.models.service import Service
from simtier.scenario import Scenario
from simtier.scenario.services import App, Stage
from simtier.study.shard.division import Entity
from simtier.study.shard.routes import settled
from simtier.world import World
from simtier.world.apps import parents
from simtier.world.topology import Members

Place = tuple[str, str]
"""Where entities meet: what sort of place, and a name of it; told apart from entities by its sort."""


class CannotSplit(Exception):  # noqa: N818 - a sign to who draws the graph: once more, with this one whole
    """A service or platform has to stay whole after all."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name, self.reason = name, reason


class Wiring:
    """The graph of a scenario.

    Args:
        scenario: with its policies written out.
        world: the scenario alive, at time zero.
        whole: services and platforms that are not to be taken apart.

    Attributes:
        graph: entities and places.
        texts: what to say of a place at which two meet.
        sources: by application, with the node each is on.
        divided: applications of which each request goes its own way, by its function.

    Raises CannotSplit.
    """

    def __init__(self, scenario: Scenario, world: World, whole: Collection[str]) -> None:
        self.graph: nx.Graph[tuple[str, ...]] = nx.Graph()
        self.texts: dict[tuple[str, ...], str] = {}
        self.divided: dict[str, str] = {}
        self._scenario, self._world = scenario, world
        self.apart = {name for name in (*world.services, *world.platforms) if name not in whole}
        self.sources = self._sources()
        self._place_everything()
        self._meet_on_nodes()
        self._meet_in_engines()
        self._meet_in_apps()

    def entities_of(self, host: str) -> list[Entity]:
        """Return a service or platform, or what it is taken apart into."""
        if host not in self.apart:
            return [("service" if host in self._world.services else "platform", host)]
        if host in self._world.services:
            return [("replica", f"{host}@{node.name}") for node in self._world.services[host].fleet.nodes]
        return [("function", f"{host}/{name}") for name in self._scenario.platforms[host].functions]

    def meet(self, entity: Entity, place: Place, text: str) -> None:
        """Have an entity meet others at a place."""
        if entity[0] == "source":
            app = next(name for name, found in self.sources.items() if entity in found)
            if app in self.divided:
                raise CannotSplit(self.divided[app], f"its requests meet at {text}")
        self.texts.setdefault(place, text)
        self.graph.add_edge(entity, place)

    # -- what there is

    def _sources(self) -> dict[str, dict[Entity, str]]:
        found: dict[str, dict[Entity, str]] = {name: {} for name in self._scenario.apps}
        members = Members(self._world.nodes)
        for name, written in self._scenario.workloads.items():
            clients = getattr(written.arrivals, "clients", None)
            ends = [""] if clients is None else [f"/{i}" for i in range(clients)]
            for node in members.of_all(written.source, f"workloads.{name}.from"):
                found[written.app] |= {("source", f"{name}/{node.name}{end}"): node.name for end in ends}
        return found

    def _place_everything(self) -> None:
        for host in (*self._world.services, *self._world.platforms):
            self.graph.add_nodes_from(self.entities_of(host))
        self.graph.add_nodes_from(("power row", name) for name in self._scenario.power_rows)
        self._same_names()
        for name, app in self._scenario.apps.items():
            platform = self._called_by_trace(app)
            if platform in self.apart:
                if len(app.stages) > 1 or app.stages[next(iter(app.stages))].copies > 1:
                    raise CannotSplit(platform, f"application {name!r} calls what a trace names, and more")
                self.divided[name] = platform
            else:
                self.graph.add_nodes_from(self.sources[name])

    def _same_names(self) -> None:
        """Join functions of one name: a trace calls them by that, whatever the platform."""
        for host, written in self._scenario.platforms.items():
            for name in written.functions if host in self.apart else ():
                self.meet(("function", f"{host}/{name}"), ("named", name), f"the name {name} in traces")

    def _called_by_trace(self, app: App) -> str:
        """Return a platform of which the application calls the functions that a trace names."""
        found = (s.service for s in app.stages.values() if s.service in self._world.platforms and s.function is None)
        return next(found, None) or ""

    # -- where they meet

    def _meet_on_nodes(self) -> None:
        users: dict[Node, list[tuple[str, Entity]]] = {node: [] for node in self._world.nodes.values()}
        for name, service in self._world.services.items():
            for node in service.fleet.nodes:
                apart = name in self.apart
                users[node].append((name, ("replica", f"{name}@{node.name}") if apart else ("service", name)))
        for name, platform in self._world.platforms.items():
            for node in (node for cell in platform.cells for node in cell.nodes):
                users[node] += [(name, entity) for entity in self.entities_of(name) if name not in self.apart]
        for node, here in users.items():
            why = self._shared_by_all(node, [name for name, _ in here])
            for _, entity in here if why else ():
                self.meet(entity, ("node", node.name), f"node {node.name}, {why}")

    def _shared_by_all(self, node: Node, names: list[str]) -> str:
        """Return in words what everything on a node shares; nothing if each has its own for good."""
        if node.fair_cpu is not None:
            return "whose cores are shared fairly"
        for name in names:
            service = self._world.services.get(name)
            if service is None or not service.askers["autoscaling"].skip:
                return "where they start and end during the run, for its cores and memory"
            if service.spec.claim.accelerator:
                return "where they take turns on accelerators"
        return ""

    def _meet_in_engines(self) -> None:
        """Join what is more than nodes and ways that language models and power rows have in common."""
        members = Members(self._world.nodes)
        models = {name: each for name, each in self._scenario.services.items() if each.llm is not None}
        for name, written in models.items():
            service = self._world.services[name]
            if written.llm is not None and written.llm.loading is not None:
                self.meet(("service", name), ("loading", ""), "the weights that replicas load from each other")
                for other in (n for n, each in models.items() if each.llm is not None and each.llm.loading is not None):
                    self._ways([("service", name)], service.fleet.nodes, self._world.services[other].fleet.nodes)
            self._ways([("service", name)], service.fleet.nodes, service.fleet.nodes)
        for name, row in self._scenario.power_rows.items():
            nodes = members.of_all(row.nodes, f"power_rows.{name}.nodes")
            hosts = [each for each in models if set(nodes) & set(self._world.services[each].fleet.nodes)]
            for entity in [("power row", name), *(("service", host) for host in hosts)]:
                self.meet(entity, ("row", name), f"power row {name}")

    def _meet_in_apps(self) -> None:
        for name, app in self._scenario.apps.items():
            for source, node in self.sources[name].items():
                self._walk(name, app, source, node)
            closed = [
                n for n, w in self._scenario.workloads.items() if w.app == name and hasattr(w.arrivals, "clients")
            ]
            for source in self.sources[name] if closed else ():
                self.meet(source, ("closed", name), f"application {name}, whose clients wait for answers")

    def _walk(self, name: str, app: App, source: Entity, home: str) -> None:
        """Go the ways that requests of a source may go."""
        nodes = self._world.nodes
        places: dict[str, dict[Node, None]] = {}
        before = parents(app.stages)
        workload = source[1].partition("/")[0]
        for key, stage in app.stages.items():
            at = {nodes[home]: None} if not before[key] else {n: None for each in before[key] for n in places[each]}
            places[key] = {}
            if stage.model is not None and len(stage.hosts) > 1:
                self._look_at_nearest(stage, source, at)
            for host in stage.hosts:
                ends = self._ends(stage, host, (name, workload, home, key), source, at)
                self._ways([source], [*at], [*ends])
                self._ways([source], [*ends], [nodes[home]])
                places[key] |= ends
                at |= ends  # the parts of a split stage go from one host to the next
            if stage.tokens is not None and len(stage.hosts) > 1:
                self._ways([source], [*places[key]], [*places[key]])  # keys and values go from any pool to any

    def _ends(
        self, stage: Stage, host: str, origin: tuple[str, str, str, str], source: Entity, at: dict[Node, None]
    ) -> dict[Node, None]:
        """Join a source with what serves its requests at a host; return the nodes where that is."""
        service = self._world.services.get(host)
        if service is None:
            platform = self._world.platforms[host]
            if host not in self.apart:
                self.meet(source, ("hosted", host), f"platform {host}")
                self.meet(("platform", host), ("hosted", host), f"platform {host}")
            elif stage.function is not None:
                self._join(source, ("function", f"{host}/{stage.function}"), f"function {stage.function} of {host}")
            return {node: None for cell in platform.cells for node in cell.nodes}
        if host not in self.apart:
            self._join(source, ("service", host), f"service {host}")
            return dict.fromkeys(service.fleet.nodes)
        ends = dict.fromkeys(self._settled(service, origin, node) for node in at)
        for node in ends:
            text = f"the replica of {host} on {node.name}"
            self._join(source, ("replica", f"{host}@{node.name}"), text)
        return ends

    def _look_at_nearest(self, stage: Stage, source: Entity, at: dict[Node, None]) -> None:
        """Join a source with the replicas that a partitioning policy is shown: the nearest of each service, wherever requests then go."""
        for host in stage.hosts:
            for node in at if host in self.apart else ():
                nearest = self._world.services[host].nearest(node.name)
                if nearest is not None:
                    name = nearest.node.name
                    self._join(source, ("replica", f"{host}@{name}"), f"the replica of {host} on {name}")

    def _join(self, source: Entity, entity: Entity, text: str) -> None:
        self.meet(source, ("hosted", entity[1]), text)
        self.meet(entity, ("hosted", entity[1]), text)

    def _settled(self, service: Service, origin: tuple[str, str, str, str], at: Node) -> Node:
        policy = service.askers["routing"].policy
        assert isinstance(policy, Routing)
        app, workload, source, stage = origin
        if len(service.fleet.ready) == 1:
            return service.fleet.ready[0].node
        replica = settled(policy, service.fleet.ready, (app, workload, source, at.name, stage))
        if replica is None:
            name = service.askers["routing"].name
            reason = f"its routing policy {name!r} chooses by load where requests on {at.name} go"
            raise CannotSplit(service.name, reason)
        return replica.node

    def _ways(self, entities: list[Entity], starts: Sequence[Node], ends: Sequence[Node]) -> None:
        """Have entities meet others on the links between nodes."""
        for link in self._links(starts, ends):
            shared = "bandwidth" if link.spec.capacity.mean < float("inf") else "order"
            how = f"link {link.spec.medium}, whose {shared} is shared ({link.spec.sharing})"
            for entity in entities:
                self.meet(entity, ("link", link.spec.medium), how)

    def _links(self, starts: Sequence[Node], ends: Sequence[Node]) -> Iterator[Link]:
        found: dict[Link, None] = {}
        for start in starts:
            for end in ends:
                try:
                    found |= dict.fromkeys(self._world.network.path(start.name, end.name).links)
                except NoRoute:
                    continue  # no message goes that way
        return filter(_couples, found)


def _couples(link: Link) -> bool:
    """Return whether messages on a link, or on its medium, have an effect on each other."""
    spec = link.spec
    waits = spec.sharing != "none" and spec.capacity.mean < float("inf")
    return waits or (spec.sharing == "fifo" and spec.jitter is not None)
