"""Metrics: functions of the journal's tables, computed after a run, batch by batch.

A new metric is a function here; no model knows of it.
"""

from simtier.metrics.summary import combined, summaries

__all__ = ["combined", "summaries"]
