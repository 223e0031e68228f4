"""Requests, and their visits to replicas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simtier.models.app import Origin, Stage
    from simtier.models.replica import Replica
    from simtier.models.service import Service

NOT_YET = float("nan")


class Request:
    """One request from its arrival to its one outcome.

    `id` numbers the k-th request of source s of S as k*S + s, so it is the same whatever the policies do; random draws are read by
    it. `joins` holds the visits that still wait for some of their inputs (only in a DAG of stages).
    """

    __slots__ = ("arrival_s", "id", "joins", "open_ends", "origin", "over", "served_s", "timeout")

    joins: dict[Stage, Visit]
    open_ends: int
    timeout: Any

    def __init__(self, number: int, origin: Origin, now: float) -> None:
        self.id = number
        self.origin = origin
        self.arrival_s = now
        self.served_s = NOT_YET
        self.over = False


class Part:
    """A piece of work that one service does of a stage: all of it, or some layers of a DNN.

    Attributes:
        service: who does it.
        first, last: layers [first, last) for a DNN, else 0, 0.
        name: empty for all of a stage, else which layers.
    """

    __slots__ = ("first", "last", "name", "service")

    def __init__(self, service: Service, name: str = "", first: int = 0, last: int = 0) -> None:
        self.service = service
        self.name = name
        self.first = first
        self.last = last


class Visit:
    """A request at one part of one stage: on its way to a replica, waiting, or in service."""

    __slots__ = (
        "at",
        "inputs",
        "later",
        "nbytes",
        "part",
        "queued_s",
        "replica",
        "request",
        "sent_s",
        "stage",
        "started_s",
    )

    inputs: int
    """Inputs that have not arrived yet."""
    replica: Replica
    later: tuple[Any, ...]
    """Parts of the same stage that follow, with the bytes that each is handed."""
    started_s: float

    def __init__(self, request: Request, stage: Stage, part: Part, at: str, nbytes: float, now: float) -> None:
        self.request = request
        self.stage = stage
        self.part = part
        self.at = at
        self.nbytes = nbytes
        self.sent_s = now
        self.queued_s = NOT_YET
