"""The built-in policies, by kind and by the name a scenario uses.

Adding one is a new file and one line here. The entries are text, so that a policy is imported only when it is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

BUILT_IN: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "partitioning": {
            "all_on_tier": "simtier.policies.partitioning.all_on_tier:AllOnTier",
            "all_on_device": "simtier.policies.partitioning.all_on_tier:AllOnDevice",
            "all_on_edge": "simtier.policies.partitioning.all_on_tier:AllOnEdge",
            "all_on_cloud": "simtier.policies.partitioning.all_on_tier:AllOnCloud",
            "fixed_cut": "simtier.policies.partitioning.fixed_cut:FixedCut",
            "neurosurgeon": "simtier.policies.partitioning.neurosurgeon:Neurosurgeon",
        },
        "placement": {
            "first_fit": "simtier.policies.placement.first_fit:FirstFit",
            "best_fit": "simtier.policies.placement.best_fit:BestFit",
            "least_loaded": "simtier.policies.placement.least_loaded:LeastLoaded",
        },
        "routing": {
            "round_robin": "simtier.policies.routing.round_robin:RoundRobin",
            "random": "simtier.policies.routing.random_replica:RandomReplica",
            "least_in_flight": "simtier.policies.routing.least_in_flight:LeastInFlight",
            "power_of_two": "simtier.policies.routing.power_of_two:PowerOfTwo",
            "lowest_latency": "simtier.policies.routing.lowest_latency:LowestLatency",
        },
        "scheduling": {
            "fifo": "simtier.policies.scheduling.fifo:Fifo",
            "lifo": "simtier.policies.scheduling.lifo:Lifo",
            "shortest_first": "simtier.policies.scheduling.shortest_first:ShortestFirst",
            "earliest_deadline": "simtier.policies.scheduling.earliest_deadline:EarliestDeadline",
            "priority": "simtier.policies.scheduling.priority:Priority",
        },
        "batching": {
            "none": "simtier.policies.batching.one_at_a_time:OneAtATime",
            "size_or_timeout": "simtier.policies.batching.size_or_timeout:SizeOrTimeout",
        },
        "autoscaling": {
            "fixed": "simtier.policies.autoscaling.fixed:Fixed",
            "target_utilization": "simtier.policies.autoscaling.target_utilization:TargetUtilization",
        },
        "admission": {
            "everyone": "simtier.policies.admission.everyone:Everyone",
            "bounded_queue": "simtier.policies.admission.bounded_queue:BoundedQueue",
            "deadline_feasible": "simtier.policies.admission.deadline_feasible:DeadlineFeasible",
        },
    }
)
