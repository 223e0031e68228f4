"""The tables of Huawei 2025 with a row for each event or function: cold starts, requests, functions; see huawei_2025."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from simtier.traces.columns import Duration, Kind, Label, Number, Text
from simtier.traces.csv_rows import csv_rows
from simtier.traces.ledger import Ledger
from simtier.traces.ordering import in_order
from simtier.traces.source import Source
from simtier.traces.tables import batch
from simtier.traces.times import Seconds, begins
from simtier.units import parse as quantity

MB = quantity("1 MiB", "data")
FUNCTION_TABLE = "df_funcID_runtime_triggerType.csv"
POD = {"funcName": Text(), "userID": Text(), "podID": Text(blank=True)}
COLD_STARTS: dict[str, Kind] = {
    **POD,
    "time": Seconds(),
    "clusterName": Label(blank=True),
    "requestID": Text(blank=True),
    "totalCost_cold_start": Duration(),
    "podAllocationCost": Duration(),
    "deployCodeCost": Duration(),
    "deployDependencyCost": Duration(),
    "schedulingCost": Duration(),
    "region": Label(),
}
REQUESTS: dict[str, Kind] = {
    **POD,
    "time_worker": Seconds(),
    "totalCost_worker": Duration(),
    "cpu_usage": Number(blank=True),
    "memory_usage": Number(scale=MB, blank=True),
    "requestBodySize": Number(blank=True),
}
_FUNC_ID = r"^.*---(?P<user>.*)---(?P<pool>.*-(?P<mb>[0-9]+))$"
FUNCTIONS: dict[str, Kind] = {
    "funcID": Text(),
    "cpu_request": Number(scale=0.001, blank=True),  # millicores
    "runtime": Label(blank=True),
    "triggerType-invocationType": Label(blank=True),
}


def _ids(block: dict[str, Any]) -> Any:
    """Return the funcIDs of a block; a pod is called as its pool with ten digits after it."""
    pool = pc.replace_substring_regex(block["podID"], "-[0-9]{10}$", "")
    return pc.binary_join_element_wise(block["funcName"], block["userID"], pool, "---", null_handling="skip")


def read_cold_starts(source: Source, ledger: Ledger) -> Iterator[Any]:
    """Yield the cold starts of a day in a region."""
    ledger.note("whether time is the begin or the end of a cold start the release does not say; taken for the begin")
    region = source.folder if re.fullmatch("R[1-5]", source.folder) else None
    runtimes = _runtimes(source, ledger) if region == "R2" else None

    def rows() -> Iterator[tuple[Any, dict[str, Any]]]:
        for block in csv_rows(source, ledger, COLD_STARTS, optional=("region",)):
            functions = _ids(block)
            columns = {
                "total_s": block["totalCost_cold_start"],
                "pod_allocation_s": block["podAllocationCost"],
                "deploy_code_s": block["deployCodeCost"],
                "deploy_dependency_s": block["deployDependencyCost"],
                "scheduling_s": block["schedulingCost"],
                "function": functions,
                "region": block.get("region", pa.repeat(pa.scalar(region, pa.string()), len(functions))),
                "user": block["userID"],
                "runtime": _looked_up(functions, runtimes),
                "cluster": block["clusterName"],
                "pod": block["podID"],
                "request": block["requestID"],
            }
            yield block["time"].to_numpy(), columns

    yield from in_order(source.label, "cold_starts", rows(), ledger)


def _runtimes(source: Source, ledger: Ledger) -> Any | None:
    """Return the table of functions from near a file, or near the archive that it lies in; or None."""
    table = function_table(source, folders=3)
    if table is None:
        ledger.note(f"no {FUNCTION_TABLE} lies near it: runtimes are not known")
        return None
    return pa.Table.from_batches(list(read_functions(table, Ledger())))


def function_table(source: Source, folders: int) -> Source | None:
    """Return the table of functions beside a file or its archive: in its folder or the next ones above, `folders` in all; or None."""
    beside = source.sibling(f"(R2_)?{re.escape(FUNCTION_TABLE)}")
    return beside or next(_tables_near(source.path.absolute(), folders), None)


def _tables_near(path: Path, folders: int) -> Iterator[Source]:
    """Yield the tables of functions in the folder of `path` and in those above it, or in their `runtime_triggerType`."""
    for folder in list(path.parents)[:folders]:
        for part in ("", "runtime_triggerType"):
            for name in (FUNCTION_TABLE, f"R2_{FUNCTION_TABLE}"):
                files = (folder / part / f"{name}{packed}" for packed in ("", ".gz"))
                yield from (Source(file) for file in files if file.is_file())


def _looked_up(functions: Any, runtimes: Any | None) -> Any:
    """Return the runtime of each function, null where it is not known."""
    if runtimes is None:
        return pa.nulls(len(functions), pa.string())
    row = pc.index_in(functions, value_set=runtimes.column("function").combine_chunks())
    return runtimes.column("runtime").combine_chunks().take(row)


def read_requests(source: Source, ledger: Ledger) -> Iterator[Any]:
    """Yield the requests in a part of a region's day 30."""
    blocks = csv_rows(source, ledger, REQUESTS)
    yield from in_order(source.label, "invocations", (_invocations(source.label, block) for block in blocks), ledger)


def _invocations(label: str, block: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    durations = block["totalCost_worker"].to_numpy()
    columns = {
        "duration_s": durations,
        "function": _ids(block),
        "pod": block["podID"],
        "memory_bytes": block["memory_usage"],
        "cpu_cores": block["cpu_usage"],
        "request_bytes": block["requestBodySize"],
    }
    return begins(label, block["time_worker"].to_numpy(), durations), columns


def read_functions(source: Source, ledger: Ledger) -> Iterator[Any]:
    """Yield what is known of each function of R2."""
    ledger.note("memory_bytes is the limit in the name of the function's pool, cpu_cores what it asks for")
    for block in csv_rows(source, ledger, FUNCTIONS):
        parts = pc.extract_regex(block["funcID"], _FUNC_ID)
        columns = {
            "function": block["funcID"],
            "owner": pc.struct_field(parts, "user"),
            "pool": pc.struct_field(parts, "pool"),
            "cpu_cores": block["cpu_request"],
            "memory_bytes": pc.multiply(pc.struct_field(parts, "mb").cast(pa.float64()), MB),
            "runtime": block["runtime"],
            "trigger": block["triggerType-invocationType"],
        }
        yield batch("functions", columns, len(block["funcID"]))
