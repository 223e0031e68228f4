"""Oboe: throughput of video sessions, 428 traces of 49 steps. Items: `trace-0` to `trace-427`.

Source: Akhtar et al., "Oboe: auto-tuning video ABR algorithms to network conditions", SIGCOMM 2018. No file starts at
0; all are rebased to their first stamp.
"""

from __future__ import annotations

from simtier.traces import two_column
from simtier.traces.dataset import About, Dataset, Place

OBOE = Dataset(
    name="oboe",
    about=About(
        title="throughput of 428 video sessions",
        licence="MIT, of the repository with the files",
        cite='Akhtar et al., "Oboe: auto-tuning video ABR algorithms to network conditions", SIGCOMM 2018',
        obtain="GitHub confiwent/Real-world-bandwidth-traces, traces_oboe",
    ),
    folders=("oboe", "bandwidth/oboe"),
    places=(
        Place("traces_oboe.tar.gz", r"traces_oboe/oboe_(trace_[0-9]+)\.txt", two_column.read, "bandwidth"),
        Place("traces_oboe/oboe_trace_*.txt", r"traces_oboe/oboe_(.+)\.txt", two_column.read, "bandwidth"),
        Place("*.txt", r"(.+)\.txt", two_column.read, "bandwidth"),
    ),
)
