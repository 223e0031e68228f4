"""Norway 3G/HSDPA: throughput along commute paths around Oslo, as cooked for adaptive video streaming.

Source: Riiser, Vigmostad, Griwodz and Halvorsen, "Commute path bandwidth traces from 3G networks", MMSys 2013; cooked
files as used by Kan et al., MM 2022. Items: `bus-1`, `car-2`, ... (80 whole files), `bus-13-part0`, ... (144 cut
parts, rebased).
"""

from __future__ import annotations

from simtier.traces import two_column
from simtier.traces.dataset import About, Dataset, Place

NORWAY_HSDPA = Dataset(
    name="norway-hsdpa",
    about=About(
        title="3G/HSDPA throughput on commute paths around Oslo",
        licence="MIT, of the repository with the cooked files",
        cite='Riiser et al., "Commute path bandwidth traces from 3G networks: analysis and applications", MMSys 2013',
        obtain="GitHub confiwent/Real-world-bandwidth-traces, cooked_3gp and traces_3gp",
    ),
    folders=("norway-hsdpa", "bandwidth/norway-hsdpa-3g"),
    places=(
        Place("cooked_3gp.tar.gz", r"(?:cooked|traces)_3gp/norway_(.+?)(?:\.log)?", two_column.read, "bandwidth"),
        Place("*_3gp/norway_*", r"(?:cooked|traces)_3gp/norway_(.+?)(?:\.log)?", two_column.read, "bandwidth"),
        Place("*.txt", r"(.+)\.txt", two_column.read, "bandwidth"),
    ),
)
