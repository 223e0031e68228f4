"""Ask a policy many questions about a generated world, here or in another process, and write down what it answers."""

from __future__ import annotations

import inspect
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import FrozenInstanceError, dataclass, fields
from enum import Enum
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, TypeVar

from simtier.catalogue.policies import load_policy, questions, written
from simtier.contract import KINDS, Divide, Hold, Loan, Move, Policy
from simtier.streams import Streams
from simtier.testing.world import World

ROUNDS = 120
_LONGEST = 200
AnyPolicy = TypeVar("AnyPolicy", bound=Policy)
_CHILD = "import sys; from simtier.testing.play import answer_parent; answer_parent(sys.argv[1])"
_ANSWERS = "\nanswers: "
_MUTATION = re.compile(r"'(tuple|mappingproxy)' object (has no attribute|does not support item)|has no setter")


@dataclass(frozen=True)
class Turn:
    """One question put to a policy.

    Attributes:
        question: the method asked.
        seen: its arguments.
        answer: what it returned.
    """

    question: str
    seen: tuple[Any, ...]
    answer: object


def fresh(policy: AnyPolicy) -> AnyPolicy:
    """Return a new object of the same class with the same parameters."""
    return type(policy)(**policy.parameters())


def asked(policy: Policy) -> list[str]:
    """Return the questions that the policy answers; one that defines `pick` is never asked `rank`."""
    kind = KINDS[policy.kind]
    defined = [name for name in questions(policy.kind) if getattr(type(policy), name) is not getattr(kind, name)]
    return [name for name in defined if not (name == "rank" and "pick" in defined)]


def situations(policy: Policy, world: World) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Return what `world` would ask `policy`, round after round: the method and its arguments."""
    for _ in range(ROUNDS):
        world.advance()
        for question in asked(policy):
            yield question, getattr(world, question)()
        if policy.observes():
            yield "observe", (world.outcome(),)


def turns(policy: Policy, seed: int = 0) -> Iterator[Turn]:
    """Start `policy` in the world of `seed` and ask it, round after round; raises AssertionError for what it raises."""
    world = World(seed)
    try_to(policy, "start", world.site, Streams(seed).stream("testing/policy"))
    for question, seen in situations(policy, world):
        yield Turn(question, seen, try_to(policy, question, *seen))


def try_to(policy: Policy, question: str, *seen: Any) -> Any:
    """Return what the policy answers; raises AssertionError that guesses why it raised."""
    try:
        return getattr(policy, question)(*seen)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        guess = _guess(policy, error)
        raise AssertionError(f"{type(policy).__name__}.{question}() {raised(error)}{guess}") from error


def raised(error: BaseException) -> str:
    """Return in a few words that `error` was raised."""
    return f"raised {type(error).__name__}: {cut(str(error))}"


def short(value: object) -> str:
    """Return the value's repr, cut to about 200 characters."""
    return cut(repr(value))


def cut(text: str, at: int = 0) -> str:
    """Return about 200 characters of `text`, those around position `at`."""
    begin = max(0, at - _LONGEST // 2)
    end = begin + _LONGEST
    return ("..." if begin else "") + text[begin:end] + ("..." if end < len(text) else "")


def cut_alike(one: str, other: str) -> list[str]:
    """Return about 200 characters of each of two texts, those around where they first differ."""
    alike = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    at = sum(1 for _ in alike)
    return [cut(one, at), cut(other, at)]


def _guess(policy: Policy, error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return "; it would end the whole process: raise an error that says what is wrong, such as ValueError, instead"
    if isinstance(error, FrozenInstanceError) or _MUTATION.search(str(error)):
        return "; most likely it tries to change what it sees: views are read-only, copy what must be sorted or marked"
    if isinstance(error, AttributeError) and error.obj is policy:
        return f"; most likely start() does not make {error.name!r}"
    return ""


def answers(policy: Policy, seed: int = 0) -> list[str]:
    """Return all answers as text."""
    return [f"{turn.question}: {told(turn.answer)}" for turn in turns(policy, seed)]


def told(answer: Any) -> str:
    """Return an answer as text that says the same in every process: views by their number or name."""
    if isinstance(answer, Enum):
        return answer.name
    if isinstance(answer, Hold):
        return f"Hold({float(answer.until_s)!r})"
    if isinstance(answer, Move | Loan | Divide):
        return f"{type(answer).__name__}({', '.join(told(getattr(answer, field.name)) for field in fields(answer))})"
    if isinstance(answer, Sequence) and not isinstance(answer, str):
        return f"[{', '.join(map(told, answer))}]"
    for name in ("id", "name"):
        if hasattr(answer, name):
            return f"{name} {getattr(answer, name)}"
    return repr(answer.item() if hasattr(answer, "item") else answer)


def answers_elsewhere(policy: Policy, seed: int = 0) -> list[str] | None:
    """Return all answers given in another process with other hashes, or None if the policy cannot be imported there.

    That is so for classes made inside functions or in the main module.
    """
    use = _use(type(policy))
    if use is None:
        return None
    hash_seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    env = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    task = json.dumps([policy.kind, use, written(policy), seed])
    command = [sys.executable, "-c", _CHILD, task]
    child = subprocess.run(command, env=env, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    why = f":\n{child.stderr}" if child.stderr else ""
    assert child.returncode == 0, (
        f"{type(policy).__name__} fails in another process, which ends with code {child.returncode}{why}"
    )
    _, mark, said = child.stdout.rpartition(_ANSWERS)
    assert mark, f"{type(policy).__name__} ends another process before it has answered; most likely it calls os._exit()"
    given: list[str] = json.loads(said)
    return given


def answer_parent(task: str) -> None:
    """Write the answers to standard output: what the other process runs."""
    kind, use, parameters, seed = json.loads(task)
    given = answers(load_policy(kind, use, parameters, Path()), seed)
    sys.stdout.write(f"{_ANSWERS}{json.dumps(given)}\n")


def _use(policy: type[Policy]) -> str | None:
    """Return how a scenario would name the class in another process: by module if it is on the path, else by file."""
    if "." in policy.__qualname__ or policy.__module__ == "__main__":
        return None
    if PathFinder.find_spec(policy.__module__.partition(".")[0]) is not None:
        return f"{policy.__module__}:{policy.__qualname__}"
    return f"{inspect.getfile(policy)}:{policy.__qualname__}"
