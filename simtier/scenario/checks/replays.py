"""Whether a trace can be what a workload wants of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from simtier.scenario.services import App
from simtier.scenario.source import Steps
from simtier.scenario.workloads import Expansion, Workload

COUNTED = frozenset({"requests", "num_cold_starts"})
"""Metrics of public traces that count what happens in an interval. Others, of no unit, tell how many there are at a time."""
_SHARED_BY = {"session": "llm_requests", "function": "invocations"}


@dataclass(frozen=True)
class Head:
    """What the first rows of a trace tell, or of several in a row.

    Attributes:
        family: what the rows are.
        facts: what the file says of itself, of the first trace.
        last_s: when the last row lies or its interval ends, if that is known: for one trace, read whole.
        durations: for counts, whether a table of the functions' durations lies beside them.
    """

    family: str
    facts: Mapping[str, str]
    last_s: float | None
    durations: bool

    @property
    def words(self) -> str:
        """What the rows are, in words."""
        return _words(self.family)

    @property
    def counts(self) -> bool:
        """Whether numbers by the interval are counts; of a file of one's own they are taken to be."""
        public = "length_s" in self.facts
        return not self.facts.get("unit") and (not public or self.facts.get("metric") in COUNTED)


def trouble(
    workload_at: Steps, trace_at: Steps, name: str, workload: Workload, app: App | None, head: Head
) -> tuple[Steps, str] | None:
    """Return where and why the trace `name` cannot be replayed as `workload` says; None if it can, as far as is known."""
    families = _families(workload, app)
    if head.family not in families:
        return trace_at, _wrong_family(name, workload, head, families)
    if workload.expand is not None and not head.counts:
        unit = f" in {head.facts['unit']}" if head.facts.get("unit") else ""
        message = f"{name!r} holds {head.facts['metric']}{unit} by the interval, which counts no arrivals: `expand` needs a trace of requests"
        return (*workload_at, "expand"), message
    if workload.expand is not None and app is not None and (lacks := _lacks(workload.expand, app, head)):
        return (
            *workload_at,
            "expand",
        ), f"{name!r} tells no {lacks[0]}, which a stage of {workload.app!r} takes from it: {lacks[1]}"
    if workload.share_by is not None and _SHARED_BY[workload.share_by] != _replayed_as(head.family):
        message = f"{_words(_replayed_as(head.family))} have no {workload.share_by}, so none can be kept whole"
        return (*workload_at, "share_by"), message
    start_s = workload.window[0] if workload.window is not None else 0.0
    if head.last_s is not None and (start_s > head.last_s or (head.family == "rates" and start_s == head.last_s)):
        message = f"begins at {start_s:g} s of the trace, and {name!r} ends at {head.last_s:g} s: no request arrives"
        return (*workload_at, "window"), message
    return None


def _families(workload: Workload, app: App | None) -> tuple[str, ...]:
    """Return the families that can be this workload's requests: those that hold what the application's times are made of."""
    if workload.expand is not None:
        return ("rates",)
    tokens = app is not None and app.takes("per_input_token", "per_output_token")
    durations = app is not None and app.takes("duration")
    return tuple(family for family, fits in (("llm_requests", not durations), ("invocations", not tokens)) if fits)


def _wrong_family(name: str, workload: Workload, head: Head, families: tuple[str, ...]) -> str:
    if not families:
        return f"the stages of {workload.app!r} take tokens and durations, and no trace tells both"
    if head.family == "rates" and head.counts:
        return f"{name!r} holds counts: say by `expand` how they become arrivals, for example `expand: poisson`"
    if workload.expand is not None and head.family in ("llm_requests", "invocations"):
        return f"{name!r} holds {head.words}, which are arrivals already: leave `expand` out"
    takes = "tokens" if families == ("llm_requests",) else "durations" if families == ("invocations",) else ""
    because = f", for a stage of {workload.app!r} takes {takes}" if takes else ""
    return f"{name!r} holds {head.words}, where {' or '.join(map(_words, families))} are needed{because}"


def _lacks(expand: Expansion, app: App, head: Head) -> tuple[str, str] | None:
    """Return what the application takes and counts do not tell, and the way out; None if there is nothing."""
    if app.takes("per_input_token", "per_output_token"):
        return "tokens", "time the stage otherwise"
    if app.takes("duration") and expand.default_duration is None and not head.durations:
        return "durations", "give `default_duration`"
    return None


def _replayed_as(family: str) -> str:
    return "invocations" if family == "rates" else family


def _words(family: str) -> str:
    return {
        "bandwidth": "rates of a link",
        "llm_requests": "requests to a language model",
        "invocations": "invocations of functions",
        "cold_starts": "cold starts",
        "rates": "numbers by the interval",
        "availability": "numbers of instances",
    }.get(family, family)
