"""Instances of functions, and what instances of one function on one node have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simtier.clock import Entry
from simtier.models.serverless.spec import Times
from simtier.models.serverless.views import InstanceFacade

if TYPE_CHECKING:
    from simtier.models.network import Path
    from simtier.models.node import Claim, Node
    from simtier.models.serverless.function import Function
    from simtier.models.visit import Visit

NEVER = float("inf")


class Post:
    """What the instances of one function on one node share.

    Attributes:
        claim: what an instance takes of the node.
        delays: how long the way takes from nodes that only a delay parts from here.
        times: what cost models remember of this place.
        cold_tags, warm_tags: tags of rows of the stages table by stage, for executions that waited for a start, and the others.
        tag: tag of rows of the replicas table.
    """

    __slots__ = ("_tag", "_ways", "claim", "cold_tags", "delays", "function", "node", "times", "warm_tags")

    def __init__(self, function: Function, node: Node, claim: Claim) -> None:
        self.function = function
        self.node = node
        self.claim = claim
        self.delays: dict[str, float] = {node.name: 0.0}
        self.times: dict[Any, Any] = {}
        self.cold_tags: dict[Any, int] = {}
        self.warm_tags: dict[Any, int] = {}
        self._tag = -1
        self._ways: dict[str, Path] = {}

    @property
    def tag(self) -> int:
        """The tag, made at the first row: those who only ask how long work takes leave none."""
        if self._tag < 0:
            self._tag = self.function.cell.replica_tag(self.function, self.node, self.claim)
        return self._tag

    def way_from(self, node: str) -> Path:
        """Return the way from `node` to here."""
        way = self._ways.get(node)
        if way is None:
            way = self._ways[node] = self.function.cell.network.path(node, self.node.name)
            if way.delay_only:
                self.delays[node] = way.latency_s
        return way


class Instance:
    """One instance; see simtier.contract.InstanceView for what its states are.

    Attributes:
        in_flight: requests sent to it and not finished.
        running: requests in service.
        uses: requests served so far.
        since_s: when its state began.
        layer: topmost layer it holds.
        listed: whether it is idle and can be evicted.
        stays: whether it is provisioned: no policy ends it, and nothing evicts it.
        edge_s: ends of service minus starts so far.
        worth: what it was worth when it fell idle.
        timer_s: when the clock looks next whether its time has run out; infinity if it does not.
        starting: its start-up, as long as that lasts.
    """

    __slots__ = (
        "cores_each",
        "device",
        "expires_s",
        "function",
        "id",
        "in_flight",
        "layer",
        "listed",
        "node",
        "post",
        "running",
        "since_s",
        "starting",
        "state",
        "stays",
        "timer_s",
        "times",
        "uses",
        "worth",
    )

    def __init__(self, number: int, post: Post, now_s: float) -> None:
        self.id = number
        self.in_flight = 0
        self.running = 0
        self.uses = 0
        self.since_s = now_s
        self.expires_s = NEVER
        self.timer_s = NEVER
        self.worth = 0.0
        self.layer = "user"
        self.state = "starting"
        self.starting: StartUp | None = None
        self.stays = False
        self.listed = False
        self.device = None
        self.settle(post)

    @property
    def view(self) -> InstanceFacade:
        """The instance as a policy sees it: made anew each time, so that it does not keep itself alive."""
        return InstanceFacade(self)

    @property
    def service(self) -> Function:
        """Who hears of messages that were lost on the way here."""
        return self.function

    def settle(self, post: Post) -> None:
        """Become an instance of the function of `post`."""
        self.post = post
        self.function = post.function
        self.node = post.node
        self.times = post.times
        self.cores_each = post.function.cores_each

    # -- what applications and stages ask of a replica

    def arrive(self, visit: Visit) -> None:
        """Take a visit that has reached the instance."""
        self.function.run(visit)

    def way_from(self, node: str) -> Path:
        """Return the way from `node` to this instance."""
        return self.post.way_from(node)

    def leave(self, visit: Visit) -> None:
        """Let a visit go that never got all its inputs: nothing is kept of it here."""

    def has_less(self) -> None:
        """Do what one request less allows."""
        self.function.departed(self)


class StartUp:
    """A start under way: its components, and when it began.

    Attributes:
        times: seconds of each component.
        held: topmost layer that was there already, "" if none was.
        entry: the clock's entry for its end.
    """

    __slots__ = ("began_s", "entry", "held", "times")

    def __init__(self, times: Times, held: str, began_s: float, entry: Entry) -> None:
        self.times = times
        self.held = held
        self.began_s = began_s
        self.entry = entry
