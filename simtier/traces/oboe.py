"""Oboe: throughput of video sessions, 428 traces of 49 steps. Items: `trace-0` to `trace-427`.

Source: Akhtar et al., "Oboe: auto-tuning video ABR algorithms to network conditions", SIGCOMM 2018. No file starts at
0; all are rebased to their first stamp.
"""

from __future__ import annotations

from simtier.traces import two_column
from simtier.traces.dataset import Dataset, Place

OBOE = Dataset(
    name="oboe",
    family="bandwidth",
    folders=("oboe", "bandwidth/oboe"),
    places=(
        Place("traces_oboe.tar.gz", r"traces_oboe/oboe_(trace_[0-9]+)\.txt"),
        Place("traces_oboe/oboe_trace_*.txt", r"oboe_(.+)\.txt"),
        Place("*.txt", r"(.+)\.txt"),
    ),
    parse=two_column.parse,
)
