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
            "least_outstanding": "simtier.policies.routing.least_in_flight:LeastInFlight",
            "power_of_two": "simtier.policies.routing.power_of_two:PowerOfTwo",
            "warm_first": "simtier.policies.routing.warm_first:WarmFirst",
            "hash_affinity": "simtier.policies.routing.hash_affinity:HashAffinity",
            "bounded_load_hash": "simtier.policies.routing.bounded_load_hash:BoundedLoadHash",
            "cross_region": "simtier.policies.routing.cross_region:CrossRegion",
            "lowest_latency": "simtier.policies.routing.lowest_latency:LowestLatency",
            "shortest_queue_tokens": "simtier.policies.routing.shortest_queue_tokens:ShortestQueueTokens",
            "prefix_aware": "simtier.policies.routing.prefix_aware:PrefixAware",
            "kv_aware": "simtier.policies.routing.kv_aware:KvAware",
            "mooncake": "simtier.policies.routing.mooncake:Mooncake",
            "on_demand_forwarding": "simtier.policies.routing.on_demand_forwarding:OnDemandForwarding",
            "llumnix": "simtier.policies.routing.llumnix:Llumnix",
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
            "batch_slo": "simtier.policies.batching.batch_slo:BatchSlo",
            "mbs": "simtier.policies.batching.mbs:Mbs",
            "static": "simtier.policies.batching.static:Static",
            "orca": "simtier.policies.batching.orca:Orca",
            "vllm": "simtier.policies.batching.vllm:Vllm",
            "vllm_v1": "simtier.policies.batching.vllm_v1:VllmV1",
            "sarathi": "simtier.policies.batching.sarathi:Sarathi",
            "fastserve": "simtier.policies.batching.fastserve:FastServe",
            "priority": "simtier.policies.batching.priority_batching:Priority",
            "nanoflow": "simtier.policies.batching.nanoflow:Nanoflow",
        },
        "autoscaling": {
            "fixed": "simtier.policies.autoscaling.fixed:Fixed",
            "target_utilization": "simtier.policies.autoscaling.target_utilization:TargetUtilization",
            "target_concurrency": "simtier.policies.autoscaling.target_concurrency:TargetConcurrency",
            "queue_length": "simtier.policies.autoscaling.queue_length:QueueLength",
            "knative_kpa": "simtier.policies.autoscaling.knative_kpa:KnativeKpa",
            "kubernetes_hpa": "simtier.policies.autoscaling.kubernetes_hpa:KubernetesHpa",
            "predictive": "simtier.policies.autoscaling.predictive:Predictive",
            "newsvendor": "simtier.policies.autoscaling.newsvendor:Newsvendor",
            "on_demand": "simtier.policies.autoscaling.on_demand:OnDemand",
            "token_load": "simtier.policies.autoscaling.token_load:TokenLoad",
            "elastic_moe": "simtier.policies.autoscaling.elastic_moe:ElasticMoe",
            "pd_ratio": "simtier.policies.autoscaling.pd_ratio:PdRatio",
        },
        "admission": {
            "everyone": "simtier.policies.admission.everyone:Everyone",
            "bounded_queue": "simtier.policies.admission.bounded_queue:BoundedQueue",
            "deadline_feasible": "simtier.policies.admission.deadline_feasible:DeadlineFeasible",
            "early_rejection": "simtier.policies.admission.early_rejection:EarlyRejection",
        },
        "keep_alive": {
            "fixed": "simtier.policies.keep_alive.fixed:Fixed",
            "none": "simtier.policies.keep_alive.none:NoKeepAlive",
            "forever": "simtier.policies.keep_alive.forever:Forever",
            "lru": "simtier.policies.keep_alive.lru:Lru",
            "faascache": "simtier.policies.keep_alive.faascache:FaasCache",
            "hybrid_histogram": "simtier.policies.keep_alive.hybrid_histogram:HybridHistogram",
            "rainbowcake": "simtier.policies.keep_alive.rainbowcake:RainbowCake",
            "timer_prewarm": "simtier.policies.keep_alive.timer_prewarm:TimerPrewarm",
            "pool_prediction": "simtier.policies.keep_alive.pool_prediction:PoolPrediction",
        },
        "rebalancing": {
            "fixed_shares": "simtier.policies.rebalancing.fixed_shares:FixedShares",
            "harvest": "simtier.policies.rebalancing.harvest:Harvest",
        },
        "disaggregation": {
            "apart": "simtier.policies.disaggregation.apart:Apart",
            "by_length": "simtier.policies.disaggregation.by_length:ByLength",
            "spill_over": "simtier.policies.disaggregation.spill_over:SpillOver",
            "splitwise": "simtier.policies.disaggregation.splitwise:Splitwise",
        },
        "balancing": {
            "llumnix": "simtier.policies.balancing.llumnix:Llumnix",
            "semi_pd": "simtier.policies.balancing.semi_pd:SemiPd",
            "infinite_llm": "simtier.policies.balancing.infinite_llm:InfiniteLlm",
        },
        "power": {
            "uncapped": "simtier.policies.power.uncapped:Uncapped",
            "one_threshold": "simtier.policies.power.one_threshold:OneThreshold",
            "polca": "simtier.policies.power.polca:Polca",
        },
        "spot": {
            "on_demand_only": "simtier.policies.spot.on_demand_only:OnDemandOnly",
            "greedy_spot": "simtier.policies.spot.greedy_spot:GreedySpot",
            "uniform_progress": "simtier.policies.spot.uniform_progress:UniformProgress",
        },
        "expert_placement": {
            "as_numbered": "simtier.policies.expert_placement.as_numbered:AsNumbered",
            "greedy": "simtier.policies.expert_placement.greedy:Greedy",
            "hierarchical": "simtier.policies.expert_placement.hierarchical:Hierarchical",
            "serpentine": "simtier.policies.expert_placement.serpentine:Serpentine",
        },
    }
)
