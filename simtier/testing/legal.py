"""Which answers the contract allows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from types import MappingProxyType
from typing import Any

from simtier.contract import Hold, Limits, NodeView, ReplicaView, RequestView, SplitView, Verdict


def _split(answer: Any, _request: RequestView, path: SplitView) -> str | None:
    layers, cuts = len(path.crossing_bytes) - 1, len(path.tiers) - 1
    expected = f"{cuts} layer numbers from 0 to {layers}, not decreasing"
    if not isinstance(answer, Sequence) or len(answer) != cuts or not all(map(_is_integer, answer)):
        return expected
    return None if all(a <= b for a, b in itertools.pairwise([0, *answer, layers])) else expected


def _place(answer: Any, _replica: object, nodes: Sequence[NodeView]) -> str | None:
    return None if answer is None or _is_in(answer, nodes) else "one of the nodes it was shown, or None"


def _choose(answer: Any, _request: RequestView, replicas: Sequence[ReplicaView]) -> str | None:
    return None if isinstance(answer, Verdict) or _is_in(answer, replicas) else "a replica it was shown, WAIT or REJECT"


def _rank(answer: Any, _request: RequestView) -> str | None:
    is_number = isinstance(answer, Real) and not isinstance(answer, bool) and not math.isnan(answer)
    return None if is_number else "a number that is not NaN"


def _pick(answer: Any, queue: Sequence[RequestView]) -> str | None:
    return None if _is_in(answer, queue) else "one of the requests in the queue it was shown"


def _form(answer: Any, queue: Sequence[RequestView], limits: Limits) -> str | None:
    if isinstance(answer, Hold):
        return None if answer.until_s > limits.now_s else f"Hold until later than now ({limits.now_s!r})"
    expected = f"Hold, or 1 to {limits.max_batch} different requests of the queue it was shown"
    if not isinstance(answer, Sequence) or not 1 <= len(answer) <= limits.max_batch:
        return expected
    different = len({id(request) for request in answer}) == len(answer)
    return None if different and all(_is_in(request, queue) for request in answer) else expected


def _target(answer: Any, _service: object) -> str | None:
    return None if _is_integer(answer) and answer >= 0 else "a whole number, 0 or more"


def _seconds(answer: Any, _instance: object) -> str | None:
    is_number = isinstance(answer, Real) and not isinstance(answer, bool)
    return None if is_number and answer >= 0 else "seconds, 0 or more, or infinity"


def _prewarm(answer: Any, function: object) -> str | None:
    return None if answer is None or _seconds(answer, function) is None else "seconds, 0 or more, or None"


def _pool_size(answer: Any, _pool: object) -> str | None:
    return None if answer is None or (_is_integer(answer) and answer >= 0) else "a whole number, 0 or more, or None"


def _admit(answer: Any, _request: object, _service: object) -> str | None:
    return None if isinstance(answer, bool) else "True or False"


def _is_integer(answer: object) -> bool:
    return isinstance(answer, Integral) and not isinstance(answer, bool)


def _is_in(answer: object, shown: Sequence[object]) -> bool:
    """Return whether `answer` is one of the very objects shown, not a copy."""
    return any(answer is item for item in shown)


EXPECTED: Mapping[str, Callable[..., str | None]] = MappingProxyType(
    {
        "split": _split,
        "place": _place,
        "choose": _choose,
        "rank": _rank,
        "pick": _pick,
        "form": _form,
        "target": _target,
        "admit": _admit,
        "idle_for": _seconds,
        "prewarm": _prewarm,
        "worth": _rank,
        "ended": lambda answer, _instance, _how: None if answer is None else "nothing",
        "pool_size": _pool_size,
        "observe": lambda answer, _outcome: None if answer is None else "nothing",
    }
)
"""By question: a function of the answer and the arguments that says what was expected, or None if the answer is legal."""
