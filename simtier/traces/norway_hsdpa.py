"""Norway 3G/HSDPA: throughput along commute paths around Oslo, as cooked for adaptive video streaming.

Source: Riiser, Vigmostad, Griwodz and Halvorsen, "Commute path bandwidth traces from 3G networks", MMSys 2013; cooked
files as used by Kan et al., MM 2022. Items: `bus-1`, `car-2`, ... (80 whole files), `bus-13-part0`, ... (144 cut
parts, rebased).
"""

from __future__ import annotations

from simtier.traces import two_column
from simtier.traces.dataset import Dataset, Place

NORWAY_HSDPA = Dataset(
    name="norway-hsdpa",
    family="bandwidth",
    folders=("norway-hsdpa", "bandwidth/norway-hsdpa-3g"),
    places=(
        Place("cooked_3gp.tar.gz", r"(?:cooked|traces)_3gp/norway_(.+?)(?:\.log)?"),
        Place("*_3gp/norway_*", r"norway_(.+?)(?:\.log)?"),
        Place("*.txt", r"(.+)\.txt"),
    ),
    parse=two_column.parse,
)
