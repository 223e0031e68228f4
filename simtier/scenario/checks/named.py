"""What a scenario names outside itself: policies and traces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from simtier.errors import PolicyError, Problem, TraceError
from simtier.scenario.base import Part, PolicyRef, Traced
from simtier.scenario.checks.facts import Facts
from simtier.scenario.source import Steps
from simtier.scenario.topology import Trace
from simtier.scenario.workloads import Workload

if TYPE_CHECKING:
    from simtier.traces import Found
    from simtier.traces.ledger import OnError

HEAD_ROWS = 200_000
"""A trace is checked up to here; what is wrong further on ends the run, with its place."""


def policies(facts: Facts) -> Iterator[Problem]:
    """Yield policies that cannot be loaded, and wrong parameters."""
    from simtier.catalogue.policies import load_policy  # noqa: PLC0415 - only checking needs the policies' modules

    for path, kind, ref in _references(facts):
        try:
            load_policy(kind, ref.use, ref.given, facts.scenario.folder)
        except PolicyError as error:
            for message in str(error).splitlines():
                yield facts.problem(path, message)


def _references(facts: Facts) -> Iterator[tuple[Steps, str, PolicyRef]]:
    """Yield every policy of the scenario with its path and its kind."""
    owners: list[tuple[Steps, Part]] = [(("policies",), facts.scenario.policies)]
    owners += [(("services", name, "policies"), each.policies) for name, each in facts.scenario.services.items()]
    owners += [(("apps", name, "policies"), each.policies) for name, each in facts.scenario.apps.items()]
    for path, owner in owners:
        for kind in type(owner).model_fields:
            ref = getattr(owner, kind)
            if ref is not None:
                yield (*path, kind), kind, ref


def traces(facts: Facts, directories: Sequence[Path]) -> Iterator[Problem]:
    """Yield traces that are missing, damaged, or of another family than is needed; a long one is read to `HEAD_ROWS`."""
    from simtier.traces import find_all, search_directories  # noqa: PLC0415 - loads pyarrow, only needed with traces

    searched = search_directories(directories)
    verdicts: dict[tuple[str, OnError], tuple[str, str]] = {}
    for path, name, families, on_error in _traces(facts):
        if (name, on_error) not in verdicts:
            try:
                found = find_all(name, searched, facts.scenario.folder)
                verdicts[name, on_error] = (_family(found, on_error), "")
            except TraceError as error:
                verdicts[name, on_error] = ("", str(error))
        held, trouble = verdicts[name, on_error]
        if trouble:
            yield facts.problem(path, trouble)
        elif held not in families:
            yield facts.problem(path, _wrong_family(name, held, families))


def _family(found: Sequence[Found], on_error: OnError) -> str:
    """Return what the traces hold, having read the first rows of each; raises TraceError."""
    from simtier.traces import open_trace  # noqa: PLC0415 - as above

    for each in found:
        rows = 0
        for part in open_trace(each, on_error).batches():
            rows += part.num_rows
            if rows > HEAD_ROWS:
                break
    return open_trace(found[0], on_error).family


def _traces(facts: Facts) -> Iterator[tuple[Steps, str, tuple[str, ...], OnError]]:
    """Yield every trace of the scenario: its path, its name, the families that will do, and what a bad row does."""
    for name, link in facts.scenario.links.items():
        for direction, path in ((link, ("links", name)), (link.back, ("links", name, "back"))):
            bandwidth = None if isinstance(direction, str) else direction.bandwidth
            if isinstance(bandwidth, Trace):
                yield (*path, "bandwidth", "trace"), bandwidth.trace, ("bandwidth",), "fail"
    for name, workload in facts.scenario.workloads.items():
        families = _replayable(facts, workload)
        for place, trace in enumerate(workload.trace or ()):
            at: Steps = ("workloads", name, "trace")
            yield (*at, place) if len(workload.trace or ()) > 1 else at, trace, families, workload.on_error


def _replayable(facts: Facts, workload: Workload) -> tuple[str, ...]:
    """Return the families that can be this workload's requests: those that hold what the application's times are made of."""
    if workload.expand is not None:
        return ("rates",)
    app = facts.scenario.apps.get(workload.app)
    times = [stage.time for stage in app.stages.values() if isinstance(stage.time, Traced)] if app else []
    tokens = any(time.per_input_token or time.per_output_token for time in times)
    durations = any(time.duration for time in times)
    return tuple(family for family, fits in (("llm_requests", not durations), ("invocations", not tokens)) if fits)


def _wrong_family(name: str, held: str, families: tuple[str, ...]) -> str:
    if held == "rates" and "rates" not in families:
        return f"{name!r} holds counts: say by `expand` how they become arrivals, for example `expand: poisson`"
    wanted = " or ".join(map(_words, families)) or "a trace with both tokens and durations, which none has,"
    return f"{name!r} holds {_words(held)}, where {wanted} are needed"


def _words(family: str) -> str:
    return {
        "bandwidth": "rates of a link",
        "llm_requests": "requests to a language model",
        "invocations": "invocations of functions",
        "cold_starts": "cold starts",
        "rates": "counts by interval",
    }.get(family, family)
