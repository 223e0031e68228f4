"""Laws of the tables that a run of a platform leaves: requests and visits, starts and what serves whom."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from platform_playing import ENDS, started, starts, visits
from playing import Played

from simtier.models.serverless.spec import COMPONENTS
from simtier.models.tables import OUTCOMES

EXACT = 1e-9
FORESEEING = ("timer_prewarm", "hybrid_histogram", "rainbowcake")


def groups(frame: pd.DataFrame, *by: str) -> Iterator[tuple[Any, pd.DataFrame]]:
    """Yield the values of the columns `by` as a tuple, and the rows that have them."""
    yield from frame.groupby(list(by), observed=True)


def used(policy: Any) -> str:
    """Return a policy's name."""
    return str(policy.use)


def peak(begins: Any, ends: Any, each: Any = 1.0) -> float:
    """Return the most that there is at a time; what ends at an instant makes room for what begins then."""
    weights = np.broadcast_to(each, len(begins))
    times = np.concatenate([np.asarray(ends), np.asarray(begins)])
    change = np.concatenate([-weights, weights])
    return float(np.cumsum(change[np.lexsort((change, times))]).max(initial=0.0))


def instances(played: Played) -> pd.DataFrame:
    """Return the states of instances that took time, with their cell."""
    rows = played.replicas[(played.replicas["replica"] >= 0) & ~played.replicas["state"].isin(ENDS)].copy()
    rows["cell"] = cells(played, rows["node"])
    return rows


def cells(played: Played, nodes: pd.Series[Any]) -> pd.Series[Any]:
    """Return the cell of each node."""
    written = played.world.scenario.platforms["faas"]
    if written.regions:
        return nodes.map(lambda node: node.split("-")[0])
    return nodes if written.cells == "nodes" else nodes.map(lambda _: "all")


def every_request_has_one_row_and_one_outcome(played: Played) -> None:
    requests = played.requests
    assert requests["request"].is_unique
    assert set(requests["outcome"]) <= set(OUTCOMES)
    assert set(played.stages["request"]) <= set(requests["request"])
    assert (requests["end_s"].isna() == (requests["outcome"] == "unfinished")).all()


def every_visit_has_one_row(played: Played) -> None:
    stages, apps = played.stages, played.world.scenario.apps
    copies = {(name, stage): each.copies for name, app in apps.items() for stage, each in app.stages.items()}
    rows = stages.merge(played.requests[["request", "app"]], on="request").groupby(["app", "stage", "request"]).size()
    assert all(number <= copies[app, stage] for (app, stage, _), number in rows.items())
    ok = played.requests[played.requests["outcome"] == "ok"].set_index("request")["app"]
    done = stages[stages["finished_s"].notna() & stages["started_s"].notna()].groupby("request").size()
    wanted = ok.map({name: sum(stage.copies for stage in app.stages.values()) for name, app in apps.items()})
    assert (done.reindex(ok.index).to_numpy() == wanted.to_numpy()).all()


def causes_come_before_effects(played: Played) -> None:
    stages = played.stages.merge(played.requests[["request", "arrival_s"]], on="request")
    for before, after in pairwise(["arrival_s", "sent_s", "routed_s", "queued_s", "started_s", "finished_s"]):
        assert not (stages[before] > stages[after]).any(), (before, after)
    assert not (stages["finished_s"] > played.world.until_s).any()
    assert not (played.requests["end_s"] < played.requests["arrival_s"]).any()


def everything_is_served_if_there_is_time(played: Played) -> None:
    """Nobody waits for ever: provisioned instances apart, all memory can be had by whoever needs it."""
    written = played.world.scenario
    if written.run.drain >= 60 and not any(f.provisioned for f in written.platforms["faas"].functions.values()):
        assert not (played.requests["outcome"] == "unfinished").any()


def only_who_may_be_turned_away_is(played: Played) -> None:
    written = played.world.scenario.platforms["faas"]
    lacked_room = (played.replicas["state"] == "unplaced").any()
    bounded = written.concurrency_limit is not None or (written.when_full == "reject" and lacked_room)
    if not bounded and written.policies.admission is not None and used(written.policies.admission) == "everyone":
        assert not (played.requests["outcome"] == "rejected").any()


def executions_are_cut_off_at_the_limit_of_time(played: Played) -> None:
    written = played.world.scenario.platforms["faas"]
    failed = set(played.requests.loc[played.requests["outcome"] == "failed", "request"])
    cut: set[int] = set()
    for name, function in written.functions.items():
        rows = visits(played)
        rows = rows[(rows["part"] == name) & rows["finished_s"].notna()]
        if function.time_limit is not None:
            took = rows["finished_s"] - rows["started_s"]
            assert not (took > function.time_limit * (1 + EXACT)).any()
            cut |= set(rows.loc[took >= function.time_limit * (1 - EXACT), "request"])
    assert failed <= cut
    ok = set(played.requests.loc[played.requests["outcome"] == "ok", "request"])
    assert not ok & {request for request in cut if request not in failed and len(written.functions) == 1}


