"""The contract between policies, which decide, and models, which act.

A policy is a small class with annotated parameters that answers one question with a plain value; it sees read-only views and
never SimPy. The kinds of policy are in `kinds`, what they see in `views`, what they may answer in `answers`.
"""

from simtier.contract.answers import REJECT, WAIT, Fetch, Hold, Verdict
from simtier.contract.asking import Asker, Decision, Decisions
from simtier.contract.balancing import Balancing, Divide, Loan, Move, Step
from simtier.contract.disaggregation import Disaggregation
from simtier.contract.engine_views import EngineReplicaView, runs_engine
from simtier.contract.expert_placement import ExpertLoadView, ExpertPlacement
from simtier.contract.function_views import CellView, ExecutionView, FunctionView, InstanceView, PoolView
from simtier.contract.iterations import EngineView, Plan, SequenceView
from simtier.contract.keep_alive import KeepAlive
from simtier.contract.kinds import (
    KINDS,
    Admission,
    Autoscaling,
    Batching,
    IterationBatching,
    Partitioning,
    Placement,
    Routing,
    Scheduling,
)
from simtier.contract.policy import Policy
from simtier.contract.power import Caps, PowerCapping, PowerRowView, ServerView
from simtier.contract.rebalancing import Rebalancing
from simtier.contract.split_views import HopView, SplitView, TierView
from simtier.contract.spot import Instance, JobView, RunFor, Spot
from simtier.contract.views import (
    Limits,
    NodeView,
    OutcomeView,
    ReplicaSpecView,
    ReplicaView,
    RequestView,
    ServiceView,
    SiteView,
)

__all__ = [
    "KINDS",
    "REJECT",
    "WAIT",
    "Admission",
    "Asker",
    "Autoscaling",
    "Balancing",
    "Batching",
    "Caps",
    "CellView",
    "Decision",
    "Decisions",
    "Disaggregation",
    "Divide",
    "EngineReplicaView",
    "EngineView",
    "ExecutionView",
    "ExpertLoadView",
    "ExpertPlacement",
    "Fetch",
    "FunctionView",
    "Hold",
    "HopView",
    "Instance",
    "InstanceView",
    "IterationBatching",
    "JobView",
    "KeepAlive",
    "Limits",
    "Loan",
    "Move",
    "NodeView",
    "OutcomeView",
    "Partitioning",
    "Placement",
    "Plan",
    "Policy",
    "PoolView",
    "PowerCapping",
    "PowerRowView",
    "Rebalancing",
    "ReplicaSpecView",
    "ReplicaView",
    "RequestView",
    "Routing",
    "RunFor",
    "Scheduling",
    "SequenceView",
    "ServerView",
    "ServiceView",
    "SiteView",
    "SplitView",
    "Spot",
    "Step",
    "TierView",
    "Verdict",
    "runs_engine",
]
