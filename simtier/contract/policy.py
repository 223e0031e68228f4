"""The base of all policies: parameters from annotations, state made in `start`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, dataclass_transform

import numpy as np

if TYPE_CHECKING:
    from simtier.contract.views import OutcomeView, SiteView


@dataclass_transform(kw_only_default=True)
class Policy:
    """A rule that answers one kind of question.

    A policy's parameters are its annotated class attributes; each subclass becomes a dataclass with keyword-only arguments, and
    values from a scenario are validated against the annotations (use the types of `simtier.units` for dimensional ones). State
    is made in `start`, so that one object can serve several runs. One object serves one owner: each service, or stage, that names a
    policy gets its own.

    Order of calls: `start` once before time zero of each replication; then the kind's question, as often as its docstring
    says; `observe` after each finished request, if the policy defines it.
    """

    kind: ClassVar[str] = ""
    passive: ClassVar[bool] = False
    """True for the do-nothing policy of a kind: its answer never depends on what it sees, so the engine need not ask."""
    sees_only_own: ClassVar[bool] = False
    """True if its answers follow from what it is shown of its owner, from the time, and from latencies and rates of links: it looks at no
    other service, node or request, and of a replica's number only at which of two is older. Only then may its owner be simulated apart
    from what does not interact with it (`simtier shard`). This and the next two are to be said by the class itself: they are not
    inherited."""
    keeps_apart: ClassVar[bool] = False
    """True if, besides, what it answers about one replica, or function, of its owner never depends on what others of its owner do: not on what it
    was asked about them, nor on the room that they leave on a node."""
    goes_by_numbers: ClassVar[bool] = False
    """True if, all the same, the number of a replica itself decides, as where it is hashed."""

    def __init_subclass__(cls) -> None:
        dataclass(kw_only=True, eq=False)(cls)

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Make the state for one replication; called before time zero. `rng` is the policy's own random stream."""

    def observe(self, outcome: OutcomeView) -> None:
        """Learn from a finished request; called at its end, whatever the outcome. Only called if a subclass defines it.

        A service's policy hears of requests to applications that have a stage which may run on that service; others hear of all.
        """

    @classmethod
    def observes(cls) -> bool:
        """Return whether this policy wants `observe` to be called."""
        return cls.observe is not Policy.observe

    def parameters(self) -> dict[str, Any]:
        """Return the parameters by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