def the_limit_of_concurrency_is_never_passed(played: Played) -> None:
    limit = played.world.scenario.platforms["faas"].concurrency_limit
    joins = any(
        s.after is not None and len(s.after) > 1 for a in played.world.scenario.apps.values() for s in a.stages.values()
    )
    if limit is not None and not joins:
        rows = played.stages
        assert peak(rows["sent_s"], rows["finished_s"].fillna(np.inf)) <= limit


def no_nodes_memory_is_ever_exceeded(played: Played) -> None:
    for (name,), mine in groups(instances(played), "node"):
        node = played.world.nodes[name]
        assert peak(mine["start_s"], mine["end_s"], mine["memory_bytes"]) <= node.memory_bytes * (1 + EXACT)
        assert peak(mine["start_s"], mine["end_s"], mine["cores"]) <= node.cores * (1 + EXACT)


def cores_are_reserved_if_and_only_if_the_platform_says_so(played: Played) -> None:
    written = played.world.scenario.platforms["faas"]
    for (name,), mine in groups(instances(played), "function"):
        whole = mine[mine["memory_bytes"] == memory(played, name)]
        cores = written.functions[name].cores if name in written.functions else None
        assert set(whole["cores"]) <= {(cores or 1.0) if written.reserve_cores else 0.0}


def memory(played: Played, function: str) -> float:
    """Return the memory of an instance of a function."""
    written = played.world.scenario.platforms["faas"]
    known = written.functions.get(function, written.traced)
    assert known is not None
    return known.memory


def no_instance_serves_more_than_its_slots(played: Played) -> None:
    written = played.world.scenario.platforms["faas"]
    for (function, _), mine in groups(visits(played), "part", "replica"):
        known = written.functions.get(function, written.traced)
        assert known is not None
        ran = mine[~(mine["finished_s"] <= mine["started_s"])]
        each = 1 / ran["batch"]  # a batch takes one slot
        assert peak(ran["started_s"], ran["finished_s"].fillna(np.inf), each) <= known.concurrency * (1 + EXACT)


def states_follow_each_other_without_gap_or_overlap(played: Played) -> None:
    rows = played.replicas[played.replicas["replica"] >= 0]
    until = played.world.until_s
    for _, mine in groups(rows, "replica"):
        lasting = mine[~mine["state"].isin(ENDS)].sort_values("start_s")
        assert (lasting["start_s"] < lasting["end_s"]).all()
        assert np.allclose(lasting["start_s"].to_numpy()[1:], lasting["end_s"].to_numpy()[:-1], rtol=0, atol=EXACT)
        ends = mine[mine["state"].isin(ENDS)]
        last = lasting["end_s"].max() if len(lasting) else until
        if ends.empty:
            assert last == until
        else:
            assert len(ends) == 1
            assert (ends["start_s"] == ends["end_s"]).all()
            assert not len(lasting) or abs(last - ends["end_s"].iloc[0]) <= EXACT


def an_instance_is_busy_exactly_while_it_has_requests(played: Played) -> None:
    """While it is idle nothing runs there; while it is busy something runs, or is on its way or awaited there."""
    rows = instances(played)
    idle = rows[rows["state"] == "idle"]
    ran = visits(played)
    both = ran.merge(idle, on="replica")
    overlap = both[["finished_s", "end_s"]].min(axis=1) - both[["started_s", "start_s"]].max(axis=1)
    assert not (overlap > EXACT).any()


def components_make_up_the_start(played: Played) -> None:
    rows = starts(played)
    parts = rows[[f"{name}_s" for name in COMPONENTS]]
    assert (parts >= 0).all(axis=None)
    done = started(played)
    assert np.allclose(done["ready_s"] - done["began_s"], done["seconds"], rtol=0, atol=EXACT)
    assert rows["replica"].is_unique


def components_are_the_states_of_a_start(played: Played) -> None:
    rows = instances(played)
    took = (rows["end_s"] - rows["start_s"]).groupby([rows["replica"], rows["state"]]).sum()
    done = started(played).set_index("replica")
    for name in COMPONENTS:
        seen = took.reindex(pd.MultiIndex.from_product([done.index, [name]])).fillna(0.0).to_numpy()
        assert np.allclose(done[f"{name}_s"], seen, rtol=0, atol=EXACT)


