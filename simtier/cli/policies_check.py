"""`simtier policies check`: every promise of a policy, kept or broken, and what its decisions cost."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from simtier.cli.options import Debug

if TYPE_CHECKING:
    from types import FrameType, TracebackType

    from simtier.contract import Policy
    from simtier.testing.cost import Cost

Name = Annotated[
    str,
    typer.Argument(metavar="POLICY", help="file.py:Class, a file with one policy, module:Class, or a built-in name."),
]
Parameters = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the policy; repeatable.")
]
Longest = Annotated[float, typer.Option("--within", min=0.001, metavar="SECONDS", help="Longest time for one promise.")]


def check(name: Name, *, parameters: Parameters = None, longest: Longest = 60.0, _debug: Debug = False) -> None:
    """Check every promise of a policy's kind, and what its decisions cost.

    The exit code is 1 if one is broken, 2 if there is no such policy or it cannot be loaded.
    """
    from simtier.cli.parameters import given

    within, broken = _Within(longest), 0
    with _staying():
        for kind, policy in _made(name, given(parameters), within):
            typer.echo(f"{kind}: {type(policy).__name__}")
            broken += _checked(policy, within)
    if broken:
        raise typer.Exit(1)


def _made(name: str, parameters: dict[str, Any], within: _Within) -> list[tuple[str, Policy]]:
    """Return kind and policy for each policy called `name`; raises PolicyError with exit code 2."""
    from simtier.catalogue.policies import policy_maker
    from simtier.errors import PolicyError
    from simtier.search.named import policies_named
    from simtier.testing.play import raised

    try:
        with within:
            found = policies_named(name, Path())
            return [(kind, policy_maker(kind, use, parameters, Path())()) for kind, use in found]
    except PolicyError as error:
        refused = error
    except AssertionError as error:
        refused = PolicyError(f"{name} cannot be loaded: {error}")
    except SystemExit as error:
        refused = PolicyError(f"{name} cannot be loaded: it {raised(error)}")
    refused.exit_code = 2
    raise refused


@contextmanager
def _staying() -> Iterator[None]:
    """Make os._exit() raise SystemExit, which can be told; copies of this process that the policy makes may end."""
    ours, end = os.getpid(), os._exit

    def stay(status: int) -> NoReturn:
        if os.getpid() != ours:
            end(status)
        raise SystemExit(f"os._exit({status!r}) was called")

    os._exit = stay
    try:
        yield
    finally:
        os._exit = end


def _checked(policy: Policy, within: _Within) -> int:
    """Print a line for each promise; return how many are broken."""
    from simtier.testing.checking import check_each
    from simtier.testing.cost import costs

    told: list[str] = []
    for each in check_each(policy, within):
        why = " ".join(each.broken.partition("\nTraceback")[0].split())
        because = f": {'as above' if why in told else why}" if why else ""
        typer.echo(f"  {'broken' if why else 'kept':<7} {each.promise.replace('_', ' ')}{because}")
        told += [why] if why else []
    if not told:
        with within:
            for cost in costs(policy):
                typer.echo(f"  cost    {_cost(cost)}")
    return len(told)


def _cost(cost: Cost) -> str:
    shown = f"{cost.question}() takes {cost.median_s * 1e6:.3g} µs (median)"
    return f"{shown}; {cost.remark}" if cost.remark else shown


class _Within:
    """Raises AssertionError out of what takes longer than `longest_s`, where the system has alarms, in the main thread."""

    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s
        self._works = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()

    def __enter__(self) -> None:
        if self._works:
            self._before = signal.signal(signal.SIGALRM, self._ring)
            signal.setitimer(signal.ITIMER_REAL, self._longest_s)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        if self._works:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._before)

    def _ring(self, _number: int, _frame: FrameType | None) -> None:
        raise AssertionError(f"no answer within {self._longest_s:g} s; most likely it loops for ever")
