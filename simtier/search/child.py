"""The process in which a policy is evaluated: it loads the policy, plays the cases, and says what came of each.

`python -m simtier.search.child TASK FD`, started by `simtier.search.evaluation`; what it says are JSON objects, one a line, on FD.
"""

from __future__ import annotations

import inspect
import json
import math
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from simtier.catalogue.policies import policy_maker
from simtier.errors import PolicyError, SimtierError
from simtier.search.blame import blamed
from simtier.search.named import policy_named
from simtier.search.problem import CHEAP, Case, CaseScore
from simtier.search.suite import Limits, Suite, load_suite
from simtier.search.task import Task

_SPARE_CPU_S = 10


def main() -> None:
    """Do the task that is given."""
    task = Task(**json.loads(sys.argv[1]))
    os.register_at_fork(after_in_child=_end)
    with os.fdopen(int(sys.argv[2]), "w", encoding="utf-8") as pipe:

        def say(message: Mapping[str, Any]) -> None:
            pipe.write(json.dumps(message) + "\n")
            pipe.flush()

        _work(task, say)


def _end() -> None:
    """End a copy of this process that a policy has made: there is one evaluation, and one who tells of it."""
    os._exit(1)


def _work(task: Task, say: Callable[[Mapping[str, Any]], None]) -> None:
    """Play the policy; then tell the references of what was played."""
    file, case = _file_of(task.policy), None
    played: list[Case] = []
    say({"at": "load"})
    suite = load_suite(task.suite, tuple(map(Path, task.traces)))
    _limit(suite.says.limits)
    try:
        use = policy_named(suite.problem.kind, task.policy, Path())
        make = policy_maker(suite.problem.kind, use, task.parameters, Path())
        file = inspect.getsourcefile(type(make())) or file
        for stage in task.stages:
            say({"at": stage})
            scores = []
            for case in _cases(suite, stage):
                score = _checked(suite.problem.play(case, make), suite.says.worst)
                scores.append(score.score)
                played.append(case)
                say({"case": {"name": case.name, "stage": stage, **asdict(score)}})
            case = None
            if stage == CHEAP and task.threshold is not None and _mean(scores) < task.threshold:
                break
    except BaseException as error:  # noqa: BLE001 - whatever a policy raises, SystemExit too, is told
        _unlimit()
        text, trace = blamed(error, file)
        is_the_suite = isinstance(error, SimtierError) and not isinstance(error, PolicyError) and not trace
        failure = {"case": case.name if case is not None else None, "error": text, "trace": trace}
        say({"suite": str(error)} if is_the_suite else {"failed": failure})
        return
    say({"at": "references"})
    for each in played:
        say({"references": {each.name: dict(suite.problem.references(each))}})
    say({"done": True})


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
    parts = {name: float(value) for name, value in score.parts.items() if math.isfinite(value)}
    return CaseScore(max(float(score.score), worst), parts)


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
