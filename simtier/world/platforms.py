"""Platforms of a scenario, alive."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from simtier.clock import Clock
from simtier.contract import Asker
from simtier.errors import Problem, ScenarioError
from simtier.journal import Journal
from simtier.models.network import Network
from simtier.models.node import Node
from simtier.models.serverless.cell import Account, Cell, CellSpec
from simtier.models.serverless.function import Function
from simtier.models.serverless.limits import Bucket
from simtier.models.serverless.platform import Platform
from simtier.models.serverless.pool_sizes import PoolSizes
from simtier.models.serverless.scaling import Scaler
from simtier.models.serverless.spec import ColdStart
from simtier.scenario.platforms import Platform as Written
from simtier.streams import Streams
from simtier.world.cold_starts import cold_start_model, pools_of
from simtier.world.functions import function_spec, function_uses
from simtier.world.topology import Members
from simtier.world.traces import TraceShelf


@dataclass(frozen=True)
class Site:
    """What platforms need of their run; `numbers` hands out the numbers of instances."""

    clock: Clock
    network: Network
    journal: Journal
    streams: Streams
    numbers: Callable[[], int]


def cold_starts(name: str, written: Written, streams: Streams, shelf: TraceShelf, clock: Clock) -> dict[str, ColdStart]:
    """Return the cold-start model of each region, or of the whole platform under ""."""
    listed = [function_spec(function, each, written) for function, each in written.functions.items()]

    def now() -> float:
        return clock.now

    if not written.regions:
        assert written.cold_start is not None
        return {"": cold_start_model(written.cold_start, name, listed, streams, shelf, now)}
    found = {}
    for region, each in written.regions.items():
        model = each.cold_start if each.cold_start is not None else written.cold_start
        assert model is not None
        found[region] = cold_start_model(model, f"{name}/{region}", listed, streams, shelf, now)
    return found


def make_platform(
    name: str,
    written: Written,
    members: Members,
    site: Site,
    models: Mapping[str, ColdStart],
    asker: Callable[[str, str], Asker],
    scaling: Callable[[str], Asker],
    batching: Callable[[str], Asker] | None,
) -> Platform:
    """Return a platform with the functions that the scenario lists, without instances.

    Args:
        name: of the platform.
        written: what the scenario says.
        members: finds nodes by name.
        site: the run.
        models: as `cold_starts` returns them.
        asker: makes the asker of a kind of policy for an owner.
        scaling: makes the started asker of an autoscaling policy for an owner.
        batching: makes that of a batching policy; None if requests are not batched.
    """
    account = Account(written.concurrency_limit if written.concurrency_limit is not None else inf)

    def cell(number: int, owner: str, nodes: Sequence[Node], model: ColdStart) -> Cell:
        def scaler(function: Function) -> Scaler:
            bucket = Bucket(written.ramp.burst, written.ramp.per) if written.ramp is not None else None
            return Scaler(scaling(f"{owner}/{function.name}"), bucket)

        spec = CellSpec(
            platform=name,
            cold_start=model,
            most=written.most,
            rejects=written.when_full == "reject",
            reserves_cores=written.reserve_cores,
            layer_bytes={"bare": written.layers.bare, "language": written.layers.language},
        )
        askers = {kind: asker(kind, owner) for kind in ("placement", "admission", "keep_alive", "rebalancing")}
        if (
            number == 0 or written.regions
        ):  # cells that share a cold-start model share its pools: the first one's policy sizes them
            PoolSizes(site.clock, askers["keep_alive"], pools_of(model))
        batches = None if batching is None else lambda function: batching(f"{owner}/{function}")
        run = (site.clock, site.network, site.journal, account)
        return Cell(number, spec, nodes, *run, askers, scaler, site.numbers, batches)

    cells = [cell(number, *parts) for number, parts in enumerate(_cells(name, written, members, models))]
    platform = Platform(name, cells, asker("routing", name))
    for function, each in written.functions.items():
        platform.deploy(function_spec(function, each, written), function_uses(function, each, name, site.streams))
    return platform


def _cells(
    name: str, written: Written, members: Members, models: Mapping[str, ColdStart]
) -> list[tuple[str, Sequence[Node], ColdStart]]:
    """Return owner, nodes and cold-start model of each cell."""
    if written.regions:
        return [
            (f"{name}/{region}", members.of_all(each.on, f"platforms.{name}.regions.{region}.on"), models[region])
            for region, each in written.regions.items()
        ]
    nodes = members.of_all(written.places, f"platforms.{name}.on")
    if written.cells == "nodes":
        return [(f"{name}/{node.name}", [node], models[""]) for node in nodes]
    return [(name, nodes, models[""])]


def start_provisioned(platform: Platform, written: Written) -> None:
    """Make the provisioned instances, in the first cell that has room; raises ScenarioError if one finds none."""
    for name, function in written.functions.items():
        for number in range(function.provisioned):
            if not any(each.cell.starts.begin_ready(each) for each in platform.functions(name)):
                message = f"provisioned instance {number + 1} of {function.provisioned} finds no room on any node"
                raise ScenarioError([Problem(f"platforms.{platform.name}.functions.{name}.provisioned", message)])
