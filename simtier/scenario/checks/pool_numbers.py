"""Pools of language models: as many as the policy that chooses among them is made for."""

from __future__ import annotations

from collections.abc import Iterator

from simtier.errors import PolicyError, Problem
from simtier.scenario.base import PolicyRef
from simtier.scenario.checks.facts import Facts
from simtier.scenario.source import Steps


def pool_numbers(facts: Facts) -> Iterator[Problem]:
    """Yield splits among fewer pools than the disaggregation policy chooses among."""
    for name, app in facts.scenario.apps.items():
        own = app.policies.disaggregation
        here: Steps = ("policies", "disaggregation") if own is None else ("apps", name, "policies", "disaggregation")
        for stage_name, stage in app.stages.items():
            if stage.tokens is None or stage.split is None:
                continue
            ref = own or facts.scenario.policies.disaggregation
            fewest = _fewest(facts, ref)
            if len(stage.split) < fewest:
                message = (
                    f"{ref.use!r} with these parameters chooses among {fewest} pools or more, and apps.{name}.stages.{stage_name}.split has "
                    f"{len(stage.split)}: give it fewer, or name more pools"
                )
                yield facts.problem(here, message)


def _fewest(facts: Facts, ref: PolicyRef) -> int:
    from simtier.catalogue.policies import load_policy  # noqa: PLC0415 - only checking needs the policies' modules

    try:
        return int(getattr(load_policy("disaggregation", ref.use, ref.given, facts.scenario.folder), "fewest_pools", 1))
    except PolicyError:
        return 0  # told elsewhere
