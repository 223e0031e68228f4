"""Every promise of a policy checked, one after the other, with what came of each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from simtier.contract import Policy
from simtier.testing.play import raised
from simtier.testing.promises import promises_of


@dataclass(frozen=True)
class Checked:
    """A promise that was checked.

    Attributes:
        promise: its name in `PROMISES`.
        broken: how it is broken, and the likely cause; empty if it is kept.
    """

    promise: str
    broken: str


def check_each(policy: Policy, within: AbstractContextManager[object] | None = None) -> Iterator[Checked]:
    """Yield what came of each promise of the policy's kind.

    Args:
        policy: an object with the parameters to check.
        within: entered around each check; it may raise AssertionError out of one that takes too long.
    """
    for name, promise in promises_of(policy).items():
        try:
            with within or nullcontext():
                promise(policy)
        except AssertionError as error:
            broken = str(error) or "it broke an assertion of its own"
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a policy raises where it is not asked, as it is made or compared
            broken = raised(error)
        else:
            broken = ""
        yield Checked(name, broken)
