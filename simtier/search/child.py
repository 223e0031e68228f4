"""The process in which a policy is evaluated: it checks the suite, loads the policy, plays the cases, and tells what came of each.

Started by `simtier.search.confined`, which says what stands on standard input; the messages are those of `simtier.search.told`. Whatever is
told once the policy is loaded is told by a process in which the policy's code runs, too.
"""

from __future__ import annotations

import inspect
import json
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from simtier.catalogue.policies import policy_maker
from simtier.errors import SimtierError
from simtier.search.blame import blamed
from simtier.search.named import policy_named
from simtier.search.problem import CHEAP, Case, CaseScore
from simtier.search.suite import Limits, Suite, load_suite
from simtier.search.task import Task
from simtier.search.told import Begun, Done, Failed, Faulty, Referred, Scored, Told, written

_SPARE_CPU_S = 10
_LOOK_EVERY_S = 0.2


def main() -> None:
    """Do the task that is given."""
    given = json.loads(sys.stdin.read())
    _close_input()
    threading.Thread(target=_follow, args=(given.pop("parent"),), daemon=True).start()
    os.register_at_fork(after_in_child=_end)
    with os.fdopen(given.pop("pipe"), "wb") as pipe:
        token = given.pop("token")

        def tell(message: Told) -> None:
            pipe.write(written(message, token))
            pipe.flush()

        _work(Task(**given["task"]), tell)


def _close_input() -> None:
    """Let nothing be on standard input."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - it stays open


def _follow(parent: int) -> None:
    """End this process and all of its group when its parent is no more, killed perhaps: then nobody keeps the limits."""
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY_S)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _end() -> None:
    """End a copy of this process that a policy has made: there is one evaluation, and one who tells of it."""
    os._exit(1)


def _work(task: Task, tell: Callable[[Told], None]) -> None:
    """Check the suite; play the policy; then tell the references of what was played."""
    try:
        suite = _suite(task)
    except Exception as error:  # noqa: BLE001 - whatever it is, the policy has not been loaded
        tell(Faulty(error=str(error) if isinstance(error, SimtierError) else blamed(error, None)[0]))
        return
    file, case = _file_of(task.policy), None
    played: list[Case] = []
    tell(Begun(stage="load"))
    try:
        use = policy_named(suite.problem.kind, task.policy, Path())
        make = policy_maker(suite.problem.kind, use, task.parameters, Path())
        file = inspect.getsourcefile(type(make())) or file
        for stage in task.stages:
            tell(Begun(stage=stage))
            scores = []
            for case in _cases(suite, stage):
                score = _checked(suite.problem.play(case, make), suite.says.worst)
                scores.append(score.score)
                played.append(case)
                tell(Scored(name=case.name, stage=stage, score=score.score, parts=dict(score.parts)))
            case = None
            if stage == CHEAP and task.threshold is not None and _mean(scores) < task.threshold:
                break
    except BaseException as error:  # noqa: BLE001 - whatever a policy raises, SystemExit too, is told
        _unlimit()
        text, trace = blamed(error, file)
        tell(Failed(case=case.name if case is not None else None, error=text, trace=tuple(trace)))
        return
    tell(Begun(stage="references"))
    for each in played:
        tell(Referred(name=each.name, scores=_finite(suite.problem.references(each))))
    tell(Done())


def _suite(task: Task) -> Suite:
    """Return the suite, with the limits on this process set; raises what keeps it from being played, whatever the policy."""
    suite = load_suite(task.suite, tuple(map(Path, task.traces)))
    _limit(suite.says.limits)
    for stage in task.stages:
        for case in _cases(suite, stage):
            suite.problem.check(case, fully=stage == task.stages[0])
    return suite


def _file_of(policy: str) -> str | None:
    """Return the file that a policy's name tells."""
    source = policy if policy.endswith(".py") else policy.rpartition(":")[0]
    return str(Path(source).resolve()) if source.endswith(".py") else None


def _cases(suite: Suite, stage: str) -> list[Case]:
    return [case for case in suite.problem.cases() if case.stage == stage]


def _checked(score: CaseScore, worst: float) -> CaseScore:
    """Return the score, at least `worst`; raises ValueError for one that is no finite number."""
    if not math.isfinite(score.score):
        raise ValueError(f"the score is {score.score!r}, which is no finite number")
    return CaseScore(max(float(score.score), worst), _finite(score.parts))


def _finite(numbers: Mapping[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in numbers.items() if math.isfinite(value)}


def _mean(scores: list[float]) -> float:
    return sum(scores) / len(scores) if scores else math.inf


def _limit(limits: Limits) -> None:
    """Bound private memory, beside what is held already, where the system does so; and the time on a processor, should the parent die."""
    import resource  # noqa: PLC0415 - Windows has none; what is started there says so before

    resource.setrlimit(resource.RLIMIT_CPU, (int(limits.time) + _SPARE_CPU_S, resource.RLIM_INFINITY))
    status = Path("/proc/self/status")
    if status.exists():
        held = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmData:"))
        most = int(held.split()[1]) * 1024 + int(limits.memory)
        resource.setrlimit(resource.RLIMIT_DATA, (most, resource.RLIM_INFINITY))


def _unlimit() -> None:
    """Give the memory back that telling what went wrong takes."""
    import resource  # noqa: PLC0415 - see above

    resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
