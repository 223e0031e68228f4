"""Speed of reading traces and memory of replaying one: BurstGPT-like rows as CSV and as Parquet; writes reports/bench-traces.json.

Each figure is of a process of its own. Reading goes through everything a scenario's replay goes through: types, checks, order, rebasing.
The look-alike generator makes the rows, so nothing has to be downloaded.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

COLUMNS = {
    "arrival_s": "Timestamp",
    "model": "Model",
    "input_tokens": "Request tokens",
    "output_tokens": "Response tokens",
}


def make(folder: Path, rows: str) -> dict[str, float]:
    """Write so many rows as burstgpt/long.parquet and as burstgpt/BurstGPT_1.csv."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv as pcsv

    from simtier.streams import Streams
    from simtier.traces.convert import target_for, write_generated
    from simtier.traces.synthesis import GENERATORS

    def generated() -> Any:
        return GENERATORS["burstgpt/1"].parameters.generate(Streams(1).stream, rows=int(rows))

    write_generated(target_for("burstgpt/long", folder), generated(), "benchmark")
    writer = None
    for part in generated():
        total = pc.add(part["input_tokens"], part["output_tokens"])
        columns = {name: part[ours] for ours, name in COLUMNS.items()}
        columns["Timestamp"] = pc.cast(part["arrival_s"], pa.int64(), safe=False)
        columns |= {"Model": part["model"].cast(pa.string()), "Total tokens": total}
        columns["Log Type"] = pa.array(["Conversation log"] * part.num_rows)
        table = pa.table(columns)
        if writer is None:
            writer = pcsv.CSVWriter(
                folder / "burstgpt" / "BurstGPT_1.csv",
                table.schema,
                write_options=pcsv.WriteOptions(quoting_style="none"),
            )
        writer.write(table)
    assert writer is not None
    writer.close()
    return {}


def read(folder: Path, item: str) -> dict[str, float]:
    """Read one trace to its end."""
    from simtier.traces import find, open_trace

    reading = open_trace(find(f"burstgpt/{item}", [folder]))
    begin = time.process_time()
    rows = sum(part.num_rows for part in reading.batches())
    return {"rows_per_cpu_s": rows / (time.process_time() - begin)}


def replay(folder: Path, item: str) -> dict[str, float]:
    """Replay one trace to its end, as `simtier run` does, but for the report."""
    import simtier

    data = {
        "name": "replay",
        "run": {"duration": "100 days"},
        "nodes": {"client": {"tier": "device", "cores": 1}, "server": {"tier": "edge", "cores": 64}},
        "links": {"hop": {"from": "client", "to": "server", "latency": "10 ms"}},
        "services": {"llm": {"on": "server", "cores": 64, "concurrency": 64}},
        "apps": {
            "ask": {
                "stages": {"answer": {"service": "llm", "time": {"distribution": "traced", "per_output_token": "1 ms"}}}
            }
        },
        "workloads": {"asks": {"app": "ask", "from": "client", "trace": f"burstgpt/{item}", "scale_time": 10.0}},
    }
    begin = time.process_time()
    with tempfile.TemporaryDirectory() as out:
        result = simtier.run(simtier.Scenario.from_dict(data), traces=[folder], out=Path(out) / "result")
        rows = result.document["summary"]["apps"]["ask"]["arrived"]
    return {"requests": rows, "requests_per_cpu_s": rows / (time.process_time() - begin)}


def apart(what: str, folder: Path, item: str) -> dict[str, float]:
    """Return what `what` finds in a process of its own; started from a small one, whose peak a child's would begin with."""
    command = [sys.executable, __file__, "--one", what, str(folder), item]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1_500_000, help="about as many as BurstGPT's first file has")
    parser.add_argument("--long", type=int, default=10_000_000, help="rows of the replay whose memory is measured")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "reports" / "bench-traces.json")
    parser.add_argument("--one", nargs=3, metavar=("WHAT", "FOLDER", "ITEM"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        what, folder, item = options.one
        found = {"make": make, "read": read, "replay": replay}[what](Path(folder), item)
        found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(found))
        return
    result: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        apart("make", folder, str(options.rows))
        for kind, item in (("csv", "1"), ("parquet", "long")):
            found = [apart("read", folder, item) for _ in range(options.rounds)]
            result[f"{kind}_rows_per_cpu_s"] = statistics.median(each["rows_per_cpu_s"] for each in found)
            result[f"{kind}_peak_mb"] = max(each["peak_mb"] for each in found)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        apart("make", folder, str(options.long))
        for kind, item in (("csv", "1"), ("parquet", "long")):
            for key, value in apart("replay", folder, item).items():
                result[f"{kind}_replay_{key}"] = value
    for key, value in result.items():
        print(f"{key:34s} {value:14,.1f}")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
