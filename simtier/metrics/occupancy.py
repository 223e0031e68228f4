"""How busy services, nodes and links were: time-weighted, from the intervals in the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simtier.metrics.reading import Columns, Row, Sums, Texts, batches, by_replication, grouped, overlap, total

Window = tuple[float, float]

_STAGES = (
    "replication",
    "service",
    "node",
    "device",
    "batch",
    "sent_s",
    "routed_s",
    "queued_s",
    "started_s",
    "finished_s",
    "busy_s",
)
_REPLICAS = ("replication", "service", "state", "memory_bytes", "start_s", "end_s")
_SUMS = ("visits", "served", "running_s", "waiting_s", "busy_s", "wait_s", "service_s", "batches")


def ratio(part: float, whole: float) -> float:
    """Return part / whole, 0 of nothing; what rounding put above 1 is cut off."""
    found = part / whole if whole else 0.0
    return 1.0 if 1 < found < 1 + 1e-9 else found


def visits(folder: Path, windows: Sequence[Window]) -> list[list[Row]]:
    """Return for each replication sums over the visits to each service on each node, clipped to its window (seconds), in one pass.

    Of each: service, node and device (empty for visits that left before a replica was chosen), visits (that reached a replica in the
    window), served (of these), running_s (request-seconds in service, a batch counting once), waiting_s (request-seconds in queues),
    busy_s (core- or accelerator-seconds), wait_s and service_s (sums over those served), batches.
    """
    texts, sums = Texts(), Sums(len(_SUMS))
    for batch in batches(folder / "stages.parquet", _STAGES, texts):
        for number, rows in by_replication(batch):
            sums.add(
                [np.full(len(rows["batch"]), number), rows["service"], rows["node"], rows["device"]],
                _sums(rows, windows[number]),
            )
    found: list[list[Row]] = [[] for _ in windows]
    names = ("service", "node", "device", *_SUMS)
    for (number, *where), values in sums.by_key.items():
        row = (*(texts.names[code] for code in where), *values.tolist())
        found[number].append(dict(zip(names, row, strict=True)))
    return found


def _sums(rows: Columns, window: Window) -> list[NDArray[np.float64]]:
    """Return the values to sum up, in the order of `_SUMS`."""
    queued, started, finished = rows["queued_s"], rows["started_s"], rows["finished_s"]
    size = np.maximum(rows["batch"], 1).astype(np.float64)
    in_service = overlap(started, finished, window)
    took = np.where(np.isnan(finished), window[1], finished) - started
    share = np.divide(in_service, took, out=np.zeros(len(took)), where=took > 0)
    left_queue = np.where(np.isnan(started), finished, started)
    left_service = np.where(np.isnan(rows["routed_s"]), finished, rows["routed_s"])
    counted = (queued >= window[0]) & (queued < window[1])
    done = counted & ~np.isnan(started + finished)
    return [
        counted.astype(np.float64),
        done.astype(np.float64),
        in_service / size,
        overlap(queued, left_queue, window) + overlap(rows["sent_s"], left_service, window),
        rows["busy_s"] * share,
        np.where(done, started - queued + rows["routed_s"] - rows["sent_s"], 0.0),
        np.where(done, finished - started, 0.0),
        done / size,
    ]


Iterated = Mapping[tuple[str, str, str], tuple[float, float]]
"""By service, node and device: device-seconds in which iterations ran, and joules drawn in them."""


def iterating(folder: Path, windows: Sequence[Window]) -> list[Iterated]:
    """Return for each replication how long accelerators of language models ran, and what they drew, clipped to its window.

    Several that a replica has for itself run together. Visits overlap there, so theirs tell only whose share it was.
    """
    texts, sums = Texts(), Sums(2)
    columns = ("replication", "service", "node", "device", "lanes", "begin_s", "end_s", "watts")
    for batch in batches(folder / "iterations.parquet", columns, texts):
        for number, rows in by_replication(batch):
            ran_s = overlap(rows["begin_s"], rows["end_s"], windows[number]) / rows["lanes"]
            keys = [np.full(len(ran_s), number), rows["service"], rows["node"], rows["device"]]
            sums.add(keys, [ran_s, rows["watts"] * ran_s])
    found: list[dict[tuple[str, str, str], tuple[float, float]]] = [{} for _ in windows]
    for (number, service, node, device), (ran_s, joules) in sums.by_key.items():
        names = texts.names[service], texts.names[node], texts.names[device]
        found[number][names] = float(ran_s) * len(texts.names[device].split("+")), float(joules)
    return [*found]


def replicas(folder: Path, windows: Sequence[Window]) -> list[list[Row]]:
    """Return for each replication sums over the states of replicas, clipped to its window.

    Of each: service, state, memory_bytes (of one), alive_s (replica-seconds), begun (how often the state began, in the whole run).
    """
    texts, sums = Texts(), Sums(2)
    sizes: dict[float, int] = {}
    for batch in batches(folder / "replicas.parquet", _REPLICAS, texts):
        for number, rows in by_replication(batch):
            alive_s = overlap(rows["start_s"], rows["end_s"], windows[number])
            keys = [rows["service"], rows["state"], _numbered(rows["memory_bytes"], sizes)]
            sums.add([np.full(len(alive_s), number), *keys], [alive_s, np.ones(len(alive_s))])
    found: list[list[Row]] = [[] for _ in windows]
    by_size = list(sizes)
    names = ("service", "state", "memory_bytes", "alive_s", "begun")
    for (number, service, state, size), values in sums.by_key.items():
        row = (texts.names[service], texts.names[state], by_size[size], *values.tolist())
        found[number].append(dict(zip(names, row, strict=True)))
    return found


def _numbered(values: NDArray[np.float64], known: dict[float, int]) -> NDArray[np.int64]:
    """Return a small number for each distinct value, the same over all batches."""
    distinct, places = np.unique(values, return_inverse=True)
    numbers = np.array([known.setdefault(float(value), len(known)) for value in distinct], dtype=np.int64)
    return numbers[places]


def service_metrics(
    seen: Sequence[Row], lived: Sequence[Row], slots: Mapping[str, int], window: Window
) -> dict[str, dict[str, Any]]:
    """Return for each service its time-weighted utilisation, mean queue and replicas, and means per request served.

    Utilisation is running requests (a batch counts once) over the slots of ready and draining replicas.
    """
    length = window[1] - window[0]
    found = {}
    seen_at, lived_as = grouped(seen, "service"), grouped(lived, "service")
    for name, slots_each in slots.items():
        mine, states = seen_at[name], grouped(lived_as[name], "state")
        ready_s, served = total(states["ready"], "alive_s"), total(mine, "served")
        serving_s = ready_s + total(states["draining"], "alive_s")
        found[name] = {
            "served": int(served),
            "utilisation": ratio(total(mine, "running_s"), serving_s * slots_each),
            "mean_queue": total(mine, "waiting_s") / length,
            "replicas": ready_s / length,
            "unplaced": int(total(states["unplaced"], "begun")),
            "mean_wait_s": total(mine, "wait_s") / served if served else None,
            "mean_service_s": total(mine, "service_s") / served if served else None,
            "mean_batch": served / total(mine, "batches") if served else None,
        }
    return found


def transfers(folder: Path, windows: Sequence[Window], group_of: Mapping[str, str]) -> list[list[Row]]:
    """Return for each replication sums over the messages of each link, clipped to its window.

    Of each: link, bytes, sending_s and waiting_s (message-seconds), messages, group.
    """
    texts, sums = Texts(), Sums(4)
    columns = ("replication", "link", "bytes", "queued_s", "started_s", "sent_s")
    for batch in batches(folder / "transfers.parquet", columns, texts):
        for number, rows in by_replication(batch):
            window, started, sent = windows[number], rows["started_s"], rows["sent_s"]
            sending = overlap(started, sent, window)
            took = sent - started
            at_once = ((sent >= window[0]) & (sent <= window[1])).astype(np.float64)
            inside = np.divide(sending, took, out=at_once, where=took > 0)
            values = [rows["bytes"] * inside, sending, overlap(rows["queued_s"], started, window), inside]
            sums.add([np.full(len(sent), number), rows["link"]], values)
    found: list[list[Row]] = [[] for _ in windows]
    names = ("link", "bytes", "sending_s", "waiting_s", "messages", "group")
    for (number, link), total_of in sums.by_key.items():
        row = (texts.names[link], *total_of.tolist(), group_of[texts.names[link]])
        found[number].append(dict(zip(names, row, strict=True)))
    return found
