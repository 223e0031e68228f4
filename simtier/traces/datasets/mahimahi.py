"""Mahimahi: when a link could send a packet, as the network emulator of that name records and replays it.

Source: Netravali et al., "Mahimahi: Accurate Record-and-Replay for HTTP", USENIX ATC 2015. A line holds the millisecond at which one packet
of 1,500 bytes may leave; a repeated value means several packets in it. The file starts again after its last stamp. Read as a rate: the
packets of stamp t, in milliseconds, leave evenly during the millisecond that ends at t (stamp 0 counts to the first), and equal rates of
neighbouring milliseconds are one row, so that the bytes of a period are exactly those of the file. A gap is a rate of zero. Recordings
last minutes, so a file is read whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from simtier.errors import TraceError
from simtier.traces import text
from simtier.traces.dataset import About, Dataset, Place
from simtier.traces.ledger import Ledger
from simtier.traces.source import Source
from simtier.traces.tables import batch

PACKET_BYTES = 1500
_LONGEST_MS = 2**31


def read(source: Source, ledger: Ledger) -> Iterator[Any]:
    """Yield the rates of a file, whole."""
    stamps = _stamps(source, ledger)
    if not stamps:
        return
    if stamps[-1] == 0:
        raise TraceError(f"{source.label}: the last stamp is 0 ms, so the trace has no length")
    first, counts = _runs(np.maximum(np.array(stamps), 1) - 1)
    ledger.facts["period_s"] = repr(stamps[-1] / 1000)
    ledger.facts["origin_s"] = "0.0"
    ledger.note(
        f"{len(stamps)} packets of {PACKET_BYTES} bytes made {len(first)} rates; the trace starts again at its last stamp"
    )
    ledger.unfolded += len(first) - len(stamps)
    columns = {"time_s": first / 1000, "rate_bytes_per_s": counts * (PACKET_BYTES * 1000.0)}
    yield batch("bandwidth", columns, len(first))


def _runs(milliseconds: Any) -> tuple[Any, Any]:
    """Return the milliseconds in which another number of packets begins to leave, from 0 on, and those numbers."""
    busy, counts = np.unique(milliseconds, return_counts=True)
    begins = np.concatenate(
        [[0], busy, busy + 1]
    )  # of equal ones the last holds: silence at first and after a packet, then packets
    numbers = np.concatenate([[0], counts, np.zeros_like(counts)])
    order = np.lexsort((numbers, begins))
    begins, numbers = begins[order], numbers[order]
    last = np.append(begins[1:] != begins[:-1], True)
    begins, numbers = begins[last][:-1], numbers[last][:-1]  # without the silence after the end
    new = np.concatenate([[True], numbers[1:] != numbers[:-1]])
    return begins[new], numbers[new]


def _stamps(source: Source, ledger: Ledger) -> list[int]:
    label = source.label
    stamps: list[int] = []
    for line, row in enumerate(text.decode(label, source.read_bytes()).split("\n"), start=1):
        field = row.strip()
        if not field:
            continue
        ledger.rows_read += 1
        try:
            stamps.append(_stamp(label, line, field, stamps[-1] if stamps else 0))
        except TraceError:
            if not ledger.tolerant:
                raise
            ledger.drop("not a millisecond, or one that goes back")
    return stamps


def _stamp(label: str, line: int, field: str, before: int) -> int:
    stamp = text.whole(label, line, 1, field)
    if stamp < before:
        raise text.wrong(label, line, 1, f"time goes back from {before} to {stamp} ms")
    if stamp >= _LONGEST_MS:
        raise text.wrong(label, line, 1, f"{stamp} ms is more than 24 days, longer than any such trace")
    return stamp


MAHIMAHI = Dataset(
    name="mahimahi",
    about=About(
        title="packet opportunities of cellular links, by the millisecond",
        licence="of the recordings: see the emulator's repository",
        cite='Netravali et al., "Mahimahi: Accurate Record-and-Replay for HTTP", USENIX ATC 2015',
        obtain="GitHub ravinet/mahimahi, folder traces",
    ),
    folders=("mahimahi", "bandwidth/mahimahi"),
    places=(Place("*", r"([A-Za-z0-9][A-Za-z0-9_.-]*\.(?:up|down|mahi|trace|pps))", read, "bandwidth"),),
)
