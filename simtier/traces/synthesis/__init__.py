"""Look-alikes of public traces: generators with published parameters, and the same generators fitted to a trace of one's own.

They stand in for data that cannot be shipped; they are not the data. Each class states its model and what it leaves out, each
set of parameters its source.

    made = GENERATORS["azure-llm-2023/conv"].parameters.generate(streams.stream, duration_s=3600.0)
    for batch in made: ...
    own = fit("llm_requests", table)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from simtier.errors import TraceError, did_you_mean
from simtier.traces.shown import shown
from simtier.traces.synthesis.availability import Availability
from simtier.traces.synthesis.bandwidth import Bandwidth
from simtier.traces.synthesis.cold_starts import ColdStarts, MinuteCounts
from simtier.traces.synthesis.functions import FunctionRates
from simtier.traces.synthesis.generator import Generated, Generator, column, table_of
from simtier.traces.synthesis.invocations import Invocations
from simtier.traces.synthesis.prefixes import PrefixRequests
from simtier.traces.synthesis.published import azure_functions, azure_llm, huawei, huawei_rhythms, links, llm
from simtier.traces.synthesis.requests import BurstyRequests, OnOffRequests
from simtier.traces.tables import Family

__all__ = ["CLASSES", "GENERATORS", "Generated", "Generator", "Published", "as_document", "fit", "from_document"]

ON_OFF_CV = 3.0
"""Gap variation from which a trace of requests is taken for on/off traffic by `fit`."""


class Published(NamedTuple):
    """A generator with the parameters of a public trace.

    Attributes:
        family: of its rows.
        parameters: the generator.
        notes: where the parameters come from, and what to mind, in a sentence or two.
    """

    family: Family
    parameters: Generator
    notes: str


def _published(parameters: Generator, notes: str) -> Published:
    return Published(parameters.family, parameters, notes)


_HUAWEI = "Totals as in Figure 10a of the EuroSys 2025 paper, counts per minute of 31 days"
_ASSUMED = f"{_HUAWEI}; the parts' shapes are assumed, their means are not."

GENERATORS: Mapping[str, Published] = MappingProxyType(
    {
        "azure-functions-2019/day": _published(
            azure_functions.AZURE_FUNCTIONS_2019, "1,000 functions; hours and the trigger split partly assumed."
        ),
        "azure-functions-2021/sample": _published(
            azure_functions.AZURE_FUNCTIONS_2021_SAMPLE,
            "The first 1,200 s, a tenth of the whole file's rate. Missing: applications that call several functions at once.",
        ),
        "aws-spot": _published(
            links.AWS_SPOT, "Share available as published for us-west-2b; length of outages assumed."
        ),
        "azure-llm-2023/code": _published(
            azure_llm.CODE, "Quantiles of the complete file; on/off gaps. Missing: inputs that many requests share."
        ),
        "azure-llm-2023/conv": _published(
            azure_llm.CONV,
            "Quantiles of the complete file; Poisson, wandering rate. Missing: that outputs close in time resemble each other.",
        ),
        "burstgpt/1": _published(
            llm.BURSTGPT_1, "Rate, shares and failures of the file; lengths of its first 400 rows."
        ),
        "burstgpt/1-first400": _published(
            llm.BURSTGPT_1_HEAD, "Fitted to the first 400 rows. Missing: their quiet stretch of two hours."
        ),
        "fcc": _published(links.FCC, "Fitted to 150 files of 320 s. Missing: small differences within five seconds."),
        "huawei-2025/R1-cold-starts": _published(huawei.R1, _ASSUMED),
        "huawei-2025/R1-day28-cold-starts": _published(
            huawei.R1_DAY_28, "Parts as in a third party's quantiles of day 28, counts per minute of 31 days."
        ),
        "huawei-2025/R2-cold-starts": _published(huawei.R2, f"{_HUAWEI}; parts by runtime as in Figure 15."),
        "huawei-2025/R3-cold-starts": _published(huawei.R3, _ASSUMED),
        "huawei-2025/R4-cold-starts": _published(huawei.R4, _ASSUMED),
        "huawei-2025/R5-cold-starts": _published(huawei.R5, _ASSUMED),
        **{
            f"huawei-2025/{region}-cold-starts-per-minute": _published(counts, "Fitted to the counts of 31 days.")
            for region, counts in huawei_rhythms.COLD_STARTS_PER_MINUTE.items()
        },
        "huawei-2025/R2-requests-per-minute": _published(
            huawei_rhythms.R2_REQUESTS_PER_MINUTE, "Rhythm of its cold starts; the level is an order of magnitude."
        ),
        "lumos5g/driving": _published(links.LUMOS5G_DRIVING, "Published percentiles; correlation in time assumed."),
        "lumos5g/walking": _published(links.LUMOS5G_WALKING, "Published percentiles; correlation in time assumed."),
        "mooncake/conversation": _published(
            llm.MOONCAKE_CONVERSATION,
            "Quantiles of the complete file, prefix blocks. Missing: that the rate grows by a quarter in the hour.",
        ),
        "norway-hsdpa": _published(
            links.NORWAY_HSDPA,
            "Fitted to 80 rides. Missing: slow swings.",
        ),
        "oboe": _published(links.OBOE, "Fitted to 428 sessions."),
    }
)
"""Look-alikes by the name of the dataset, and the item in it."""

CLASSES: Mapping[str, type[Generator]] = MappingProxyType(
    {
        kind.__name__: kind
        for kind in (
            *(Availability, Bandwidth, BurstyRequests, ColdStarts, FunctionRates),
            *(Invocations, MinuteCounts, OnOffRequests, PrefixRequests),
        )
    }
)
"""Generators by the name that `as_document` writes."""


def as_document(generator: Generator) -> dict[str, Any]:
    """Return a generator as plain values: its class under "generator", its parameters under "parameters"."""
    return {"generator": type(generator).__name__, "parameters": generator.as_dict()}


def from_document(document: Mapping[str, Any], where: str = "document") -> Generator:
    """Return the generator that `as_document` wrote; raises TraceError, naming the place, if it is not one."""
    if not isinstance(document, Mapping) or set(document) != {"generator", "parameters"}:
        raise TraceError(f"{where}: takes the keys 'generator' and 'parameters', and no other")
    name = document["generator"]
    if not isinstance(name, str) or name not in CLASSES:
        raise TraceError(
            f"{where}.generator: no generator {shown(name)}{did_you_mean(name if isinstance(name, str) else '', CLASSES)}"
        )
    return CLASSES[name].from_dict(document["parameters"], f"{where}.parameters")


def fit(family: Family, source: Any, *, functions: Any = None) -> Generator:
    """Return the generator of `family` fitted to a trace, a table or its batches.

    Requests with prefix blocks get PrefixRequests, those whose gaps vary by three times their mean or more OnOffRequests,
    others BurstyRequests. Rates of several series get FunctionRates (`functions` is the table of the functions, if there is
    one), those of one series MinuteCounts. Of several bandwidth traces give a list of tables. Raises TraceError, saying
    why, if the trace is too short or cannot be fitted.
    """
    if family == "bandwidth":
        return Bandwidth.fit(source)
    if family == "functions":
        raise TraceError("a table of functions says nothing about time: fit its rates, and give it beside them")
    table = table_of(source, family, least=2, purpose=f"a look-alike of {family}")
    if family == "llm_requests":
        return _fit_requests(table)
    if family == "rates":
        several = table.column("series").combine_chunks().unique()
        return FunctionRates.fit(table, functions) if len(several) > 1 else MinuteCounts.fit(table)
    fits: dict[str, Callable[[Any], Generator]] = {
        "invocations": Invocations.fit,
        "cold_starts": ColdStarts.fit,
        "availability": Availability.fit,
    }
    return fits[family](table)


def _fit_requests(table: Any) -> Generator:
    if "blocks" in table.column_names and not table.column("blocks").null_count:
        return PrefixRequests.fit(table)
    gaps = np.diff(column(table, "arrival_s"))
    on_off = len(gaps) > 0 and bool(gaps.std() >= ON_OFF_CV * gaps.mean())
    return OnOffRequests.fit(table) if on_off else BurstyRequests.fit(table)
