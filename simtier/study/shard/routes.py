"""Which replica a routing policy sends all requests of a place to, if the load has no say in it.

The policy is asked with replicas that do not tell their load, and a request that tells only where it comes from: if it decides all the same, that
is its decision for all requests from there. Only a policy that keeps nothing of what it was asked before (`keeps_apart`) may be asked so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn, cast

from simtier.contract import RequestView, Routing
from simtier.models.replica import Replica


class LoadAsked(Exception):  # noqa: N818 - a sign between this module's functions, no error of anybody
    """Something was asked for that changes during the run."""


class _Unknown:
    """A number that nobody knows: whoever does anything with it ends up here."""

    def _asked(self, *_: object) -> NoReturn:
        raise LoadAsked

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _asked
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _asked
    __neg__ = __bool__ = __float__ = __int__ = __index__ = __hash__ = _asked


class _Still:
    """Shows what does not change of another view."""

    def __init__(self, shown: Any, told: Sequence[str], **others: object) -> None:
        self._shown = shown
        self._told = told
        self._others = others
        self._unknown = _Unknown()

    def __getattr__(self, name: str) -> Any:
        if name in self._others:
            return self._others[name]
        if name in self._told:
            return getattr(self._shown, name)
        if not hasattr(self._shown, name):
            raise AttributeError(name)
        return self._unknown


class _From:
    """A request of which is known where it comes from."""

    def __init__(self, app: str, workload: str, source: str, at: str, stage: str) -> None:
        self.app, self.workload, self.source, self.at, self.stage = app, workload, source, at, stage

    def __getattr__(self, name: str) -> Any:
        return _Unknown()


_OF_A_NODE = ("name", "tier", "cores", "memory_bytes", "accelerators")


def settled(policy: Routing, replicas: Sequence[Replica], origin: Sequence[str]) -> Replica | None:
    """Return the replica that gets all requests of this origin; None if the load decides, or requests may wait or be rejected.

    `origin`: application, workload, source, the node where the requests are, and stage.
    """
    shown: list[Any] = [
        _Still(each.view, ("id", "service", "concurrency"), node=_Still(each.node.view, _OF_A_NODE))
        for each in replicas
    ]
    try:
        answer: object = policy.choose(cast("RequestView", _From(*origin)), shown)
    except LoadAsked:
        return None
    return next((replica for view, replica in zip(shown, replicas, strict=True) if view is answer), None)
