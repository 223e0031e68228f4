"""Huawei 2023: two clouds' functions by the minute and by the second; a private one over 235 days, a public one over 26.

Source: Joosen et al., "How Does It Function? Characterizing Long-term Trends in Production Serverless Workloads", SoCC 2023; files
`datasets/private_dataset/<metric>_minute/day_000.csv` .. `day_234.csv` (141 of them), `<metric>_second/`, and
`datasets/public_dataset/requests_minute/day_00.csv` .. `day_25.csv`, or the zip file of a metric. A row is an interval, a column a
function; `time` is the second at which it begins, counted from day 0, so that the day is not added again. Three digits of the day
tell a private file from a public one. The folder's name tells the metric, which the numbers do not.

Items: `private-requests-minute-day-000`, `public-requests-minute-day-00`.

- A blank is no sample and makes no row (fact `blank_cells`); a zero does. An absent row is unknown, not zero.
- Requests per minute are sums, delays per minute means of 60 means of a second. Usages are shares of the limit. The CPU limit is
  "normalized" by the publisher (0.45, 0.95, 1.95). Memory limits are given in MB, taken as 2**20 bytes.
- Platform delay is scheduling and some of the network, function delay is execution; both are means over a function's pods.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from simtier.errors import TraceError
from simtier.traces.columns import Number
from simtier.traces.dataset import About, Dataset, Place
from simtier.traces.ledger import Ledger
from simtier.traces.source import Source
from simtier.traces.wide import intervals
from simtier.units import parse as quantity

UNITS: Mapping[str, tuple[str, float]] = MappingProxyType(
    {
        "requests": ("", 1.0),
        "function_delay": ("s", 1.0),
        "platform_delay": ("s", 1.0),
        "cpu_usage": ("share of the limit", 1.0),
        "memory_usage": ("share of the limit", 1.0),
        "cpu_limit": ("normalized", 1.0),
        "memory_limit": ("B", quantity("1 MiB", "data")),
        "instances": ("", 1.0),
    }
)
"""The unit given out for each metric, and how many of it one of the file's is."""
LENGTHS: Mapping[str, float] = MappingProxyType({"minute": 60.0, "second": 1.0})


def read(source: Source, ledger: Ledger) -> Iterator[Any]:
    """Yield a metric's numbers of a day; raises TraceError if the folder's name tells no metric."""
    folder = source.folder
    metric, _, interval = folder.rpartition("_")
    if metric not in UNITS or interval not in LENGTHS:
        known = ", ".join(UNITS)
        raise TraceError(
            f"{source.label}: its folder {folder!r} does not say what the numbers are: call it as the release does, "
            f"one of {known} with _minute or _second after it"
        )
    unit, scale = UNITS[metric]
    ledger.facts.update(metric=metric, unit=unit, absent="unknown", length_s=repr(LENGTHS[interval]))
    yield from intervals(source, ledger, Number(scale=scale, blank=True), LENGTHS[interval])


def _places() -> Iterator[Place]:
    for cloud, digits in (("private", 3), ("public", 2)):
        item = rf".*?([a-z_]+_(?:minute|second))/(day_\d{{{digits}}})\.csv"
        for files in (f"**/*_*/day_{'?' * digits}.csv*", "**/*.zip"):
            yield Place(files, item, read, "rates", f"{cloud}-{{}}-{{}}")


HUAWEI_2023 = Dataset(
    name="huawei-2023",
    about=About(
        title="functions of a private and a public cloud by the minute and second: requests, delays, usage, instances",
        licence="CC BY 4.0",
        cite='Joosen et al., "How Does It Function? Characterizing Long-term Trends in Production Serverless Workloads", SoCC 2023',
        obtain="GitHub sir-lab/data-release, README_data_release_2023.md, which links to Google Drive",
    ),
    folders=("huawei-2023",),
    places=tuple(_places()),
)
