"""The report of a result: one HTML page that needs nothing else, and a timeline for Perfetto. Reads files, never a live run."""

from simtier.report.page import write_report

__all__ = ["write_report"]
