"""Public traces: found by name, read in place, one typed Arrow table per family of trace.

`find("norway-hsdpa/bus-1", search_directories([]))` says where a trace lies, `read` turns it into a `Trace`. Nothing
is ever downloaded: `traces/SOURCES.md` says where each dataset's official files are. The look-alikes of
`write_samples` have the same file formats and published statistics, so everything runs without the real data, and
says so.
"""

from __future__ import annotations

from simtier.traces.find import Found, available, find, find_all, search_directories
from simtier.traces.lookalike import write_samples
from simtier.traces.reading import Reading, Trace, open_trace, read

__all__ = [
    "Found",
    "Reading",
    "Trace",
    "available",
    "find",
    "find_all",
    "open_trace",
    "read",
    "search_directories",
    "write_samples",
]
