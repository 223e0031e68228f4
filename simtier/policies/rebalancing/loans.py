"""Who lent how many cores to whom."""

from __future__ import annotations

from collections.abc import Container


class Loans:
    """The loans between executions on one node; executions are named by their numbers."""

    def __init__(self) -> None:
        self._cores: dict[tuple[int, int], float] = {}
        """By lender and borrower, in the order in which they were first agreed on."""

    def keep_only(self, alive: Container[int]) -> None:
        """End all loans whose lender or borrower has ended."""
        self._cores = {(a, b): cores for (a, b), cores in self._cores.items() if a in alive and b in alive}

    def lent_by(self, lender: int) -> float:
        """Return the cores that an execution has lent."""
        return sum((cores for (a, _), cores in self._cores.items() if a == lender), 0.0)

    def lent_to(self, borrower: int) -> float:
        """Return the cores that an execution has been lent."""
        return sum((cores for (_, b), cores in self._cores.items() if b == borrower), 0.0)

    def lend(self, lender: int, borrower: int, cores: float) -> None:
        """Lend so many cores more."""
        self._cores[lender, borrower] = self._cores.get((lender, borrower), 0.0) + cores

    def call_in(self, lender: int) -> None:
        """End all loans of a lender."""
        self._cores = {pair: cores for pair, cores in self._cores.items() if pair[0] != lender}

    def pay_back(self, borrower: int, cores: float) -> None:
        """Return so many cores, those lent last first."""
        for pair in [pair for pair in reversed(self._cores) if pair[1] == borrower]:
            if cores <= 0.0:
                return
            back = min(cores, self._cores[pair])
            cores -= back
            self._cores[pair] -= back
            if self._cores[pair] == 0.0:
                del self._cores[pair]
