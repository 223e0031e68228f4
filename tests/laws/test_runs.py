"""What must hold of every run, whatever the system: laws of the tables, over generated systems."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from playing import Played, play, played_once
from systems import systems

from simtier.models.tables import OUTCOMES
from simtier.scenario.services import Policies

laws = settings(
    derandomize=True, deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow], database=None
)
EXACT = 1e-9
NO_BATCHING = Policies().batching


def groups(frame: pd.DataFrame, *by: str) -> Iterator[tuple[Any, pd.DataFrame]]:
    """Yield the values of the columns `by` as a tuple, and the rows that have them."""
    yield from frame.groupby(list(by), observed=True)


def served(played: Played) -> pd.DataFrame:
    stages = played.stages
    return stages[stages["finished_s"].notna() & stages["started_s"].notna()]


def every_request_that_arrived_has_one_row_and_one_outcome(played: Played) -> None:
    requests = played.requests
    assert requests["request"].is_unique
    assert set(requests["outcome"]) <= set(OUTCOMES)
    assert set(played.stages["request"]) <= set(requests["request"])


def only_the_unfinished_have_no_end(played: Played) -> None:
    requests = played.requests
    unfinished = requests["outcome"] == "unfinished"
    assert (requests["end_s"].isna() == unfinished).all()
    ok = requests["outcome"] == "ok"
    assert requests.loc[ok, "served_s"].notna().all()


def causes_come_before_effects_in_requests(played: Played) -> None:
    requests = played.requests
    until = played.world.until_s
    assert (requests["arrival_s"] >= 0).all()
    assert (requests["arrival_s"] < played.world.scenario.run.duration).all()
    assert not (requests["end_s"] < requests["arrival_s"]).any()
    assert not (requests["end_s"] > until).any()
    assert not (requests["served_s"] < requests["arrival_s"]).any()
    ok = requests[requests["outcome"] == "ok"]
    assert (ok["served_s"] <= ok["end_s"]).all()


def causes_come_before_effects_in_stages(played: Played) -> None:
    stages = played.stages.merge(played.requests[["request", "arrival_s"]], on="request")
    order = ["arrival_s", "sent_s", "queued_s", "started_s", "finished_s"]
    for before, after in pairwise(order):
        assert not (stages[before] > stages[after]).any(), (before, after)
    assert not (stages["finished_s"] > played.world.until_s).any()


def causes_come_before_effects_in_transfers(played: Played) -> None:
    moved = played.transfers
    for before, after in (("queued_s", "started_s"), ("started_s", "sent_s"), ("sent_s", "delivered_s")):
        assert not (moved[before] > moved[after]).any(), (before, after)


def an_answer_leaves_after_all_the_last_stages(played: Played) -> None:
    ok = played.requests[played.requests["outcome"] == "ok"]
    last = played.stages.groupby("request")["finished_s"].max()
    assert (ok["served_s"].to_numpy() == last.reindex(ok["request"]).to_numpy()).all()


def each_stage_serves_a_request_that_ended_well_once(played: Played) -> None:
    apps = played.world.scenario.apps
    ok = played.requests[played.requests["outcome"] == "ok"].set_index("request")["app"]
    visits = served(played).groupby("request")["stage"].agg(["size", "nunique"])
    wanted = ok.map({name: sum(stage.copies for stage in app.stages.values()) for name, app in apps.items()})
    assert (visits.reindex(ok.index)["size"].to_numpy() == wanted.to_numpy()).all()
    wanted = ok.map({name: len(app.stages) for name, app in apps.items()})
    assert (visits.reindex(ok.index)["nunique"].to_numpy() == wanted.to_numpy()).all()


def nobody_refused_was_answered(played: Played) -> None:
    refused = played.requests[played.requests["outcome"] == "rejected"]
    apps = played.world.scenario.apps.items()
    chains = {n for n, app in apps if all(s.after is None and s.copies == 1 for s in app.stages.values())}
    left = refused[refused["app"].isin(chains)]
    assert left["served_s"].isna().all()
    last = {n: list(app.stages)[-1] for n, app in played.world.scenario.apps.items()}
    ends = served(played).merge(left[["request", "app"]], on="request")
    assert not (ends["stage"] == ends["app"].map(last)).any()


def timeouts_end_requests_at_the_very_moment(played: Played) -> None:
    requests = played.requests
    for name, app in played.world.scenario.apps.items():
        mine = requests[requests["app"] == name]
        late = mine[mine["outcome"] == "timed_out"]
        if app.timeout is None:
            assert late.empty
        else:
            assert (late["end_s"] == late["arrival_s"] + app.timeout).all()
            assert not (mine["end_s"] - mine["arrival_s"] > app.timeout * (1 + EXACT)).any()


def no_replica_serves_more_than_it_can(played: Played) -> None:
    services = played.world.scenario.services
    for (service, _), visits in groups(played.stages, "service", "replica"):
        written = services[service]
        began = visits[visits["started_s"].notna()]
        assert (began["batch"] <= written.max_batch).all()
        batched = written.accelerator or (written.policies.batching or NO_BATCHING).use != "none"
        ran = began.drop_duplicates(["started_s", "stage", "finished_s"]) if batched else began
        most = 1 if written.accelerator else written.concurrency
        if not batched or written.accelerator:
            assert peak(ran) <= most


def peak(visits: pd.DataFrame) -> int:
    """Return the most that ran at a time; what ends at an instant makes room for what begins then."""
    ran = visits[(visits["finished_s"] > visits["started_s"]) | visits["finished_s"].isna()]
    times = np.concatenate([ran["finished_s"].fillna(math.inf), ran["started_s"]])
    change = np.concatenate([-np.ones(len(ran)), np.ones(len(ran))])
    return int(np.cumsum(change[np.lexsort((change, times))]).max(initial=0))


def batches_are_as_large_as_they_say(played: Played) -> None:
    began = played.stages[played.stages["started_s"].notna() & (played.stages["batch"] > 1)]
    for (_, _, _, size), together in groups(began, "replica", "stage", "started_s", "batch"):
        assert len(together) % size == 0  # several batches of a replica on cores may start at one instant


def an_accelerator_runs_one_batch_at_a_time(played: Played) -> None:
    where = played.replicas.drop_duplicates("replica").set_index("replica")["device"]
    began = played.stages[played.stages["started_s"].notna()].copy()
    began["device"] = began["replica"].map(where)
    for (_, device), visits in began.dropna(subset="device").groupby(["node", "device"], observed=True):
        if device != "cpu":
            assert peak(visits.drop_duplicates(["replica", "stage", "started_s", "finished_s"])) <= 1


def nodes_are_never_overcommitted(played: Played) -> None:
    nodes = played.world.nodes
    lived = played.replicas[played.replicas["state"] != "unplaced"]
    for (name,), mine in groups(lived, "node"):
        node = nodes[name]
        columns = [("memory_bytes", node.memory_bytes)]
        if node.fair_cpu is None:
            columns.append(("cores", node.cores))
        for column, most in columns:
            times = np.concatenate([mine["end_s"], mine["start_s"]])
            change = np.concatenate([-mine[column], mine[column]])
            used = np.cumsum(change[np.lexsort((change, times))])
            assert used.max(initial=0) <= most * (1 + EXACT)


def nothing_is_left_once_all_is_over(played: Played) -> None:
    """Counters come back to zero: what was sent to a replica is finished, lost, or still in its queue."""
    if (played.requests["outcome"] == "unfinished").any() or played.world.scenario.run.drain < 60:
        return
    for service in played.world.services.values():
        assert (service.view.in_flight, service.view.queued) == (0, 0)
    held = [replica for replica in played.world.replicas.made if replica.state != "gone"]
    for replica in held:
        assert (replica.in_flight, replica.running, len(replica.queue)) == (0, 0, 0)
        assert replica.state != "draining"
    for node in played.world.nodes.values():
        mine = [replica.claim.cores for replica in held if replica.node is node]
        assert node.cores_free == pytest.approx(node.cores - (not node.fair_cpu) * sum(mine))
        assert node.replicas == len(mine)


def busy_seconds_are_times_in_service(played: Played) -> None:
    """Core-seconds never exceed what the replica's cores can give; on an accelerator a batch's shares add up to its time."""
    done = served(played)
    services = played.world.scenario.services
    where = played.replicas.drop_duplicates("replica").set_index("replica")["device"]
    for (service,), visits in groups(done, "service"):
        if services[service].accelerator:
            runs = visits.groupby(["replica", "started_s", "finished_s"], observed=True)["busy_s"].sum()
            spans = runs.index.get_level_values("finished_s") - runs.index.get_level_values("started_s")
            totals = runs.to_numpy() - spans.to_numpy()
            assert np.abs(totals).max() < EXACT * 100
            assert (visits["replica"].map(where) != "cpu").all()
        else:
            most = (visits["finished_s"] - visits["started_s"]) * services[service].cores
            assert (visits["busy_s"] <= most * (1 + EXACT) + EXACT).all()


def littles_law_holds_to_the_last_second(played: Played) -> None:
    """The integral of the number in the system is the sum of the times in it: an identity on every path."""
    requests, until = played.requests, played.world.until_s
    begins = requests["arrival_s"].to_numpy()
    ends = requests["end_s"].fillna(until).to_numpy()
    times = np.concatenate([begins, ends, [until]])
    change = np.concatenate([np.ones(len(begins)), -np.ones(len(ends)), [0.0]])
    order = np.argsort(times, kind="stable")
    number = np.cumsum(change[order])
    integral = float(np.sum(number[:-1] * np.diff(times[order])))
    assert integral == pytest.approx(float((ends - begins).sum()), rel=1e-9, abs=1e-9)


def the_samples_see_no_more_than_there_is(played: Played) -> None:
    samples = played.table("samples")
    assert (samples["value"] >= 0).all()
    running = samples[(samples["kind"] == "service") & (samples["metric"] == "running")]
    for (name, time), seen in groups(running, "name", "time_s"):
        stages = played.stages[played.stages["service"] == name]
        inside = (stages["started_s"] <= time) & ~(stages["finished_s"] <= time)
        assert seen["value"].tolist() == [inside.sum()]


LAWS: list[Callable[[Played], None]] = [
    every_request_that_arrived_has_one_row_and_one_outcome,
    only_the_unfinished_have_no_end,
    causes_come_before_effects_in_requests,
    causes_come_before_effects_in_stages,
    causes_come_before_effects_in_transfers,
    an_answer_leaves_after_all_the_last_stages,
    each_stage_serves_a_request_that_ended_well_once,
    nobody_refused_was_answered,
    timeouts_end_requests_at_the_very_moment,
    no_replica_serves_more_than_it_can,
    batches_are_as_large_as_they_say,
    an_accelerator_runs_one_batch_at_a_time,
    nodes_are_never_overcommitted,
    nothing_is_left_once_all_is_over,
    busy_seconds_are_times_in_service,
    littles_law_holds_to_the_last_second,
    the_samples_see_no_more_than_there_is,
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@laws
@given(system=systems())
def test_law(law: Callable[[Played], None], system: str) -> None:
    law(played_once(system))  # derandomised: every law is put to the same systems, so each is played once


@pytest.mark.slow
@settings(laws, max_examples=1500)
@given(system=systems())
def test_all_laws_hold_of_many_systems(system: str) -> None:
    played = play(json.loads(system))
    for law in LAWS:
        law(played)


def open_arrivals(played: Played) -> list[tuple[str, str, float]]:
    """Return workload, source and time of every arrival that no answer brought about, in order."""
    workloads = played.world.scenario.workloads
    opened = [name for name, written in workloads.items() if written.arrivals.process != "closed"]
    rows = played.requests[played.requests["workload"].isin(opened)]
    return sorted(rows[["workload", "source", "arrival_s"]].itertuples(index=False, name=None))


@laws
@given(system=systems())
def test_every_arrival_is_recorded_and_none_depends_on_what_becomes_of_it(system: str) -> None:
    """The same workloads arrive where nothing is decided, drawn, or waited for."""
    plain = json.loads(system)
    for app in plain["apps"].values():
        app["stages"] = {"only": {"service": next(iter(plain["services"])), "time": "0 s"}}
        app.pop("timeout", None)
    for service in plain["services"].values():
        service |= {"policies": {}, "replicas": 1}
    for link in plain["links"].values():
        for key in ("loss", "jitter", "retransmit_after"):
            link.pop(key, None)
    assert open_arrivals(played_once(system)) == open_arrivals(play(plain))


@laws
@given(system=systems())
def test_the_same_scenario_leaves_the_same_fingerprint(system: str) -> None:
    assert play(json.loads(system)).fingerprint == played_once(system).fingerprint


@laws
@given(system=systems())
def test_simpys_own_loop_leaves_the_same_fingerprint(system: str) -> None:
    assert play(json.loads(system), step=True).fingerprint == played_once(system).fingerprint


@laws
@given(system=systems())
def test_explaining_decisions_changes_nothing(system: str) -> None:
    assert play(json.loads(system), explain=20).fingerprint == played_once(system).fingerprint
