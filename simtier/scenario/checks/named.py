"""What a scenario names outside itself: policies and traces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from simtier.errors import PolicyError, Problem, TraceError
from simtier.scenario.base import Part, PolicyRef
from simtier.scenario.checks.facts import Facts
from simtier.scenario.source import Steps
from simtier.scenario.topology import Trace
from simtier.scenario.workloads import Replay


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
    """Yield traces that are missing, damaged, or of another family than is needed; each trace is read once."""
    from simtier.traces import find, read, search_directories  # noqa: PLC0415 - loads pyarrow, only needed with traces

    wanted = list(_traces(facts))
    searched = search_directories(directories)
    verdicts: dict[str, tuple[str, str]] = {}
    for path, name, family in wanted:
        if name not in verdicts:
            try:
                verdicts[name] = (read(find(name, searched, facts.scenario.folder)).family, "")
            except TraceError as error:
                verdicts[name] = ("", str(error))
        found, trouble = verdicts[name]
        if trouble:
            yield facts.problem(path, trouble)
        elif found != family:
            yield facts.problem(path, f"{name!r} holds {_words(found)}, where {_words(family)} are needed")


def _traces(facts: Facts) -> Iterator[tuple[Steps, str, str]]:
    """Yield every trace of the scenario: its path, its name, and the family that is needed."""
    for name, link in facts.scenario.links.items():
        for direction, path in ((link, ("links", name)), (link.back, ("links", name, "back"))):
            bandwidth = None if isinstance(direction, str) else direction.bandwidth
            if isinstance(bandwidth, Trace):
                yield (*path, "bandwidth", "trace"), bandwidth.trace, "bandwidth"
    for name, workload in facts.scenario.workloads.items():
        if isinstance(workload.arrivals, Replay):
            yield ("workloads", name, "arrivals", "trace"), workload.arrivals.trace, "llm_requests"


def _words(family: str) -> str:
    return {"bandwidth": "rates of a link", "llm_requests": "arrivals of requests"}.get(family, family)
