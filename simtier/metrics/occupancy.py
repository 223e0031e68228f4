"""How busy services, nodes and links were: time-weighted, from the intervals in the tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from simtier.metrics.reading import Sums, Texts, batches, overlap

Window = tuple[float, float]

_STAGES = ("replication", "service", "replica", "batch", "queued_s", "started_s", "finished_s", "busy_s")
_SUMS = ("visits", "served", "running_s", "waiting_s", "busy_s", "wait_s", "service_s", "batches")


def visits(folder: Path, replication: int, window: Window) -> pd.DataFrame:
    """Return sums over the visits of each replica, clipped to `window` (seconds).

    Columns: service, replica, visits (that reached the replica in the window), served (of these), running_s (request-seconds in
    service, a batch counting once), waiting_s (request-seconds in its queue), busy_s (core- or accelerator-seconds), wait_s and
    service_s (sums over those served), batches.
    """
    texts, sums = Texts(), Sums(len(_SUMS))
    for batch in batches(folder / "stages.parquet", _STAGES, texts):
        started, finished, queued = batch["started_s"], batch["finished_s"], batch["queued_s"]
        size = np.maximum(batch["batch"], 1).astype(np.float64)
        never = np.isnan(started)
        left_queue = np.where(never, finished, started)
        in_service = overlap(started, finished, window)
        whole = np.where(np.isnan(finished), window[1], finished) - started
        counted = (queued >= window[0]) & (queued < window[1])
        done = counted & ~never & ~np.isnan(finished)
        values = (
            counted.astype(float),
            done.astype(float),
            in_service / size,
            overlap(queued, left_queue, window),
            np.where(
                whole > 0,
                batch["busy_s"] * np.divide(in_service, whole, where=whole > 0, out=np.zeros(len(whole))),
                0.0,
            ),
            np.where(done, started - queued, 0.0),
            np.where(done, finished - started, 0.0),
            np.where(done, 1 / size, 0.0),
        )
        mine = batch["replication"] == replication
        sums.add([batch["service"][mine], batch["replica"][mine]], [value[mine] for value in values])
    rows = [(texts.names[service], replica, *total) for (service, replica), total in sums.by_key.items()]
    return pd.DataFrame(rows, columns=["service", "replica", *_SUMS])


def replicas(folder: Path, replication: int, window: Window) -> pd.DataFrame:
    """Return the replicas table of one replication with `alive_s`, the part of each interval inside `window`."""
    table = pq.read_table(folder / "replicas.parquet").to_pandas()
    table = table[table["replication"] == replication].copy()
    table["alive_s"] = overlap(table["start_s"].to_numpy(), table["end_s"].to_numpy(), window)
    return table


def service_metrics(
    seen: pd.DataFrame, lived: pd.DataFrame, slots: Mapping[str, int], window: Window
) -> dict[str, dict[str, Any]]:
    """Return for each service its time-weighted utilisation, mean queue and replicas, and means per request served.

    Utilisation is running requests (a batch counts once) over the slots of ready and draining replicas.
    """
    length = window[1] - window[0]
    found = {}
    for name, slots_each in slots.items():
        mine = seen[seen["service"] == name].sum(numeric_only=True) if len(seen) else seen.sum(numeric_only=True)
        states = lived[lived["service"] == name]
        serving = float(states.loc[states["state"].isin(["ready", "draining"]), "alive_s"].sum())
        served = float(mine.get("served", 0.0))
        found[name] = {
            "served": int(served),
            "utilisation": float(mine.get("running_s", 0.0)) / (serving * slots_each) if serving else 0.0,
            "mean_queue": float(mine.get("waiting_s", 0.0)) / length,
            "replicas": float(states.loc[states["state"] == "ready", "alive_s"].sum()) / length,
            "unplaced": int((states["state"] == "unplaced").sum()),
            "mean_wait_s": float(mine["wait_s"]) / served if served else None,
            "mean_service_s": float(mine["service_s"]) / served if served else None,
            "mean_batch": served / float(mine["batches"]) if served else None,
        }
    return found


def transfers(folder: Path, replication: int, window: Window, group_of: Mapping[str, str]) -> pd.DataFrame:
    """Return sums over the messages of each link, clipped to `window`: bytes, sending_s, waiting_s, messages, lost; by link."""
    texts, sums = Texts(), Sums(4)
    columns = ("replication", "link", "bytes", "queued_s", "started_s", "sent_s")
    for batch in batches(folder / "transfers.parquet", columns, texts):
        mine = batch["replication"] == replication
        started, sent, queued = batch["started_s"], batch["sent_s"], batch["queued_s"]
        sending = overlap(started, sent, window)
        whole = np.where(sent > started, sent - started, 1.0)
        inside = np.where(sent > started, sending / whole, (sent >= window[0]) & (sent <= window[1]))
        values = (batch["bytes"] * inside, sending, overlap(queued, started, window), inside)
        sums.add([batch["link"][mine]], [value[mine] for value in values])
    rows = [(texts.names[link], *total) for (link,), total in sums.by_key.items()]
    table = pd.DataFrame(rows, columns=["link", "bytes", "sending_s", "waiting_s", "messages"])
    table["group"] = [group_of[name] for name in table["link"]]
    return table
