"""Pools of language models: those that keys and values move between run the same model, and shares are there to be changed."""

from __future__ import annotations

from collections.abc import Iterator

from simtier.errors import PolicyError, Problem
from simtier.scenario.base import PolicyRef
from simtier.scenario.checks.facts import Facts
from simtier.scenario.checks.reach import Ways
from simtier.scenario.services import App
from simtier.scenario.source import Steps


def pools(facts: Facts) -> Iterator[Problem]:
    """Yield splits of unlike pools under a policy that divides requests, policies for shares or engines that are not there, and for ways that are not."""
    for name, app in facts.scenario.apps.items():
        ref = app.policies.disaggregation or facts.scenario.policies.disaggregation
        if _says(facts, "divides", "disaggregation", ref):
            yield from _unlike(facts, name, app, ref)
    yield from _balanced(facts)
    yield from _fetched(facts)


def _balanced(facts: Facts) -> Iterator[Problem]:
    for name, service in facts.scenario.services.items():
        balancing = service.policies.balancing
        here: Steps = ("services", name, "policies", "balancing")
        if balancing is None:
            continue
        if service.llm is None:
            message = "moves work among engines of language models, and this service has no `llm`: leave it out"
            yield facts.problem(here, message)
            continue
        divides = _says(facts, "divides", "balancing", balancing)
        if service.llm.shares is None and divides:
            message = (
                f"{balancing.use!r} changes shares of accelerators, and this service has none: give its `llm` `shares`"
            )
            yield facts.problem(here, message)
        elif service.llm.pipeline > 1 or (service.llm.shares is not None and not divides):
            several = "stages of a pipeline" if service.llm.pipeline > 1 else "`shares`"
            message = f"sequences and blocks are not moved where a replica has several engines ({several}): leave one of the two out"
            yield facts.problem(here, message)
        elif not divides:
            yield from _parted(facts, name, balancing, here, "moves keys and values among the replicas")


def _fetched(facts: Facts) -> Iterator[Problem]:
    for name, service in facts.scenario.services.items():
        routing = service.policies.routing or facts.scenario.policies.routing
        fetched = service.llm is not None and service.llm.prefix_caching
        if fetched and _says(facts, "fetches", "routing", routing):
            own = service.policies.routing is not None
            place: Steps = ("services", name, "policies", "routing") if own else ("policies", "routing")
            yield from _parted(facts, name, routing, place, "has replicas fetch cached prefixes from each other")


def _parted(facts: Facts, name: str, ref: PolicyRef, path: Steps, does: str) -> Iterator[Problem]:
    """Yield the problem of a service whose replicas are to send each other something, and have no way."""
    service = facts.scenario.services[name]
    links = facts.scenario.links.values()
    if any(not facts.spots([end]) for link in links for end in (link.source, link.target)):
        return  # a link without an end is the mistake, and is told
    scaling = service.policies.autoscaling or facts.scenario.policies.autoscaling
    if service.replicas == 1 and (service.most == 1 or _says(facts, "passive", "autoscaling", scaling)):
        return  # there is nobody to send anything to
    found = Ways(facts).parted(facts.spots(service.on))
    if found is not None:
        a, b = found
        between = f"one node of {a!r} to another" if a == b else f"{a!r} to {b!r}"
        message = f"{ref.use!r} {does} of {name!r}, and no links lead from {between}: add links, or take another policy"
        yield facts.problem(path, message)


def _unlike(facts: Facts, name: str, app: App, ref: PolicyRef) -> Iterator[Problem]:
    for stage_name, stage in app.stages.items():
        if stage.tokens is None or stage.split is None:
            continue
        found = [facts.scenario.services.get(pool) for pool in stage.split]
        runs = [(pool.llm.model, pool.llm.kv_bytes) for pool in found if pool is not None and pool.llm is not None]
        if len(set(runs)) > 1:
            message = (
                f"{ref.use!r} moves keys and values between these pools, and they differ: all must run the same model with keys and values of the "
                "same precision, or take a policy that serves each request in one pool, such as by_length"
            )
            yield facts.problem(("apps", name, "stages", stage_name, "split"), message)


def _says(facts: Facts, what: str, kind: str, ref: PolicyRef) -> bool:
    from simtier.catalogue.policies import find_policy  # noqa: PLC0415 - only checking needs the policies' modules

    try:
        return bool(getattr(find_policy(kind, ref.use, facts.scenario.folder), what, False))
    except PolicyError:
        return False  # told elsewhere
