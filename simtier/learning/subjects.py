"""Finding in a scenario what is to be decided, and how it is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from simtier.catalogue.dnn import dnn
from simtier.catalogue.policies import load_policy
from simtier.clock import Clock
from simtier.contract import Autoscaling
from simtier.errors import PolicyError, did_you_mean
from simtier.learning.decisions import RouteDecision, ScaleDecision, SplitDecision
from simtier.learning.episode import Subject
from simtier.scenario import Scenario
from simtier.scenario.check import require_valid
from simtier.scenario.services import Service, Stage
from simtier.world.resolve import resolve
from simtier.world.topology import Members, make_nodes
from simtier.world.traces import TraceShelf

MOST = 128
"""Most replicas that a decision is about, unless the caller says how many."""


@dataclass(frozen=True)
class Place:
    """Something that an agent can decide about.

    Attributes:
        kind: kind of policy.
        owner: who has the policy: a service, or a stage as "app.stage".
        stage: the stage, of partitioning.
    """

    kind: str
    owner: str
    stage: Stage | None = None


def find_subject(
    scenario: Scenario,
    kind: str | None,
    decide: str | None,
    traces: Sequence[Path] = (),
    most: int | None = None,
    cuts: Sequence[int] | None = None,
) -> Subject:
    """Return what is decided about; see `simtier.learning.make`."""
    require_valid(scenario, traces)
    resolved = resolve(scenario)
    known = {where: place for where, place in places(resolved).items() if kind in (None, place.kind)}
    where = _only(list(known), kind) if decide is None else decide
    if where not in known:
        raise PolicyError(f"nothing to learn is called {where!r} in this scenario{did_you_mean(where, known)}")
    place = known[where]
    if place.stage is None:
        _not_given("cuts", cuts, place.kind)
    else:
        _not_given("most", most, place.kind)
    decision = _of_service(resolved, place, most) if place.stage is None else _of_stage(place.stage, cuts)
    return Subject(resolved, TraceShelf(traces, scenario.folder), place.owner, decision)


def places(scenario: Scenario) -> dict[str, Place]:
    """Return what an agent can decide about, by dotted path in the scenario."""
    found: dict[str, Place] = {}
    for name in scenario.services:
        for kind in ("autoscaling", "routing"):
            found[f"services.{name}.policies.{kind}"] = Place(kind, name)
    for app, written in scenario.apps.items():
        split = {name: stage for name, stage in written.stages.items() if stage.model and len(stage.hosts) > 1}
        for name, stage in split.items():
            one = Place("partitioning", f"{app}.{name}", stage)
            found[
                f"apps.{app}.policies.partitioning" if len(split) == 1 else f"apps.{app}.stages.{name}.partitioning"
            ] = one
    return found


def _only(known: Sequence[str], kind: str | None) -> str:
    if len(known) != 1:
        what = f"{kind} policies" if kind is not None else "policies"
        among = f": give `decide`, one of {', '.join(known)}" if known else ""
        raise PolicyError(f"this scenario has {len(known)} {what} to learn{among}")
    return known[0]


def _not_given(name: str, value: object, kind: str) -> None:
    if value is not None:
        raise PolicyError(f"`{name}` is not for {kind}: leave it out")


def _of_service(scenario: Scenario, place: Place, most: int | None) -> ScaleDecision | RouteDecision:
    service = scenario.services[place.owner]
    ref = service.policies.autoscaling or scenario.policies.autoscaling
    scaling = load_policy("autoscaling", ref.use, ref.given, scenario.folder)
    assert isinstance(scaling, Autoscaling)
    routes = place.kind == "routing"
    can_be = _initial(scenario, service) if routes and scaling.passive else service.most
    if most is not None and not 1 <= most <= can_be:
        raise PolicyError(f"`most` is {most}: service {place.owner!r} can have 1 to {can_be} replicas")
    if most is None and can_be > MOST:
        raise PolicyError(
            f"service {place.owner!r} may have {can_be} replicas, too many to learn about: give its `most` in the scenario, or `most` here"
        )
    shown = can_be if most is None else most
    if routes:
        if shown == 1:
            raise PolicyError(f"there is nothing to route: service {place.owner!r} has one replica at most")
        return RouteDecision(shown)
    if shown <= service.least:
        raise PolicyError(f"there is nothing to scale: service {place.owner!r} has {service.least} to {shown} replicas")
    return ScaleDecision(service.least, shown, scaling.every)


def _initial(scenario: Scenario, service: Service) -> int:
    """Return how many replicas there are at time zero."""
    if service.replicas == "each":
        return len(Members(make_nodes(scenario.nodes, Clock())).of_all(service.on, "services"))
    return int(service.replicas)


def _of_stage(stage: Stage, cuts: Sequence[int] | None) -> SplitDecision:
    layers = len(dnn(str(stage.model)).layers)
    chosen = tuple(range(layers + 1)) if cuts is None else tuple(cuts)
    if len(chosen) < 2 or list(chosen) != sorted(set(chosen)) or chosen[0] < 0 or chosen[-1] > layers:
        raise PolicyError(f"`cuts` is {list(chosen)}: expected two or more rising layer numbers from 0 to {layers}")
    return SplitDecision(len(stage.hosts), chosen)
