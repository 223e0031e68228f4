"""The policies a scenario names."""

from __future__ import annotations

from collections.abc import Iterator

from simtier.errors import PolicyError, Problem
from simtier.scenario.base import Part, PolicyRef
from simtier.scenario.checks.facts import Facts
from simtier.scenario.source import Steps


def policies(facts: Facts) -> Iterator[Problem]:
    """Yield policies that cannot be loaded, and wrong parameters."""
    from simtier.catalogue.policies import load_policy  # noqa: PLC0415 - only checking needs the policies' modules

    for path, kind, ref in _references(facts):
        try:
            load_policy(kind, ref.use, ref.given, facts.scenario.folder)
        except PolicyError as error:
            for message in str(error).splitlines():
                yield facts.problem(path, message)


def _references(facts: Facts) -> Iterator[tuple[Steps, str, PolicyRef]]:
    """Yield every policy of the scenario with its path and its kind."""
    owners: list[tuple[Steps, Part]] = [(("policies",), facts.scenario.policies)]
    owners += [(("services", name, "policies"), each.policies) for name, each in facts.scenario.services.items()]
    owners += [(("platforms", name, "policies"), each.policies) for name, each in facts.scenario.platforms.items()]
    owners += [(("apps", name, "policies"), each.policies) for name, each in facts.scenario.apps.items()]
    owners += [(("power_rows", name, "policies"), each.policies) for name, each in facts.scenario.power_rows.items()]
    for path, owner in owners:
        for kind in type(owner).model_fields:
            ref = getattr(owner, kind)
            if ref is not None:
                yield (*path, kind), kind, ref
