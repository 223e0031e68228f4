"""Public traces: found by name, read in place, one typed Arrow table per family of trace.

`find("norway-hsdpa/bus-1", search_directories([]))` says where a trace lies, `open_trace` reads it as a stream of record batches, `read`
whole. Where no official file is, the checkout's `traces/` has a look-alike (`simtier.traces.samples`) with the same format and published
statistics, so everything runs without the real data, and says so.
"""

from __future__ import annotations

from simtier.traces.find import Found, available, find, find_all, search_directories
from simtier.traces.reading import Reading, Trace, open_trace, read

__all__ = ["Found", "Reading", "Trace", "available", "find", "find_all", "open_trace", "read", "search_directories"]
