"""Beginnings that prompts share: engines that look for them need blocks that fit."""

from __future__ import annotations

from collections.abc import Iterator

from simtier.errors import Problem
from simtier.models.llm.prefix_source import PREFIX_TOKENS
from simtier.scenario.checks.facts import Facts


def prefixes(facts: Facts) -> Iterator[Problem]:
    """Yield blocks that no number of which make up 512 tokens, and shared texts where no engine keeps prefixes."""
    for name, service in facts.scenario.services.items():
        llm = service.llm
        if llm is not None and llm.prefix_caching and PREFIX_TOKENS % llm.block:
            message = f"prefixes are told in pieces of {PREFIX_TOKENS} tokens, which blocks of {llm.block} do not make up: take 16, 32 or another divisor"
            yield facts.problem(("services", name, "llm", "block"), message)
    for app_name, app in facts.scenario.apps.items():
        for stage_name, stage in app.stages.items():
            if stage.tokens is None or stage.tokens.shared is None:
                continue
            models = [facts.scenario.services[each].llm for each in stage.hosts if each in facts.scenario.services]
            if models and not any(llm is not None and llm.prefix_caching for llm in models):
                message = f"{', '.join(stage.hosts)} would not find what prompts share: set `prefix_caching: true` in its `llm`, or leave it out"
                yield facts.problem(("apps", app_name, "stages", stage_name, "tokens", "shared"), message)
