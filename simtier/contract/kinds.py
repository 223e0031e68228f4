"""The kinds of policy: one question each, with who asks it, when, and what may be answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from simtier.contract.answers import Fetch, Hold, Verdict
from simtier.contract.balancing import Balancing
from simtier.contract.disaggregation import Disaggregation
from simtier.contract.expert_placement import ExpertPlacement
from simtier.contract.function_views import FunctionView
from simtier.contract.iterations import EngineView, Plan
from simtier.contract.keep_alive import KeepAlive
from simtier.contract.policy import Policy
from simtier.contract.power import PowerCapping
from simtier.contract.rebalancing import Rebalancing
from simtier.contract.split_views import SplitView
from simtier.contract.spot import Spot
from simtier.contract.views import (
    Limits,
    NodeView,
    ReplicaSpecView,
    ReplicaView,
    RequestView,
    ServiceView,
)
from simtier.units import Seconds


class Partitioning(Policy):
    """Which layers of a DNN run on which tier."""

    kind: ClassVar[str] = "partitioning"
    on_link_change: ClassVar[bool] = False
    """True: the answer depends only on the source, the links and the hardware, so it is asked again only when a link changed."""

    def split(self, request: RequestView, path: SplitView) -> Sequence[int]:
        """Return the cuts: `len(path.tiers) - 1` layer numbers, not decreasing, each from 0 to the number of layers.

        Tier k runs the layers from cut k-1 up to, not including, cut k (with 0 before the first and all after the last). Asked
        by a DNN stage when a request reaches it.
        """
        raise NotImplementedError


class Placement(Policy):
    """On which node a new replica starts."""

    kind: ClassVar[str] = "placement"
    takes_first: ClassVar[bool] = False
    """True: the policy always answers the first of `nodes`, so the engine need not ask."""

    def place(self, replica: ReplicaSpecView, nodes: Sequence[NodeView]) -> NodeView | None:
        """Return one of `nodes`, all of which have room for `replica` now, or None for none of them.

        Asked by a service each time a replica is to start and at least one node has room.
        """
        raise NotImplementedError


class Routing(Policy):
    """Which replica of a service gets a request."""

    kind: ClassVar[str] = "routing"
    takes_only_one: ClassVar[bool] = False
    """True: given a single replica the policy always answers that one, so the engine need not ask."""
    waits_in_line: ClassVar[bool] = False
    """True: what makes one request WAIT makes all behind it wait too, so the engine stops asking at the first that does."""
    fetches: ClassVar[bool] = False
    """True: it may answer `Fetch`, so that replicas with a cache of prefixes need ways from each to each."""

    def choose(self, request: RequestView, replicas: Sequence[ReplicaView]) -> ReplicaView | Fetch | Verdict:
        """Return one of `replicas` (ready ones, never none), WAIT or REJECT; replicas with engines may `Fetch` a prefix from each other.

        Asked where the request is, before it travels to the replica; and again for waiting ones when a replica becomes ready,
        finishes a request, or with an engine has computed a prompt. Views of replicas with engines are `EngineReplicaView`s.
        """
        raise NotImplementedError


class Scheduling(Policy):
    """In which order a replica's queue is served."""

    kind: ClassVar[str] = "scheduling"

    def rank(self, request: RequestView) -> float:
        """Return the sort key, lowest first; equal keys keep the order of arrival. Asked once, when the request joins the queue."""
        raise NotImplementedError

    def pick(self, queue: Sequence[RequestView]) -> RequestView:
        """Return the request of `queue` (in order of arrival, never empty) to serve next.

        For rules that no key expresses: a policy that defines `pick` is asked it each time capacity frees, and never `rank`.
        """
        raise NotImplementedError


class Batching(Policy):
    """Which waiting requests run together next."""

    kind: ClassVar[str] = "batching"

    def form(self, queue: Sequence[RequestView], limits: Limits) -> Sequence[RequestView] | Hold:
        """Return the requests of `queue` to run now (at least one, at most `limits.max_batch`), or `Hold(until_s)`.

        `queue` holds, in the order the scheduling policy gave, the waiting requests that can share a batch with the first, at most
        `limits.max_batch` of them.
        Asked when the executor is free and: a request joined, a batch ended, or the time of an earlier Hold came.

        On a platform `queue` holds all requests of one stage that wait in front of the function, in order of arrival, and it is asked when
        a request joined or the time of an earlier Hold came, again and again until it holds or nobody waits.
        """
        raise NotImplementedError

    def memory(self, function: FunctionView) -> float | None:  # noqa: ARG002 - most policies leave functions as they are
        """Return how many bytes of memory the function's instances have from now on, or None: as many as the scenario says.

        Asked on a platform before each `form`. Another amount than now deploys the function anew: idle instances end, busy ones when
        they have served what they have, and those that start from now on have the new amount (and the cores that go with it).
        """
        return None

    def plan(self, engine: EngineView) -> Plan:
        """Return what an engine of a language model computes next.

        In place of `form`, which such engines do not ask. Asked when an iteration has ended, unless the last plan still holds, and when a
        request arrives at an idle engine. A plan without tokens that preempts is carried out, and the policy asked again at once;
        one that does not preempt either waits for the next arrival, or until its `until_s`: only an engine where nothing runs may.
        """
        raise NotImplementedError


class Autoscaling(Policy):
    """How many replicas a service should have."""

    kind: ClassVar[str] = "autoscaling"
    at_once: ClassVar[bool] = False
    """True: on a platform it is asked whenever a request finds no free slot, once for all of one instant, in place of every `every`."""
    foresees: ClassVar[bool] = False
    """True: on a platform it is also asked about functions that have neither instances nor requests."""
    every: Annotated[Seconds, Field(gt=0)] = 15.0
    """How often it is asked."""

    def target(self, service: ServiceView) -> int:
        """Return the wanted number of replicas (the service's own least and most bound it).

        Asked every `every` seconds, and at once when a request finds neither a ready nor a starting replica; that request is
        already among `service.queued`.
        """
        raise NotImplementedError


class Admission(Policy):
    """Whether a request may enter a service."""

    kind: ClassVar[str] = "admission"

    def admit(self, request: RequestView, service: ServiceView) -> bool:
        """Return True to let it in, False to reject it. Asked once for each stage of a request, before it is routed."""
        raise NotImplementedError


class IterationBatching(Batching):
    """Batching by `plan`, for engines of language models."""

    steady: ClassVar[bool] = True
    """Whether a plan of decodes holds until something arrives, ends or lacks blocks (`Plan.iterations` may say less). False: the policy
    is asked before each iteration."""


KINDS: dict[str, type[Policy]] = {
    kind.kind: kind
    for kind in (
        Partitioning,
        Placement,
        Routing,
        Scheduling,
        Batching,
        Autoscaling,
        Admission,
        KeepAlive,
        Rebalancing,
        Disaggregation,
        Balancing,
        PowerCapping,
        Spot,
        ExpertPlacement,
    )
}
"""Every kind by its name."""
