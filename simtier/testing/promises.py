"""Every promise that a policy makes, as a check that guesses the cause when it is broken."""

from __future__ import annotations

import ast
import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from simtier.catalogue.policies import is_whole, questions, validated, written
from simtier.contract import KINDS, Batching, Caps, Hold, IterationBatching, Limits, Policy, Routing
from simtier.errors import PolicyError
from simtier.streams import Streams
from simtier.testing.cost import cheap_enough
from simtier.testing.legal import EXPECTED
from simtier.testing.play import answers, answers_elsewhere, cut_alike, fresh, short, situations, told, try_to, turns
from simtier.testing.world import World

_SEEDS = range(3)
_FORBIDDEN = ("simpy", *(f"simtier.{part}" for part in ("models", "clock", "journal", "world", "runner")))


@dataclass(frozen=True)
class Promise:
    """One promise; calling it with a policy raises AssertionError if the policy breaks it.

    Attributes:
        check: the check itself.
        applies: whether a policy makes this promise at all.
    """

    check: Callable[[Policy], None]
    applies: Callable[[Policy], bool] = lambda _: True

    def __call__(self, policy: Policy) -> None:
        """Check `policy`."""
        self.check(policy)


def check_policy(policy: Policy | type[Policy], kind: str | None = None) -> None:
    """Check every promise of the policy's kind; raises AssertionError with the likely cause of the first one broken.

    Args:
        policy: an object with the parameters to check, or a class whose parameters all have defaults.
        kind: what kind it should be; None takes its own.

    Partitioning policies are shown the tiers "device", "edge" and "cloud" and networks of 6 to 9 layers.
    """
    subject = _made(policy)
    name = type(subject).__name__
    assert subject.kind in KINDS, f"{name} has no kind: derive it from one of {', '.join(KINDS)} in simtier.contract"
    assert kind in (None, subject.kind), f"{name} is of kind {subject.kind!r}, not {kind!r}"
    asked = " or ".join(f"{question}()" for question in questions(subject.kind))
    assert is_whole(type(subject)), f"{name} does not answer {asked}"
    for promise in promises_of(subject).values():
        promise(subject)


def promises_of(policy: Policy) -> dict[str, Promise]:
    """Return the promises that apply to `policy`, by name."""
    return {name: promise for name, promise in PROMISES.items() if promise.applies(policy)}


def _made(policy: Policy | type[Policy]) -> Policy:
    if not inspect.isclass(policy):
        return policy
    try:
        return policy()
    except TypeError as error:
        raise AssertionError(f"{error}; give check_policy an object with its parameters") from error


def _parameters_round_trip(policy: Policy) -> None:
    name, given = type(policy).__name__, policy.parameters()
    kept = fresh(policy).parameters()
    assert kept == given, (
        f"{name} made with {given} has {kept}; most likely its own __init__ does not keep what it is given"
    )
    text = written(policy)
    try:
        read = validated(type(policy), text, name)
    except PolicyError as error:
        raise AssertionError(f"{name} written as {text} cannot be read again: {error}") from error
    assert read == given, f"{name} written as {text} is read as {read}, not {given}; most likely an annotation is wrong"


def _deterministic(policy: Policy) -> None:
    for seed in _SEEDS:
        _same(
            answers(fresh(policy), seed),
            answers(fresh(policy), seed),
            "most likely it uses random numbers other than the `rng` given to start(), the wall clock, or id() or set order",
        )


def _start_resets(policy: Policy) -> None:
    used = fresh(policy)
    answers(used, seed=1)
    _same(
        answers(fresh(policy)),
        answers(used),
        "a used object differs from a new one; most likely state is made in the class body or __init__ instead of start()",
    )


def _objects_are_independent(policy: Policy) -> None:
    alone = answers(fresh(policy))
    beside, other = [], turns(fresh(policy), seed=1)
    for turn in turns(fresh(policy)):
        beside.append(f"{turn.question}: {told(turn.answer)}")
        next(other, None)
    _same(
        alone,
        beside,
        "a second object beside it changes its answers; most likely they share a list or dict on the class",
    )


def _same_in_another_process(policy: Policy) -> None:
    elsewhere = answers_elsewhere(policy)
    if elsewhere is not None:
        _same(
            answers(fresh(policy)),
            elsewhere,
            "another process with another PYTHONHASHSEED differs; most likely it relies on set order or hash() of text",
        )


def _answers_are_legal(policy: Policy) -> None:
    for seed in _SEEDS:
        for turn in turns(fresh(policy), seed):
            expected = EXPECTED[turn.question](turn.answer, *turn.seen)
            assert expected is None, (
                f"{type(policy).__name__}.{turn.question}() answered {short(turn.answer)} to {short(turn.seen)}; "
                f"expected {expected}"
            )


def _views_are_untouched(policy: Policy) -> None:
    untouched = situations(policy, World(0))
    for turn, (_, seen) in zip(turns(fresh(policy)), untouched, strict=True):
        assert repr(turn.seen) == repr(seen), (
            f"{type(policy).__name__}.{turn.question}() changed what it was shown: "
            f"{' became '.join(cut_alike(repr(seen), repr(turn.seen)))}"
        )


def _knows_no_engine(policy: Policy) -> None:
    source = inspect.getsourcefile(type(policy))
    if source is None:
        return
    for imported in _imports(ast.parse(Path(source).read_text(encoding="utf-8"))):
        for module in _FORBIDDEN:
            assert not f"{imported}.".startswith(f"{module}."), (
                f"{Path(source).name} imports {imported}; a policy sees views only: what it needs to know is in simtier.contract"
            )