def nothing_is_served_before_its_instance_is_ready(played: Played) -> None:
    """A cold execution sets out when its instance becomes ready, a warm one to an instance that was there."""
    routed = played.stages[played.stages["routed_s"].notna()]
    ready = starts(played).set_index("replica")["ready_s"]
    since = routed["replica"].map(ready)
    provisioned = ~routed["replica"].isin(ready.index)
    assert (since[~provisioned] <= routed.loc[~provisioned, "routed_s"]).all()
    cold = routed["start"] == "cold"
    assert not (cold & provisioned).any()
    assert (routed.loc[cold, "routed_s"] == since[cold]).all()


def a_start_is_first_used_by_the_request_it_names(played: Played) -> None:
    named = starts(played)
    named = named[named["request"] >= 0]
    lost = set(played.requests.loc[played.requests["outcome"] == "dropped", "request"])
    rows = played.stages[played.stages["start"] == "cold"][["request", "replica"]]
    found = named.merge(rows, on=["request", "replica"], how="left", indicator=True)
    missing = found[found["_merge"] == "left_only"]
    open_ends = set(
        played.requests.loc[
            played.requests["outcome"].isin(["unfinished", "timed_out", "rejected", "failed"]), "request"
        ]
    )
    assert set(missing["request"]) <= lost | open_ends


def nothing_starts_while_an_instance_is_idle(played: Played) -> None:
    """On demand an instance starts only if a request finds none, or ahead of need if there is none at all."""
    policies = played.world.scenario.platforms["faas"].policies
    if used(policies.autoscaling) != "on_demand":
        return
    rows, began = instances(played), starts(played)
    began["cell"] = cells(played, began["node"])
    for (function, cell), mine in groups(began, "function", "cell"):
        idle = rows[(rows["function"] == function) & (rows["cell"] == cell) & (rows["state"] == "idle")]
        idle = idle[idle["memory_bytes"] == memory(played, function)]
        for at_s in mine["began_s"]:
            assert not ((idle["start_s"] < at_s) & (idle["end_s"] > at_s)).any()


def no_function_has_more_instances_than_it_may(played: Played) -> None:
    most = played.world.scenario.platforms["faas"].most
    rows = instances(played)
    for (function, _), mine in groups(rows[rows["state"] != "draining"], "function", "cell"):
        whole = mine[mine["memory_bytes"] == memory(played, function)]
        assert peak(whole["start_s"], whole["end_s"]) <= most


def a_ramp_is_kept(played: Played) -> None:
    written = played.world.scenario.platforms["faas"]
    assert written.policies.keep_alive is not None
    if written.ramp is None or used(written.policies.keep_alive) in FORESEEING:
        return
    began = starts(played)
    began["cell"] = cells(played, began["node"])
    for _, mine in groups(began, "function", "cell"):
        times = np.sort(mine["began_s"].to_numpy())
        for k in range(1, len(times)):
            allowed = written.ramp.burst * (1 + (times[k:] - times[:-k]) / written.ramp.per)
            assert (k + 1 <= allowed + 1e-6).all()


def nothing_is_left_once_all_is_over(played: Played) -> None:
    """Counters come back to zero, and memory is held by the instances there are."""
    if (played.requests["outcome"] == "unfinished").any() or played.world.scenario.run.drain < 60:
        return
    platform = played.world.platforms["faas"]
    for cell in platform.cells:
        assert (cell.in_flight, cell.account.in_flight) == (0, 0)
        for function in cell.functions.values():
            assert (function.in_flight, function.running, len(function.waiting)) == (0, 0, 0)
            assert not function.draining
            assert not function.partly
            assert all(instance.in_flight == 0 for instance in function.ready)
            assert set(function.ready) == set(function.idle)
        for node in cell.nodes:
            rows = instances(played)
            held = rows[(rows["node"] == node.name) & (rows["end_s"] == played.world.until_s)]
            assert node.memory_free_bytes == pytest.approx(node.memory_bytes - held["memory_bytes"].sum(), abs=1.0)


LAWS: list[Callable[[Played], None]] = [
    every_request_has_one_row_and_one_outcome,
    every_visit_has_one_row,
    causes_come_before_effects,
    everything_is_served_if_there_is_time,
    only_who_may_be_turned_away_is,
    executions_are_cut_off_at_the_limit_of_time,
    the_limit_of_concurrency_is_never_passed,
    no_nodes_memory_is_ever_exceeded,
    cores_are_reserved_if_and_only_if_the_platform_says_so,
    no_instance_serves_more_than_its_slots,
    states_follow_each_other_without_gap_or_overlap,
    an_instance_is_busy_exactly_while_it_has_requests,
    components_make_up_the_start,
    components_are_the_states_of_a_start,
    nothing_is_served_before_its_instance_is_ready,
    a_start_is_first_used_by_the_request_it_names,
    nothing_starts_while_an_instance_is_idle,
    no_function_has_more_instances_than_it_may,
    a_ramp_is_kept,
    nothing_is_left_once_all_is_over,
]
