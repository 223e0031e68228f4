"""The timeline: a sample of requests as a Chrome trace, to be opened in Perfetto.

Format: "Trace Event Format", Google 2016. Complete events ("X") on threads that never overlap, one asynchronous track a request
("b" and "e"), and arrows along each request (`bind_id`, `flow_in`, `flow_out`). Times are microseconds, exact to the nanosecond.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from simtier.metrics.reading import Texts, batches
from simtier.models.serverless.spec import COMPONENTS
from simtier.report.facts import Facts
from simtier.report.lanes import Lanes

MOST = 1_000
"""Requests in the timeline, at most."""
RULE = "the first {} requests of replication 0 that arrived after the warm-up"

_REQUESTS = ("replication", "request", "app", "workload", "source", "arrival_s", "end_s", "outcome")
_STAGES = (
    "replication",
    "request",
    "stage",
    "part",
    "service",
    "node",
    "replica",
    "batch",
    "queued_s",
    "started_s",
    "finished_s",
)
_TRANSFERS = ("replication", "request", "link", "bytes", "queued_s", "started_s", "sent_s", "delivered_s")

_STARTS = (
    "replication",
    "request",
    "service",
    "function",
    "node",
    "replica",
    "began_s",
    *(f"{name}_s" for name in COMPONENTS),
)

Event = dict[str, Any]


@dataclass
class _Slice:
    """One interval on one thread: a process, what the thread is called, nanoseconds, and what happened."""

    process: str
    thread: str
    start: int
    end: int
    name: str
    category: str
    request: int
    args: dict[str, Any] = field(default_factory=dict)


def timeline(facts: Facts) -> dict[str, Any]:
    """Return the timeline as a JSON object: `traceEvents` in order of time, and what it is in `otherData`."""
    requests = _first_requests(facts)
    wanted = np.array(sorted(row["request"] for row in requests), dtype=np.int64)
    slices = [*_starts(facts, wanted), *_visits(facts, wanted), *_messages(facts, wanted)]
    slices.sort(key=lambda each: (each.start, each.end, each.process, each.thread, each.request))
    processes = {name: number + 2 for number, name in enumerate(_processes(facts))}
    events = [*_async(requests, facts), *_complete(slices, processes)]
    events.sort(key=lambda event: (event["ts"], event["pid"], event["tid"], -event.get("dur", 0.0)))
    names = [_named("process_name", 1, 0, "requests"), *_names(processes)]
    return {
        "displayTimeUnit": "ms",
        "otherData": {
            "scenario": facts.scenario["name"],
            "fingerprint": facts.document["fingerprint"],
            "seed": facts.document["seed"],
            "sample": RULE.format(f"{MOST:,}"),
            "requests": len(requests),
            "time": "simulated",
        },
        "traceEvents": [*names, *_threads(events), *({k: v for k, v in e.items() if k != "thread"} for e in events)],
    }


def _first_requests(facts: Facts) -> list[dict[str, Any]]:
    """Return the requests of the sample in order of arrival."""
    texts = Texts()
    kept: list[dict[str, Any]] = []
    for batch in batches(facts.table("requests"), _REQUESTS, texts):
        rows = np.flatnonzero((batch["replication"] == 0) & (batch["arrival_s"] >= facts.warmup_s))
        order = np.lexsort((batch["request"][rows], batch["arrival_s"][rows]))[:MOST]
        for row in rows[order]:
            one = {name: batch[name][row].item() for name in _REQUESTS}
            kept.append(one | {name: texts.names[one[name]] for name in ("app", "workload", "source", "outcome")})
        kept = sorted(kept, key=lambda one: (one["arrival_s"], one["request"]))[:MOST]
    return kept


def _rows(facts: Facts, table: str, columns: tuple[str, ...], wanted: Any) -> Iterator[dict[str, Any]]:
    """Yield the rows of the sampled requests as dicts, texts as texts."""
    texts = Texts()
    schema = pq.read_schema(facts.table(table))
    coded = {name for name in columns if str(schema.field(name).type).startswith("dictionary")}
    for batch in batches(facts.table(table), columns, texts):
        for row in np.flatnonzero((batch["replication"] == 0) & np.isin(batch["request"], wanted)):
            yield {
                name: texts.names[batch[name][row]] if name in coded else batch[name][row].item() for name in columns
            }


def _visits(facts: Facts, wanted: Any) -> Iterator[_Slice]:
    """Yield waiting and service at replicas."""
    for row in _rows(facts, "stages", _STAGES, wanted):
        if row["replica"] < 0:
            continue  # it never got to a replica
        process = _node_process(facts, row["node"])
        thread = f"{row['service']} #{row['replica']} on {row['node']}"
        what = f"{row['stage']}: {row['part']}" if row["part"] else row["stage"]
        args = {key: row[key] for key in ("request", "stage", "part", "batch") if row[key] != ""}
        started = _ns(row["started_s"], _ns(row["finished_s"], _ns(facts.until_s)))
        finished = _ns(row["finished_s"], _ns(facts.until_s))
        yield _Slice(
            process,
            f"{thread}, waiting",
            _ns(row["queued_s"]),
            started,
            f"wait for {what}",
            "queue",
            row["request"],
            args,
        )
        if row["started_s"] == row["started_s"]:
            yield _Slice(process, f"{thread}, service", started, finished, what, "service", row["request"], args)


def _starts(facts: Facts, wanted: Any) -> Iterator[_Slice]:
    """Yield the components of the cold starts that sampled requests waited for and were first to be served by."""
    for row in _rows(facts, "starts", _STARTS, wanted):
        thread = f"{row['service']} #{row['replica']} on {row['node']}, starting"
        args = {key: row[key] for key in ("request", "function")}
        begin_s = row["began_s"]
        for component in COMPONENTS:
            end_s = min(begin_s + row[f"{component}_s"], facts.until_s)
            name = component.replace("_", " ")
            process = _node_process(facts, row["node"])
            yield _Slice(process, thread, _ns(begin_s), _ns(end_s), name, "start", row["request"], args)
            begin_s = end_s


def _messages(facts: Facts, wanted: Any) -> Iterator[_Slice]:
    """Yield waiting, transmission and propagation on links."""
    for row in _rows(facts, "transfers", _TRANSFERS, wanted):
        if row["started_s"] != row["started_s"]:
            continue  # it waited to the end of the run
        link, process = row["link"], f"link {facts.group_of_link.get(row['link'], row['link'])}"
        args = {"request": row["request"], "bytes": row["bytes"]}
        queued, started, sent = _ns(row["queued_s"]), _ns(row["started_s"]), _ns(row["sent_s"])
        delivered = _ns(row["delivered_s"], sent)
        yield _Slice(process, f"{link}, waiting", queued, started, "wait for the link", "queue", row["request"], args)
        yield _Slice(process, f"{link}, sending", started, sent, "send", "transfer", row["request"], args)
        yield _Slice(process, f"{link}, on the way", sent, delivered, "on the way", "transfer", row["request"], args)


def _complete(slices: Iterable[_Slice], processes: dict[str, int]) -> Iterator[Event]:
    """Yield complete events on lanes, those of a request joined by arrows; intervals without length are left out."""
    shown = [each for each in slices if each.end > each.start]
    last = {each.request: place for place, each in enumerate(shown)}
    lanes: dict[tuple[str, str], Lanes] = defaultdict(Lanes)
    threads: dict[tuple[str, str, int], int] = {}
    begun: set[int] = set()
    for place, each in enumerate(shown):
        lane = lanes[each.process, each.thread].take(each.start, each.end)
        tid = threads.setdefault((each.process, each.thread, lane), len(threads) + 1)
        event: Event = {
            "name": each.name,
            "cat": each.category,
            "ph": "X",
            "ts": each.start / 1000,
            "dur": (each.end - each.start) / 1000,
            "pid": processes[each.process],
            "tid": tid,
            "args": each.args,
            "thread": each.thread + (f" {lane + 1}" if lane else ""),
        }
        if last[each.request] != place or each.request in begun:
            event["bind_id"] = f"0x{each.request + 1:x}"
            event |= {"flow_in": True} if each.request in begun else {}
            event |= {"flow_out": True} if last[each.request] != place else {}
        begun.add(each.request)
        yield event


def _async(requests: Iterable[dict[str, Any]], facts: Facts) -> Iterator[Event]:
    """Yield the asynchronous track of each request, from its arrival to its end."""
    for row in requests:
        same = {"cat": "request", "id": f"0x{row['request'] + 1:x}", "pid": 1, "tid": 1, "name": row["app"]}
        args = {key: row[key] for key in ("request", "workload", "source", "outcome")}
        yield {**same, "ph": "b", "ts": _ns(row["arrival_s"]) / 1000, "args": args}
        yield {**same, "ph": "e", "ts": _ns(row["end_s"], _ns(facts.until_s)) / 1000}


def _processes(facts: Facts) -> list[str]:
    nodes = [f"{info['tier']} / {group}" for group, info in facts.layout["nodes"].items()]
    return [*nodes, *(f"link {group}" for group in facts.layout["links"])]


def _node_process(facts: Facts, node: str) -> str:
    return f"{facts.tier(node)} / {facts.group_of_node.get(node, node)}"


def _names(processes: dict[str, int]) -> Iterator[Event]:
    for name, pid in processes.items():
        yield _named("process_name", pid, 0, name)
        yield {"name": "process_sort_index", "ph": "M", "pid": pid, "tid": 0, "ts": 0, "args": {"sort_index": pid}}


def _threads(events: Iterable[Event]) -> list[Event]:
    named = {(event["pid"], event["tid"]): event["thread"] for event in events if "thread" in event}
    return [_named("thread_name", pid, tid, name) for (pid, tid), name in sorted(named.items())]


def _named(kind: str, pid: int, tid: int, name: str) -> Event:
    return {"name": kind, "ph": "M", "pid": pid, "tid": tid, "ts": 0, "args": {"name": name}}


def _ns(seconds: float, otherwise: int = 0) -> int:
    """Return whole nanoseconds; `otherwise` for NaN."""
    return round(seconds * 1e9) if seconds == seconds else otherwise  # noqa: PLR0124 - NaN differs from itself


def dump(trace: dict[str, Any]) -> str:
    """Return the timeline as text, an event a line."""
    head = {key: value for key, value in trace.items() if key != "traceEvents"}
    events = ",\n".join(json.dumps(event, separators=(",", ":"), allow_nan=False) for event in trace["traceEvents"])
    return json.dumps(head)[:-1] + ', "traceEvents": [\n' + events + "\n]}\n"