def _imports(tree: ast.AST) -> Iterator[str]:
    for item in ast.walk(tree):
        if isinstance(item, ast.Import):
            yield from (alias.name for alias in item.names)
        elif isinstance(item, ast.ImportFrom) and item.module:
            yield from (f"{item.module}.{alias.name}" for alias in item.names)


def _takes_only_one(policy: Policy) -> None:
    """Ask one object about everything and another only where there is a choice: they must agree on those."""
    world, always, choices_only = World(0), fresh(policy), fresh(policy)
    for each in (always, choices_only):
        try_to(each, "start", world.site, Streams(0).stream("testing/policy"))
    for _ in range(200):
        request, replicas = world.choose()
        answer = try_to(always, "choose", request, replicas)
        if len(replicas) == 1:
            assert answer is replicas[0], (
                f"{type(policy).__name__} says it takes_only_one, and answered {short(answer)} instead"
            )
        else:
            assert answer is try_to(choices_only, "choose", request, replicas), (
                f"{type(policy).__name__} says it takes_only_one, so it need not be asked; but being asked changes later answers: "
                "most likely it counts or draws before it sees that there is no choice"
            )


def _passive_does_nothing(policy: Policy) -> None:
    first_rank = None
    for turn in turns(fresh(policy)):
        answer = turn.answer
        if turn.question == "rank":
            first_rank = answer if first_rank is None else first_rank
            right = answer == first_rank
        elif turn.question == "form":
            right = not isinstance(answer, Hold) and [*answer] == [turn.seen[0][0]]  # type: ignore[misc]
        elif turn.question == "target":
            right = answer == turn.seen[0].ready + turn.seen[0].starting
        elif turn.question == "caps":
            right = answer == Caps()
        elif turn.question == "shares":
            right = answer == [execution.allocated_cores for execution in turn.seen[1]]
        elif turn.question == "balance":
            right = not [*answer]  # type: ignore[misc]
        else:
            right = answer is {"admit": True, "observe": None}.get(turn.question, NotImplemented)
        assert right, (
            f"{type(policy).__name__} says it is passive, so the engine need not ask; yet {turn.question}() answered {short(answer)}, "
            "which is not what the engine does without asking"
        )


def _holds_end(policy: Policy) -> None:
    """Ask again at the time of each Hold, with nobody joining: the queue must be served at last."""
    for seed in _SEEDS:
        world, subject = World(seed), fresh(policy)
        try_to(subject, "start", world.site, Streams(seed).stream("testing/policy"))
        for _ in range(40):
            world.advance()
            queue, limits = world.form()
            _serve(subject, world, queue, limits)


def _serve(policy: Policy, world: World, queue: object, limits: Limits) -> None:
    for _ in range(1000):
        answer = try_to(policy, "form", queue, limits)
        if not isinstance(answer, Hold):
            return
        assert limits.now_s < answer.until_s < float("inf"), (
            f"{type(policy).__name__} holds at {limits.now_s!r} s until {answer.until_s!r} s: it would be asked for ever, or never"
        )
        world.site.clock.now_s = answer.until_s
        limits = replace(limits, now_s=answer.until_s)
    raise AssertionError(
        f"{type(policy).__name__} held a queue that nobody joined 1000 times; most likely it never gives up"
    )


def _engines_go_on(policy: Policy) -> None:
    """Ask about engines where nobody runs, and again when the plan says: somebody must be served at last."""
    for seed in _SEEDS:
        world, subject = World(seed), fresh(policy)
        try_to(subject, "start", world.site, Streams(seed).stream("testing/policy"))
        for _ in range(40):
            world.advance()
            engine = world.idle_engine()
            for _ in range(1000):
                plan = try_to(subject, "plan", engine)
                if plan.tokens:
                    break
                assert engine.now_s < plan.until_s < float("inf"), (
                    f"{type(policy).__name__} computes nothing at {engine.now_s!r} s until {plan.until_s!r} s though all blocks are free and "
                    f"{len(engine.waiting)} sequences wait: the engine would stand still for ever"
                )
                world.site.clock.now_s = plan.until_s
                engine = replace(engine, now_s=plan.until_s)
            else:
                raise AssertionError(
                    f"{type(policy).__name__} let sequences wait 1000 times; most likely it never gives up"
                )


def _same(first: list[str], second: list[str], guess: str) -> None:
    for number, (one, other) in enumerate(itertools.zip_longest(first, second)):
        assert one == other, f"answer {number} was {', then '.join(cut_alike(repr(one), repr(other)))}: {guess}"


PROMISES: Mapping[str, Promise] = MappingProxyType(
    {
        "parameters_round_trip": Promise(_parameters_round_trip),
        "knows_no_engine": Promise(_knows_no_engine),
        "answers_are_legal": Promise(_answers_are_legal),
        "views_are_untouched": Promise(_views_are_untouched),
        "deterministic": Promise(_deterministic),
        "start_resets": Promise(_start_resets),
        "objects_are_independent": Promise(_objects_are_independent),
        "same_in_another_process": Promise(_same_in_another_process),
        "cheap_enough": Promise(cheap_enough),
        "takes_only_one": Promise(
            _takes_only_one, lambda policy: isinstance(policy, Routing) and policy.takes_only_one
        ),
        "passive_does_nothing": Promise(_passive_does_nothing, lambda policy: policy.passive),
        "holds_end": Promise(
            _holds_end, lambda policy: isinstance(policy, Batching) and not isinstance(policy, IterationBatching)
        ),
        "engines_go_on": Promise(_engines_go_on, lambda policy: isinstance(policy, IterationBatching)),
    }
)
"""Every promise by name, so that tests can run policy x promise."""
