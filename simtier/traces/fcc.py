"""FCC: fixed broadband throughput of Measuring Broadband America 2016, as cooked by Pensieve's authors.

Source: Mao, Netravali and Alizadeh, "Neural adaptive video streaming with Pensieve", SIGCOMM 2017; Xia et al.,
"Genet", SIGCOMM 2022. Rates were filtered to 0.2-6 Mbit/s: not a picture of today's broadband. Only files named
`trace_*` are FCC: the archive fcc_ori holds as many Norway HSDPA logs beside them. Items:
the file's name from `trace` on, with hyphens.
"""

from __future__ import annotations

from simtier.traces import two_column
from simtier.traces.dataset import Dataset, Place

FCC = Dataset(
    name="fcc",
    family="bandwidth",
    folders=("fcc", "bandwidth/fcc"),
    places=(
        Place("pensieve_val_FCC_val_Norway.tar.gz", r"data/abr/val_FCC/test_fcc_(trace_.+)"),
        Place("fcc_ori.tar.gz", r"fcc_ori/(?:cooked|test)_traces/(trace_.+?)(?:\.log)?"),
        Place("val_FCC/test_fcc_trace_*", r"test_fcc_(trace_.+)"),
        Place("fcc_ori/*_traces/trace_*", r"(trace_.+?)(?:\.log)?"),
        Place("*.txt", r"(.+)\.txt"),
    ),
    parse=two_column.parse,
)
