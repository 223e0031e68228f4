"""A consistent-hash ring, and the keys of requests that are hashed onto it."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Literal

from simtier.contract import ReplicaView, RequestView

Key = Literal["source", "workload", "function"]
Over = Literal["replica", "node"]


def stable_hash(text: str) -> int:
    """Return a 64-bit number that is the same in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def key_of(request: RequestView, replicas: Sequence[ReplicaView], key: Key) -> str:
    """Return what is hashed: the request's source, its application and workload, or its function (else application and stage)."""
    if key == "source":
        return request.source
    if key == "workload":
        return f"{request.app}/{request.workload}"
    function = getattr(replicas[0], "function", None)  # instances of functions have one
    return f"{request.app}/{request.stage}" if function is None else f"{function.platform}/{function.name}"


def groups_of(replicas: Sequence[ReplicaView], over: Over) -> dict[str, list[ReplicaView]]:
    """Return `replicas` by what is on the ring: their number or their node's name."""
    groups: dict[str, list[ReplicaView]] = {}
    for replica in replicas:
        groups.setdefault(str(replica.id) if over == "replica" else replica.node.name, []).append(replica)
    return groups


class Ring:
    """Members at `points` places each on a circle; a key belongs to the first member clockwise (Karger et al., STOC 1997).

    When a member goes, only its keys move; when one joins, only its own share does.
    """

    def __init__(self, points: int) -> None:
        self._points = points
        self._members: list[str] = []
        self._ring: list[tuple[int, str]] = []
        self._places: dict[str, int] = {}  # of keys hashed before

    def clockwise(self, key: str, members: Sequence[str]) -> Iterator[str]:
        """Return each of `members` once, in the order in which they are met from the place of `key`."""
        if self._members != [*members]:
            self._rebuild(members)
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = stable_hash(key)
        first, ring, met = bisect_right(self._ring, (place, "")), self._ring, dict[str, None]()
        for step in range(len(ring)):
            member = ring[(first + step) % len(ring)][1]
            if member not in met:
                met[member] = None
                yield member

    def _rebuild(self, members: Sequence[str]) -> None:
        """Keep the places of those that stay; hash those that joined."""
        stay = set(members)
        had = set(self._members)
        kept = [point for point in self._ring if point[1] in stay]
        joined = [
            (stable_hash(f"{member}#{number}"), member)
            for member in members
            if member not in had
            for number in range(self._points)
        ]
        self._ring = sorted(kept + joined)
        self._members = [*members]
