"""What the report needs to know of a result besides its tables: times, and which node and link belongs where."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simtier.errors import ResultError
from simtier.metrics.reading import Columns
from simtier.results import read_document
from simtier.units import parse

_NEEDED = (
    "status",
    "seed",
    "fingerprint",
    "versions",
    "scenario",
    "summary",
    "assumptions",
    "traces",
    "layout",
    "ended_s",
)


class Facts:
    """A result directory's `result.json`.

    Args:
        directory: the result directory.

    Raises ResultError if there is no result, or one of another shape.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.document: dict[str, Any] = read_document(directory)
        missing = [name for name in _NEEDED if name not in self.document]
        if missing:
            raise ResultError(f"{directory / 'result.json'} lacks {', '.join(missing)}: run the scenario again")
        self.scenario: dict[str, Any] = self.document["scenario"]
        self.summary: dict[str, Any] = self.document["summary"]
        self.layout: dict[str, Any] = self.document["layout"]
        self.ended_s: list[float] = self.document["ended_s"]
        run = self.scenario["run"]
        self.warmup_s = parse(run["warmup"], "time")
        self.duration_s = parse(run["duration"], "time")
        self.replications: int = run["replications"]

    def answered(self, requests: Columns) -> NDArray[np.bool_]:
        """Return which requests had ended when the run did: an interrupt comes before answers that were under way."""
        found: NDArray[np.bool_] = requests["end_s"] <= np.array(self.ended_s)[requests["replication"]]
        return found

    @property
    def until_s(self) -> float:
        """Where replication 0, the one in the plots over time, ended."""
        return max(self.ended_s[0], 1e-9) if self.ended_s else 1e-9

    @property
    def interrupted(self) -> bool:
        """Whether the run was stopped early."""
        return bool(self.document["status"] != "done")

    @cached_property
    def group_of_node(self) -> dict[str, str]:
        """The group of each node."""
        return {node: group for group, info in self.layout["nodes"].items() for node in info["names"]}

    @cached_property
    def group_of_link(self) -> dict[str, str]:
        """The group of each link."""
        return {link: group for group, info in self.layout["links"].items() for link in info["names"]}

    def tier(self, node: str) -> str:
        """Return the tier of a node; its own name if the layout does not know it."""
        group = self.group_of_node.get(node)
        return str(self.layout["nodes"][group]["tier"]) if group is not None else node

    def table(self, name: str) -> Path:
        """Return the path of a table; raises ResultError if it is not there."""
        path = self.directory / f"{name}.parquet"
        if not path.exists():
            raise ResultError(f"{self.directory} has no table {name!r}: run the scenario again")
        return path

    def is_chain(self, app: str) -> bool:
        """Return whether the stages of `app` follow one another, and so do their parts, so that their times add up."""
        stages = self.scenario["apps"][app]["stages"]
        if any(self._overlaps(stage) for stage in stages.values()):
            return False
        names = list(stages)
        before: dict[str, list[str]] = {
            name: names[max(i - 1, 0) : i] if stages[name].get("after") is None else list(stages[name]["after"])
            for i, name in enumerate(names)
        }
        followed = [name for several in before.values() for name in several]
        return max(map(len, before.values())) <= 1 and len(set(followed)) == len(names) - 1

    def divides_tokens(self, app: str) -> bool:
        """Return whether the services that answer `app` computed prompts for each other."""
        stages = self.scenario["apps"][app]["stages"].values()
        hosts = {host for stage in stages if stage.get("tokens") for host in stage.get("split") or ()}
        return any(self.summary["llm"][host].get("pool", {}).get("handed_over") for host in hosts)

    def _overlaps(self, stage: dict[str, Any]) -> bool:
        """Return whether keys and values of a stage are sent while its prompt is computed."""
        if not stage.get("tokens"):
            return False
        models = [self.scenario["services"][name]["llm"] for name in stage.get("split") or ()]
        return any(model["hand_over"]["overlap"] for model in models)
