"""The resolved scenario: what is run, with the parameters of every policy written out."""

from __future__ import annotations

from typing import Any, get_type_hints

from pydantic import TypeAdapter

from simtier.catalogue.policies import load_policy
from simtier.scenario import Scenario
from simtier.scenario.base import PolicyRef


def resolve(scenario: Scenario) -> Scenario:
    """Return `scenario` with every policy's parameters written out, defaults included; other defaults are fields already."""
    services = {
        name: service.model_copy(update={"policies": _resolved(service.policies, scenario)})
        for name, service in scenario.services.items()
    }
    apps = {
        name: app.model_copy(update={"policies": _resolved(app.policies, scenario)})
        for name, app in scenario.apps.items()
    }
    policies = _resolved(scenario.policies, scenario)
    return scenario.model_copy(update={"services": services, "apps": apps, "policies": policies})


def _resolved(policies: Any, scenario: Scenario) -> Any:
    """Return a set of policies with every reference filled in."""
    refs = {kind: ref for kind, ref in policies if ref is not None}
    return policies.model_copy(update={kind: _written_out(kind, ref, scenario) for kind, ref in refs.items()})


def _written_out(kind: str, ref: PolicyRef, scenario: Scenario) -> PolicyRef:
    policy = load_policy(kind, ref.use, ref.given, scenario.folder)
    hints = get_type_hints(type(policy), include_extras=True)
    values = {
        name: TypeAdapter(hints[name]).dump_python(value, mode="json") for name, value in policy.parameters().items()
    }
    return PolicyRef(use=ref.use, **values)
