"""What moves through the system: a request at one part of one of its stages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from simtier.models.app import Origin
    from simtier.models.stage import Stage


class Server(Protocol):
    """Who does a piece of work: a service, or a function of a platform."""

    @property
    def name(self) -> str:
        """Its name."""

    mean_work_s: float

    def take(self, visit: Visit) -> None:
        """Take a visit with a single input that is about to come here."""

    def consider(self, visit: Visit) -> None:
        """Take a visit of any sort."""

    def lost(self, visit: Visit) -> None:
        """End a request whose message was lost on the way."""

    def known_replica(self) -> Any:
        """Return a replica by which to tell how long work takes; None if there never was one."""

    def first_replica(self) -> Any:
        """Return a replica that is ready, or as good as; None if there is none."""


class Part:
    """A piece of work that one service does of a stage: all of it, or some layers of a DNN.

    Attributes:
        service: who does it.
        name: empty for all of a stage, else which layers.
        first, last: layers [first, last) for a DNN, else 0, 0.
    """

    __slots__ = ("first", "last", "name", "service")

    def __init__(self, service: Server, name: str = "", first: int = 0, last: int = 0) -> None:
        self.service = service
        self.name = name
        self.first = first
        self.last = last


class Visit:
    """A request at one part of one stage: on its way to a replica, waiting, or in service.

    The request itself is its number: its source's number and its count there, the same whatever the policies do, and random draws
    are read by it. Its application knows by the number whether it is over.

    Attributes:
        id: number of the request.
        origin: where it came from.
        arrival_s: when it entered the system.
        stage, part: what is to be done.
        at: node where its data is.
        nbytes: how much data that is.
        sent_s: when it was ready to go to this part.
        routed_s: when a replica was chosen and it set out; not set before.
        salt: mixed into the request's number where links draw for this message; not set on a request's first visit, which needs none.
        queued_s: when it reached the replica; not set before.
        started_s: when its service began; not set before.
        traced: what the trace tells of the request, by `simtier.models.workload.TRACED`; empty if it is of no trace.
        replica: the replica, or instance, that serves it; not set before it is chosen.
        inputs: for a join, inputs that have not arrived yet.
        inbox: for a join, inputs that wait for the replica to be chosen: node, bytes and salt of each; not set otherwise.
        later: for a split stage, the parts that follow.
        hand_over: how its keys and values come; only set for what decodes elsewhere than its prompt was computed.
        sequence: its tokens, once an engine has served it; not set before.
        answer: the first sequence of the request that got all its tokens; only set on a request's first visit, and not before.
        fetch_from: replica whose cached prefix is copied before it sets out; only set if the routing policy says so.
        cold: whether it waited for an instance of a function to start; only set on a platform.
        served_s: when the answer set out; only set on a request's first visit, and only if that takes time.
    """

    __slots__ = (
        "answer",
        "arrival_s",
        "at",
        "cold",
        "fetch_from",
        "hand_over",
        "id",
        "inbox",
        "inputs",
        "later",
        "nbytes",
        "origin",
        "part",
        "queued_s",
        "replica",
        "routed_s",
        "salt",
        "sent_s",
        "sequence",
        "served_s",
        "stage",
        "started_s",
        "traced",
    )

    answer: Any
    cold: bool
    fetch_from: Any
    hand_over: Any
    inbox: tuple[tuple[str, float, int], ...]
    sequence: Any
    inputs: int
    later: tuple[Any, ...]
    queued_s: float
    replica: Any  # a Replica, or on a platform an Instance
    routed_s: float
    salt: int
    served_s: float
    started_s: float

    id: int
    origin: Origin
    arrival_s: float
    stage: Stage
    part: Part
    at: str
    nbytes: float
    sent_s: float
    traced: tuple[float, ...]

    # No __init__: calling one takes longer than all of the assignments, and `Origin.arrive` makes a visit for each request.

    def onward(self, stage: Stage, part: Part, nbytes: float, now: float, salt: int) -> Visit:
        """Return the same request's visit to something that comes after this, where this one is."""
        visit = Visit()
        visit.id = self.id
        visit.origin = self.origin
        visit.arrival_s = self.arrival_s
        visit.stage = stage
        visit.part = part
        visit.at = self.at
        visit.nbytes = nbytes
        visit.sent_s = now
        visit.salt = salt
        visit.traced = self.traced
        return visit
