"""Which answers the contract allows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral, Real
from types import MappingProxyType
from typing import Any

from simtier.contract import (
    Caps,
    Divide,
    EngineReplicaView,
    EngineView,
    ExecutionView,
    ExpertLoadView,
    Fetch,
    Hold,
    Instance,
    JobView,
    Limits,
    Loan,
    Move,
    NodeView,
    Plan,
    ReplicaView,
    RequestView,
    RunFor,
    ServiceView,
    SplitView,
    Verdict,
)


def _split(answer: Any, _request: RequestView, path: SplitView) -> str | None:
    layers, cuts = len(path.crossing_bytes) - 1, len(path.tiers) - 1
    expected = f"{cuts} layer numbers from 0 to {layers}, not decreasing"
    if not isinstance(answer, Sequence) or len(answer) != cuts or not all(map(_is_integer, answer)):
        return expected
    return None if all(a <= b for a, b in itertools.pairwise([0, *answer, layers])) else expected


def _place(answer: Any, _replica: object, nodes: Sequence[NodeView]) -> str | None:
    return None if answer is None or _is_in(answer, nodes) else "one of the nodes it was shown, or None"


def _choose(answer: Any, _request: RequestView, replicas: Sequence[ReplicaView]) -> str | None:
    if isinstance(answer, Fetch):
        both = _is_in(answer.replica, replicas) and _is_in(answer.source, replicas)
        return None if both else "a Fetch of a replica it was shown from another one"
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


def _plan(answer: Any, engine: EngineView) -> str | None:
    if not isinstance(answer, Plan) or not answer.iterations >= 1:
        return "a Plan that holds for one iteration or more"
    if answer.tokens or answer.preempted:
        return _computed(answer, engine)
    if engine.running:
        return f"a Plan with at least one of the {len(engine.running)} sequences that run"
    return None if answer.until_s > engine.now_s else "a Plan with tokens, or until_s later than now"


def _computed(plan: Plan, engine: EngineView) -> str | None:
    """Return what is wrong with what a plan computes, and whom it preempts."""
    if not all(_is_in(sequence, engine.running) and sequence not in plan.tokens for sequence in plan.preempted):
        return "a Plan that preempts sequences that run, and computes nothing of these"
    if not all(_is_in(sequence, (*engine.running, *engine.waiting)) for sequence in plan.tokens):
        return "a Plan of sequences that the engine has"
    if not all(_is_integer(number) and 1 <= number <= each.pending for each, number in plan.tokens.items()):
        return "a Plan with 1 to all pending tokens of each of its sequences"
    needed = sum(engine.blocks_for(each, number) for each, number in plan.tokens.items())
    free = engine.blocks_free + engine.blocks_back(plan.preempted)
    return None if needed <= free else f"a Plan that needs at most the {free} blocks that are free, not {needed}"


def _caps(answer: Any, _row: object) -> str | None:
    right = isinstance(answer, Caps) and answer.low > 0 and answer.high > 0
    return None if right else "Caps of more than 0 Hz each"


def _pools(answer: Any, _request: RequestView, pools: Sequence[ServiceView]) -> str | None:
    two = isinstance(answer, tuple) and len(answer) == 2 and all(_is_in(pool, pools) for pool in answer)
    return None if two else "two of the pools it was shown: for the prompt, and for the tokens"


def _balance(answer: Any, service: ServiceView) -> str | None:
    if isinstance(answer, str) or not isinstance(answer, Iterable):
        return "a list of Move, Loan and Divide"
    return next(filter(None, (_step(each, service.replicas) for each in answer)), None)


def _step(step: object, replicas: Sequence[ReplicaView]) -> str | None:
    """Return what is wrong with one step of a balancing policy."""
    if isinstance(step, Move):
        ends = (step.source, step.target)
        right = _are_two(ends, replicas) and _is_in(step.sequence, step.source.sequences)
        return None if right else "a Move of a sequence of one of the replicas it was shown to another one"
    if isinstance(step, Loan):
        right = _are_two((step.lender, step.borrower), replicas) and _is_integer(step.blocks)
        return (
            None if right else "a Loan of a whole number of blocks from one of the replicas it was shown to another one"
        )
    if isinstance(step, Divide):
        right = _is_in(step.replica, replicas) and 0 < step.prompts <= 1 and 0 < step.tokens <= 1
        return None if right else "a Divide of a replica it was shown into shares above 0 and up to 1"
    return "Move, Loan or Divide"


def _are_two(ends: tuple[EngineReplicaView, EngineReplicaView], replicas: Sequence[ReplicaView]) -> bool:
    return ends[0] is not ends[1] and all(_is_in(end, replicas) for end in ends)


def _memory(answer: Any, _function: object) -> str | None:
    right = answer is None or (_is_cores(answer) and answer > 0)
    return None if right else "bytes, more than 0, or None"


def _target(answer: Any, _service: object) -> str | None:
    return None if _is_integer(answer) and answer >= 0 else "a whole number, 0 or more"


def _seconds(answer: Any, _instance: object) -> str | None:
    is_number = isinstance(answer, Real) and not isinstance(answer, bool)
    return None if is_number and answer >= 0 else "seconds, 0 or more, or infinity"


def _prewarm(answer: Any, function: object) -> str | None:
    return None if answer is None or _seconds(answer, function) is None else "seconds, 0 or more, or None"


def _pool_size(answer: Any, _pool: object) -> str | None:
    return None if answer is None or (_is_integer(answer) and answer >= 0) else "a whole number, 0 or more, or None"


def _shares(answer: Any, _node: NodeView, executions: Sequence[ExecutionView]) -> str | None:
    most = sum(execution.allocated_cores for execution in executions)
    expected = f"{len(executions)} numbers of cores, 0 or more, together at most {most:g}"
    if not isinstance(answer, Sequence) or len(answer) != len(executions) or not all(map(_is_cores, answer)):
        return expected
    return None if sum(answer) <= most * (1 + 1e-9) else expected


def _look_in(answer: Any, _node: object) -> str | None:
    is_number = isinstance(answer, Real) and not isinstance(answer, bool)
    return None if answer is None or (is_number and answer > 0) else "seconds, more than 0, or None"


def _admit(answer: Any, _request: object, _service: object) -> str | None:
    return None if isinstance(answer, bool) else "True or False"


def _run_on(answer: Any, job: JobView) -> str | None:
    on, seconds = (answer.on, answer.seconds) if isinstance(answer, RunFor) else (answer, math.inf)
    if not isinstance(on, Instance) or not (isinstance(seconds, Real) and seconds > 0):
        return "NONE, SPOT or ON_DEMAND of Instance, or to RunFor more than 0 seconds on it"
    return "NONE or ON_DEMAND, as no spot instance is available" if on is Instance.SPOT and not job.available else None


def _place_experts(answer: Any, load: ExpertLoadView) -> str | None:
    layers, experts = load.tokens.shape
    expected = f"{layers} rows of {load.slots} numbers of experts, each from 0 to {experts - 1} at least once"
    if not isinstance(answer, Sequence) or len(answer) != layers:
        return expected
    right = all(isinstance(row, Sequence) and len(row) == load.slots and all(map(_is_integer, row)) for row in answer)
    return None if right and all(set(row) == set(range(experts)) for row in answer) else expected


def _is_cores(answer: object) -> bool:
    return isinstance(answer, Real) and not isinstance(answer, bool) and 0 <= float(answer) < math.inf


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
        "plan": _plan,
        "memory": _memory,
        "caps": _caps,
        "pools": _pools,
        "balance": _balance,
        "target": _target,
        "admit": _admit,
        "idle_for": _seconds,
        "prewarm": _prewarm,
        "worth": _rank,
        "ended": lambda answer, _instance, _how: None if answer is None else "nothing",
        "pool_size": _pool_size,
        "shares": _shares,
        "look_in": _look_in,
        "finished": lambda answer, _execution: None if answer is None else "nothing",
        "run_on": _run_on,
        "place_experts": _place_experts,
        "observe": lambda answer, _outcome: None if answer is None else "nothing",
    }
)
"""By question: a function of the answer and the arguments that says what was expected, or None if the answer is legal."""
