"""What meets by policies: those that may look at more than their owner, those that hear of requests, those that go by numbers of replicas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from simtier.scenario import Scenario
from simtier.scenario.base import PolicyRef
from simtier.study.shard.division import Entity
from simtier.study.shard.splits import Chosen, says
from simtier.study.shard.wiring import CannotSplit, Wiring
from simtier.world import World


class PolicyWiring:
    """Joins in a graph what policies see together; raises CannotSplit."""

    def __init__(self, wiring: Wiring, scenario: Scenario, world: World) -> None:
        self._wiring, self._scenario, self._world = wiring, scenario, world
        self._chosen = Chosen(scenario)

    def draw(self) -> None:
        """Join it all."""
        self._hosts()
        self._stages()
        for name in self._scenario.power_rows:
            self._one("power", self._chosen.of_row(name), name, [("power row", name)], [*self._scenario.apps])
        self._numbers()

    def _hosts(self) -> None:
        scenario, chosen = self._scenario, self._chosen
        for name in scenario.services:
            heard = [a for a, app in scenario.apps.items() if any(name in each.hosts for each in app.stages.values())]
            self._all(name, chosen.of_service(name), heard)
        for name in scenario.platforms:
            self._all(name, chosen.of_platform(name), [*scenario.apps])

    def _all(self, host: str, refs: Mapping[str, PolicyRef], heard: Sequence[str]) -> None:
        for kind, ref in refs.items():
            self._one(kind, ref, host, self._wiring.entities_of(host), heard)

    def _stages(self) -> None:
        for app, stage, kind, ref in self._chosen.of_stages():
            apart = says(self._chosen.found(kind, ref), "keeps_apart")
            sources = [] if apart else [*self._wiring.sources[app]]
            self._one(kind, ref, f"{app}.{stage}", sources, [*self._scenario.apps])

    def _one(self, kind: str, ref: PolicyRef, owner: str, mine: Sequence[Entity], heard: Sequence[str]) -> None:
        """Join what one policy sees, and those it hears of; `mine` is what belongs to its owner."""
        policy, wiring = self._chosen.found(kind, ref), self._wiring
        met = [*mine]
        text = f"the {kind} policy {ref.use!r} of {owner}"
        if not says(policy, "sees_only_own"):
            text += ", which does not say that it sees only its own (`sees_only_own`)"
            met += [source for found in wiring.sources.values() for source in found]
            met += [entity for host in self._scenario.hosts for entity in wiring.entities_of(host)]
        elif policy.observes():
            text += ", which hears of all their requests"
            met += [source for app in heard for source in wiring.sources[app]]
        elif owner in wiring.apart:
            return
        for entity in met:
            wiring.meet(entity, ("policy", f"{kind}/{owner}"), text)

    def _numbers(self) -> None:
        """Join all that makes replicas during the run, if the numbers they get make a difference to one of them.

        A part hands out numbers to its own only, in their order: which is older can be told from them, and no more.
        """
        services, platforms, chosen = self._world.services, self._world.platforms, self._chosen
        makers = [name for name, service in services.items() if not service.askers["autoscaling"].skip]
        models = [name for name in makers if self._scenario.services[name].llm is not None]
        going = [name for name in makers if self._go_by_numbers(chosen.of_service(name))]
        going += [name for name in platforms if self._go_by_numbers(chosen.of_platform(name))]
        for host in (*makers, *platforms) if models or going else ():
            which = [*going, *models][0]
            if host in self._wiring.apart:
                raise CannotSplit(host, f"the numbers of its instances change those of {which}, where they matter")
            text = f"the numbers of new replicas, which matter to {which}"
            self._wiring.meet(self._wiring.entities_of(host)[0], ("numbers", ""), text)

    def _go_by_numbers(self, refs: Mapping[str, PolicyRef]) -> bool:
        return any(self._chosen.found(kind, ref).goes_by_numbers for kind, ref in refs.items())
