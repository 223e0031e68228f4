"""The page of scenario files: every field, from the frozen models and the text below each field."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from pages.amounts import quantity
from pages.markdown import code, docstring, document, table
from pages.words import in_words
from simtier.scenario import (
    base,
    cold_starts,
    cores,
    llm,
    llm_costs,
    loading,
    platforms,
    power,
    services,
    topology,
    workloads,
)
from simtier.scenario import scenario as whole
from simtier.units import _DIMENSIONS

EXAMPLES = Path(__file__).with_name("examples.yaml")

_CHOOSING = (
    "A policy is chosen by its name, `routing: power_of_two`, or with parameters, `routing: {use: power_of_two, d: 3}`. "
    "What a service, a platform or an application does not choose is taken from the scenario's `policies`. The rules and their parameters "
    "are in [policies](policies.md)."
)
_TOKENS = (
    "What runs on the replicas of a service, and how many tokens the requests of a stage have; see [language models](../llm.md). `input` and "
    "`output` are a number, such as `512`, or one of the last two; `distribution` says which."
)

Part = type[BaseModel]
SECTIONS: tuple[tuple[str, str, tuple[tuple[Part, str], ...]], ...] = (
    (
        "The file",
        "",
        ((whole.Scenario, "the top of the file"), (whole.Run, "`run`")),
    ),
    (
        "Infrastructure",
        "",
        (
            (topology.Nodes, "`nodes.<name>`"),
            (topology.Links, "`links.<name>`"),
            (topology.Direction, "`links.<name>.back`"),
            (topology.Trace, "`links.<name>.bandwidth`"),
        ),
    ),
    (
        "Services and applications",
        "",
        (
            (services.Service, "`services.<name>`"),
            (services.App, "`apps.<name>`"),
            (services.Stage, "`apps.<name>.stages.<name>`"),
            (base.Cost, "`apps.<name>.stages.<name>.cost`"),
            (services.Slo, "`apps.<name>.slo`"),
        ),
    ),
    (
        "Language models",
        _TOKENS,
        (
            (llm.Llm, "`services.<name>.llm`"),
            (llm.EfficiencyChoice, "`services.<name>.llm.efficiency`"),
            (llm.Offload, "`services.<name>.llm.offload`"),
            (llm.Shares, "`services.<name>.llm.shares`"),
            (llm.HandingOver, "`services.<name>.llm.hand_over`"),
            (loading.Loading, "`services.<name>.llm.loading`"),
            (loading.Copy, "`services.<name>.llm.loading.disk`"),
            (llm.PhaseShares, "`services.<name>.llm.power`"),
            (llm_costs.Interconnect, "`services.<name>.llm.interconnect`"),
            (llm_costs.ExpertSpread, "`services.<name>.llm.experts`"),
            (llm_costs.ProfileFolder, "`services.<name>.llm.cost`"),
            (llm.Tokens, "`apps.<name>.stages.<name>.tokens`"),
            (llm.SharedTexts, "`apps.<name>.stages.<name>.tokens.shared`"),
            (llm.Spread, "`apps.<name>.stages.<name>.tokens.input`"),
            (llm.Between, "`apps.<name>.stages.<name>.tokens.input`"),
        ),
    ),
    (
        "Function platforms",
        "",
        (
            (platforms.Platform, "`platforms.<name>`"),
            (platforms.Function, "`platforms.<name>.functions.<name>`"),
            (platforms.Region, "`platforms.<name>.regions.<name>`"),
            (platforms.Ramp, "`platforms.<name>.ramp`"),
            (platforms.Layers, "`platforms.<name>.layers`"),
            (platforms.PlatformPrice, "`platforms.<name>.price`"),
        ),
    ),
    (
        "Cold starts",
        (
            "`cold_start` of a platform or a region is a time, such as `500 ms`, which the instance spends initialising, or one of these; "
            "`model` says which."
        ),
        (
            *(
                (each, "`platforms.<name>.cold_start`")
                for each in (
                    cold_starts.GivenColdStart,
                    cold_starts.PoolsColdStart,
                    cold_starts.HuaweiColdStart,
                    cold_starts.LogNormalColdStart,
                    cold_starts.TracedColdStart,
                )
            ),
            (cold_starts.InstancePool, "`platforms.<name>.cold_start.pools.<size>`"),
        ),
    ),
    ("Workloads", "", ((workloads.Workload, "`workloads.<name>`"),)),
    (
        "Arrivals",
        "`workloads.<name>.arrivals` is one of these; `process` says which.",
        tuple(
            (each, "`workloads.<name>.arrivals`")
            for each in (
                workloads.Periodic,
                workloads.Poisson,
                workloads.Renewal,
                workloads.MarkovModulated,
                workloads.Varying,
                workloads.Closed,
            )
        ),
    ),
    ("Counts", "", ((workloads.Expansion, "`workloads.<name>.expand`"),)),
    (
        "Times",
        "A time that may vary is text such as `40 ms`, which is always the same, or one of these; `distribution` says which.",
        (
            *((each, "any place for a time") for each in (base.Fixed, base.Exponential, base.MeanCv, base.Uniform)),
            (base.Traced, "`apps.<name>.stages.<name>.time`"),
        ),
    ),
    (
        "Numbers of cores",
        "What executions of a function could use is a number such as `2`, always the same, or one of these; `distribution` says which.",
        tuple(
            (each, "`platforms.<name>.functions.<name>.uses`")
            for each in (cores.FixedCores, cores.ExponentialCores, cores.MeanCvCores, cores.UniformCores)
        ),
    ),
    (
        "Power rows",
        "",
        (
            (power.PowerRow, "`power_rows.<name>`"),
            (power.Brake, "`power_rows.<name>.brake`"),
            (power.Load, "`power_rows.<name>.loads.<name>`"),
        ),
    ),
    (
        "Choosing policies",
        _CHOOSING,
        (
            (services.Policies, "`policies`"),
            (services.ServicePolicies, "`services.<name>.policies`"),
            (services.AppPolicies, "`apps.<name>.policies`"),
            (platforms.PlatformPolicies, "`platforms.<name>.policies`"),
            (power.RowPolicies, "`power_rows.<name>.policies`"),
            (base.PolicyRef, "any place for a policy"),
        ),
    ),
)
"""Heading, introduction, and the parts with where each stands; a test checks that no part of a scenario is missing."""

_ABOUT = (
    "# Scenario reference\n\nA scenario is one YAML file (YAML 1.2; a key written twice is refused). Unknown keys, missing units and names "
    "that stand for nothing are refused, all at once and with their lines: `simtier validate FILE`. `simtier schema` prints the JSON "
    "Schema. Where a list of names is expected, a single name may be written alone. In the tables, a default of *required* means that the "
    "key must be written, and a dash that nothing is assumed."
)
_UNITS = (
    "## Quantities\n\nA value with a dimension is text with its unit; a bare number is refused, so that bits never pass for bytes nor "
    "milliseconds for seconds. `B` is a byte, `b` or `bit` a bit. Decimal prefixes `n u m k M G T P` and binary ones `Ki Mi Gi Ti` "
    "are understood; times may be `s`, `min`, `h`, `day`. Inside, and in results, everything is in the SI unit of the last column."
)


def example_lines(path: Path = EXAMPLES) -> Mapping[str, Mapping[str, str]]:
    """Return the examples as they are written: for each part, for each field, the text of its line."""
    found: dict[str, dict[str, str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        part = re.match(r"^(\w+):$", line)
        field = re.match(r"^  (\w+): .*$", line)
        if part:
            here = found[part[1]] = {}
        elif field:
            here[field[1]] = line.strip()
    return found


def parts() -> tuple[Part, ...]:
    """Return every part that has a section."""
    return tuple(part for _, _, inside in SECTIONS for part, _ in inside)


def page() -> str:
    """Return the page."""
    examples = example_lines()
    units = [(name, code(example), code(unit)) for name, (unit, example) in _DIMENSIONS.items()]
    return document(_ABOUT, *_sections(examples), _UNITS, table(["dimension", "example", "unit inside"], units))


def _sections(examples: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    for heading, about, inside in SECTIONS:
        yield f"## {heading}"
        yield about
        for part, place in inside:
            yield f"### {part.__name__}"
            yield f"{docstring(part.__doc__)} Stands at {place}."
            yield fields(part, examples[part.__name__])


def fields(part: Part, examples: Mapping[str, str]) -> str:
    """Return the table of a part's fields."""
    properties = part.model_json_schema(by_alias=True)
    schemas = _properties(properties, part.__name__)
    rows = []
    for name, field in part.model_fields.items():
        key = field.alias or name
        shown = [code(key), in_words(field, schemas[key]), _default(part, name, field), code(examples[key])]
        rows.append([*shown, field.description or "Says which of them it is."])
    return table(["field", "type", "default", "example", "meaning"], rows)


