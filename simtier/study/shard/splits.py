"""Which services can be taken apart replica by replica, and which platforms function by function, and why the others cannot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import inf

from simtier.catalogue.policies import find_policy
from simtier.contract import Autoscaling, Policy
from simtier.models.serverless.platform import Platform
from simtier.models.service import Service
from simtier.scenario import Scenario
from simtier.scenario.base import PolicyRef
from simtier.scenario.cold_starts import HuaweiColdStart, PoolsColdStart
from simtier.world import World
from simtier.world.llm import batching_ref
from simtier.world.services import SERVICE_KINDS

PLATFORM_KINDS = ("placement", "routing", "autoscaling", "admission", "keep_alive", "batching", "rebalancing")


def says(policy: type[Policy], what: str) -> bool:
    """Return whether a policy's own class says `what` of itself, or it never decides anything."""
    return bool(vars(policy).get(what)) or policy.passive


class Chosen:
    """The policies that a scenario chooses."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario

    def of_service(self, name: str) -> dict[str, PolicyRef]:
        """Return the policies of a service by kind."""
        written = self._scenario.services[name]
        refs = {kind: self._ref(kind, written.policies) for kind in SERVICE_KINDS}
        refs["batching"] = batching_ref(self._scenario, written)
        return refs | ({"balancing": written.policies.balancing} if written.policies.balancing is not None else {})

    def of_platform(self, name: str) -> dict[str, PolicyRef]:
        """Return the policies of a platform by kind."""
        return {kind: self._ref(kind, self._scenario.platforms[name].policies) for kind in PLATFORM_KINDS}

    def of_stages(self) -> Iterator[tuple[str, str, str, PolicyRef]]:
        """Yield application, stage, kind and policy of each stage that several services may run."""
        for name, app in self._scenario.apps.items():
            for key, stage in app.stages.items():
                kind = "partitioning" if stage.model is not None else "disaggregation"
                if len(stage.hosts) > 1:
                    yield name, key, kind, self._ref(kind, app.policies)

    def of_row(self, name: str) -> PolicyRef:
        """Return the policy of a power row."""
        return self._scenario.power_rows[name].policies.power

    def found(self, kind: str, ref: PolicyRef) -> type[Policy]:
        """Return the class of a policy."""
        return find_policy(kind, ref.use, self._scenario.folder)

    def _ref(self, kind: str, own: object) -> PolicyRef:
        ref: PolicyRef = getattr(own, kind, None) or getattr(self._scenario.policies, kind)
        return ref


def whole_services(scenario: Scenario, world: World, chosen: Chosen) -> dict[str, str]:
    """Return the services that cannot be taken apart, each with the reason."""
    found = {}
    for name, service in world.services.items():
        reason = next(_keeps_service_whole(scenario, service, chosen), "")
        if reason:
            found[name] = reason
    return found


def whole_platforms(scenario: Scenario, world: World, chosen: Chosen) -> dict[str, str]:
    """Return the platforms that cannot be taken apart, each with the reason."""
    found = {}
    for name, platform in world.platforms.items():
        reason = next(_keeps_platform_whole(scenario, world, platform, chosen), "")
        if reason:
            found[name] = reason
    return found


def _keeps_service_whole(scenario: Scenario, service: Service, chosen: Chosen) -> Iterator[str]:
    written = scenario.services[service.name]
    if written.llm is not None:
        yield "its replicas run a language model"
    if written.replicas != "each":
        yield "its replicas are not one on `each` node"
    if written.report_every is not None:
        yield "its replicas report together"
    refs = chosen.of_service(service.name)
    for kind in ("autoscaling", "admission"):
        if not chosen.found(kind, refs[kind]).passive:
            yield f"its {kind} policy {refs[kind].use!r} sees all its replicas"
    yield from _together(refs, ("routing", "scheduling", "batching"), chosen)


def _keeps_platform_whole(scenario: Scenario, world: World, platform: Platform, chosen: Chosen) -> Iterator[str]:
    written = scenario.platforms[platform.name]
    if len(platform.cells) > 1:
        yield "its requests are routed among several cells"
    if written.concurrency_limit is not None:
        yield "all its functions count towards one `concurrency_limit`"
    if written.reserve_cores:
        yield "its instances reserve cores of the same nodes"
    if isinstance(written.cold_start, PoolsColdStart):
        yield "its functions start from the same pools"
    if isinstance(written.cold_start, HuaweiColdStart) and written.cold_start.demand_slope:
        yield "a start takes longer the more functions start (`demand_slope`)"
    refs = chosen.of_platform(platform.name)
    for kind in ("batching", "rebalancing"):
        if not chosen.found(kind, refs[kind]).passive:
            yield f"its {kind} policy {refs[kind].use!r} is more than this knows to take apart"
    scaling = chosen.found("autoscaling", refs["autoscaling"])
    if not issubclass(scaling, Autoscaling) or not scaling.at_once or scaling.foresees:
        yield f"its autoscaling policy {refs['autoscaling'].use!r} is asked about all functions in one round"
    yield from _together(refs, ("placement", "admission", "keep_alive"), chosen)
    yield from _memory(scenario, world, platform)


def _together(refs: Mapping[str, PolicyRef], kinds: tuple[str, ...], chosen: Chosen) -> Iterator[str]:
    for kind in kinds:
        policy = chosen.found(kind, refs[kind])
        if not says(policy, "keeps_apart"):
            yield f"its {kind} policy {refs[kind].use!r} does not keep apart what it is asked about (`keeps_apart`)"
        if policy.observes() and not policy.passive:
            yield f"its {kind} policy {refs[kind].use!r} hears of all requests"


def _memory(scenario: Scenario, world: World, platform: Platform) -> Iterator[str]:
    """Yield where instances may be short of memory, or share a node with others."""
    written = scenario.platforms[platform.name]
    sizes = [each.memory * (written.most + each.provisioned) for each in written.functions.values()]
    most = inf if written.traced is not None else sum(sizes)
    for node in platform.cells[0].nodes:
        others = [name for name, each in world.services.items() if node in each.fleet.nodes]
        others += [n for n, p in world.platforms.items() if p is not platform and any(node in c.nodes for c in p.cells)]
        if others:
            yield f"its node {node.name!r} is also that of {', '.join(map(repr, others))}"
        if node.memory_bytes < inf and node.memory_bytes < most:
            yield f"node {node.name!r} may be short of memory for all its instances, so that one function's takes another's"
