"""Playing environments: small scenarios to learn on, and episodes driven by agents or by built-in policies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from simtier.contract import Policy
from simtier.learning import LinearAgent
from simtier.learning.decisions import Decision, Observation
from simtier.learning.environment import PolicyEnv
from simtier.learning.reward import Earned
from simtier.scenario import Scenario
from simtier.streams import Streams

EDGE_WEB = "scenarios/edge_cloud_web.yaml"
SHORT_WEB = ("run.duration=100 s", "run.warmup=20 s", "run.replications=2", "services.front.price=1 USD/hour")
VIDEO = "scenarios/video_analytics.yaml"
SHORT_VIDEO = ("run.duration=4 s", "run.warmup=1 s", "run.replications=2", "nodes.camera.count=4")
CHAT = "scenarios/llm_chat.yaml"
PLACES = {
    "autoscaling": (EDGE_WEB, "services.front.policies.autoscaling", SHORT_WEB),
    "routing": (EDGE_WEB, "services.front.policies.routing", (*SHORT_WEB, "run.duration=30 s")),
    "partitioning": (VIDEO, "apps.detect.policies.partitioning", SHORT_VIDEO),
}
"""For each kind a shipped scenario made short, and what to decide in it."""


@dataclass
class Episode:
    """What an episode of an environment gave: all that was seen, chosen and got."""

    seen: list[Observation] = field(default_factory=list)
    actions: list[Any] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    infos: list[Mapping[str, Any]] = field(default_factory=list)
    fingerprint: str = ""

    @property
    def earned(self) -> Earned:
        """All that happened."""
        return Earned(*(sum(info[name] for info in self.infos) for name in ("met", "missed", "dollars", "seconds")))


def play_episode(env: PolicyEnv, choose: Callable[[Observation], Any], **reset: Any) -> Episode:
    """Play one episode to its end; `choose` says the action for each observation."""
    played = Episode()
    observation, _ = env.reset(**reset)
    over = False
    while not over:
        action = choose(observation)
        played.seen.append(observation)
        played.actions.append(action)
        observation, reward, _, over, info = env.step(action)
        played.rewards.append(reward)
        played.infos.append(info)
    played.seen.append(observation)
    played.fingerprint = env.fingerprint
    return played


def some_agent(decision: Decision, seed: int = 0) -> LinearAgent:
    """Return an agent whose weights were drawn: it decides by all that it sees."""
    draws = Streams(seed).stream("weights")
    agent = LinearAgent(decision)
    quick = np.array([name.endswith(("queued", "in_flight", "rate", "busy")) for name in decision.names])
    weights = np.concatenate([[0.0], np.where(quick, 20.0, 1.0)])  # what stays the same should not decide
    agent.weights = [draws.normal(size=each.shape) * weights for each in agent.weights]
    return agent


def listen_to(env: PolicyEnv, policy: Policy, to_action: Callable[[Any, tuple[Any, ...]], Any]) -> Callable[[Any], Any]:
    """Let `policy` be asked whatever `env` is asked; return a chooser that says what it answered.

    Args:
        env: the environment.
        policy: one that draws no random numbers.
        to_action: turns its answer, and the question's arguments, into an action.
    """
    decision, answered = env.decision, []
    start, observe = decision.start, decision.observe
    question = {"autoscaling": "target", "routing": "choose", "partitioning": "split"}[policy.kind]

    def started(site: Any) -> None:
        start(site)
        policy.start(site, Streams(0).stream("unused"))

    def observed(*seen: Any) -> Observation:
        answered[:] = [to_action(getattr(policy, question)(*seen), seen)]
        return observe(*seen)

    decision.start, decision.observe = started, observed  # type: ignore[method-assign]
    decision.at_end = np.ndarray.copy  # type: ignore[method-assign]  # so that it is not asked once more
    return lambda _: answered[0]


def system(**changes: Any) -> Scenario:
    """Return a small system that scales: requests in waves at a service of one to six replicas, which cost."""
    data: dict[str, Any] = {
        "name": "waves",
        "run": {"duration": "120 s", "drain": "5 s", "warmup": "20 s", "seed": 5, "samples": 0},
        "nodes": {"site": {"tier": "edge", "cores": 8}},
        "services": {
            "web": {
                "on": "site",
                "replicas": 2,
                "least": 1,
                "most": 6,
                "startup": "2 s",
                "price": "3.6 USD/hour",
                "policies": {
                    "autoscaling": {"use": "target_utilization", "every": "5 s"},
                    "routing": "least_in_flight",
                },
            }
        },
        "apps": {
            "ask": {
                "stages": {"serve": {"service": "web", "time": {"distribution": "exponential", "mean": "50 ms"}}},
                "slo": {"latency": "200 ms"},
                "timeout": "2 s",
            }
        },
        "workloads": {
            "asks": {
                "app": "ask",
                "from": "site",
                "arrivals": {"process": "markov", "rates": ["10 /s", "80 /s"], "stay": ["15 s", "10 s"]},
            }
        },
    }
    return Scenario.from_dict(data, changes)


def chat(promise: Mapping[str, Any]) -> dict[str, Any]:
    """Return people who talk to a language model on two accelerators, as plain data."""
    tokens = {
        "input": {"distribution": "lognormal", "mean": 800, "cv": 0.8},
        "output": {"distribution": "gamma", "mean": 60, "cv": 0.7},
    }
    return {
        "name": "chat",
        "run": {"duration": "12 s", "drain": "60 s", "warmup": "1 s", "seed": 2, "samples": 0},
        "nodes": {
            "gpus": {"tier": "cloud", "hardware": "cloud_gpu_host", "accelerators": ["a100_80g", "a100_80g"]},
            "people": {"tier": "device", "cores": 1},
        },
        "links": {"internet": {"from": "people", "to": "gpus", "latency": "20 ms"}},
        "services": {"chat": {"on": "gpus", "replicas": 2, "llm": {"model": "llama-3-8b"}}},
        "apps": {"talk": {"stages": {"answer": {"service": "chat", "tokens": tokens}}, "slo": dict(promise)}},
        "workloads": {"people": {"app": "talk", "from": "people", "arrivals": {"process": "poisson", "rate": "6 /s"}}},
    }