def _properties(schema: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the fields of a part in its JSON Schema, which may stand among its definitions or beside a text."""
    places = [schema, schema.get("$defs", {}).get(name, {})]
    places += [choice for place in places for choice in place.get("anyOf", [])]
    found: Mapping[str, Any] = next(place["properties"] for place in places if "properties" in place)
    return found


def _default(part: Part, name: str, field: FieldInfo) -> str:
    """Return the default as a file would write it."""
    if field.is_required():
        return "*required*"
    written = _dumped(part, name, field.get_default(call_default_factory=True))
    if written in (None, "", [], {}) or (isinstance(written, dict) and not any(written.values())):
        return "-"
    if isinstance(written, dict) and not {"use", "distribution"} & set(written):
        return "its own defaults"
    return code(_short(written))


def _dumped(part: Part, name: str, value: Any) -> Any:
    """Return `value` as the part's own serialiser writes it: 0.0 of a time is "0.0 s"."""
    if value is PydanticUndefined:
        return None
    return part.model_construct(None, **{name: value}).model_dump(mode="json", include={name})[name]


def _short(written: Any) -> Any:
    if isinstance(written, str) and re.match(r"^[\d.einf+-]+ \S+$", written):
        return quantity(written)
    if isinstance(written, dict) and written.get("distribution") == "fixed":
        return quantity(written["value"])
    if isinstance(written, dict) and "use" in written:
        return written["use"]
    return (
        str(written).lower() if isinstance(written, bool) else f"{written:g}" if isinstance(written, float) else written
    )
