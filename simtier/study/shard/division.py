"""A division of a scenario into parts: what each of several worlds plays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from simtier.world.share import Share

Entity = tuple[str, str]
"""Kind and name: a source ("frames/camera-3"), a service, a replica ("detector@site-1"), a platform, a function ("platform/name"), a power row."""


@dataclass(frozen=True)
class Division:
    """Who plays what; the same for all parts.

    Attributes:
        parts: how many there are.
        owners: the part that plays an entity.
        replicas_apart: services whose replicas may be played by different parts.
        functions_apart: platforms whose functions may be.
        divided: applications whose requests are each played where their function is.
        spread: applications whose requests may be played by several parts; those of `divided` are among them.
        functions: the part that plays a function that a trace names, as far as it is settled; others go by a hash of their name.
    """

    parts: int
    owners: Mapping[Entity, int]
    replicas_apart: frozenset[str] = frozenset()
    functions_apart: frozenset[str] = frozenset()
    divided: frozenset[str] = frozenset()
    spread: frozenset[str] = frozenset()
    functions: Mapping[str, int] = field(default_factory=dict)

    def function(self, name: str) -> int:
        """Return the part that plays a function, by its name."""
        found = self.functions.get(name)
        if found is None:
            found = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big") % self.parts
        return found

    def plays(self, part: int, entity: Entity) -> bool:
        """Return whether `part` plays `entity`."""
        return self.owners[entity] == part

    def share(self, part: int) -> Share:
        """Return whose requests arrive in the world of `part`; sources of divided applications, which nobody owns, send to all."""
        return Share(
            lambda source: self.owners.get(("source", source), part) == part,
            self.divided,
            lambda function: self.function(function) == part,
        )
