"""What an evaluation can have to tell: each message in its turn, each case once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from simtier.search.problem import CHEAP
from simtier.search.told import Begun, Done, Failed, Referred, Scored, Told


def wrong_account(
    messages: Sequence[Told], asked: Sequence[tuple[str, str]], stages: Sequence[str], threshold: float | None
) -> str:
    """Return, in words, what cannot be among the messages of an evaluation; nothing if all can, even if the last ones are missing.

    Args:
        messages: what was told.
        asked: name and stage of each case that was asked for, in order.
        stages: which were asked for, in order.
        threshold: mean score of the cheap stage that the stages after it need.
    """
    expected = list(_expected(messages, asked, stages, threshold))
    for number, message in enumerate(messages):
        if isinstance(message, Failed) and 0 < number == len(messages) - 1:
            continue
        if number >= len(expected):
            return f"{_named(message)} came after the end"
        if _named(message) != expected[number]:
            return f"{_named(message)} came, and {expected[number]} was expected"
    return ""


def _expected(
    messages: Sequence[Told], asked: Sequence[tuple[str, str]], stages: Sequence[str], threshold: float | None
) -> Iterator[str]:
    """Yield the names of the messages of an evaluation in which nothing goes wrong."""
    played = []
    yield _named(Begun(stage="load"))
    for stage in stages:
        yield _named(Begun(stage=stage))
        names = [name for name, of in asked if of == stage]
        for name in names:
            yield _named(Scored(name=name, stage=stage, score=0.0, parts={}))
        played += names
        scores = [each.score for each in messages if isinstance(each, Scored) and each.stage == CHEAP]
        if stage == CHEAP and threshold is not None and scores and sum(scores) / len(scores) < threshold:
            break
    yield _named(Begun(stage="references"))
    for name in played:
        yield _named(Referred(name=name, scores={}))
    yield _named(Done())


def _named(message: Told) -> str:
    """Return which message it is, whatever it says."""
    match message:
        case Begun():
            return f"the stage {message.stage!r}"
        case Scored():
            return f"the score of case {message.name!r} in stage {message.stage!r}"
        case Referred():
            return f"the references of case {message.name!r}"
        case _:
            return f"the message {message.tells!r}"
