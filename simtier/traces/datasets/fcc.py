"""FCC: fixed broadband throughput of Measuring Broadband America 2016, as cooked by Pensieve's authors.

Source: Mao, Netravali and Alizadeh, "Neural adaptive video streaming with Pensieve", SIGCOMM 2017; Xia et al.,
"Genet", SIGCOMM 2022. Rates were filtered to 0.2-6 Mbit/s: not a picture of today's broadband. Only files named
`trace_*` are FCC: the archive fcc_ori holds as many Norway HSDPA logs beside them. Items:
the file's name from `trace` on, with hyphens.
"""

from __future__ import annotations

from simtier.traces import two_column
from simtier.traces.dataset import About, Dataset, Place

FCC = Dataset(
    name="fcc",
    about=About(
        title="fixed broadband in the United States, 2016: throughput",
        licence="measurements public, of a US federal agency; cooked files MIT",
        cite='Federal Communications Commission, "Measuring Broadband America", raw data 2016; Mao et al., "Neural adaptive video streaming with Pensieve", SIGCOMM 2017',
        obtain="GitHub GenetProject/Genet, data/abr/val_FCC; GitHub confiwent/Real-world-bandwidth-traces, fcc_ori",
    ),
    folders=("fcc", "bandwidth/fcc"),
    places=(
        Place(
            "pensieve_val_FCC_val_Norway.tar.gz", r"data/abr/val_FCC/test_fcc_(trace_.+)", two_column.read, "bandwidth"
        ),
        Place("fcc_ori.tar.gz", r"fcc_ori/(?:cooked|test)_traces/(trace_.+?)(?:\.log)?", two_column.read, "bandwidth"),
        Place("val_FCC/test_fcc_trace_*", r"val_FCC/test_fcc_(trace_.+)", two_column.read, "bandwidth"),
        Place(
            "fcc_ori/*_traces/trace_*",
            r"fcc_ori/(?:cooked|test)_traces/(trace_.+?)(?:\.log)?",
            two_column.read,
            "bandwidth",
        ),
        Place("*.txt", r"(.+)\.txt", two_column.read, "bandwidth"),
    ),
)
