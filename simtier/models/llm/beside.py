"""What an engine asks those that share its replica."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from simtier.models.llm.engine import Engine


class Beside(Protocol):
    """Other engines of the same replica, which have the same blocks."""

    def ready_s(self) -> float:
        """Return when the next iteration may begin."""

    def takes_s(self, engine: Engine) -> float:
        """Begin an engine's stint, an iteration, now; return how long it takes."""

    def free_for(self, engine: Engine) -> int:
        """Return the free blocks that an engine may use."""

    def yields(self, engine: Engine) -> bool:
        """Return whether an engine that lacks blocks is to give up what it has."""

    def freed(self, engine: Engine) -> None:
        """Hear that an engine has freed blocks."""
