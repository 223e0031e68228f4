"""The journal's tables: what models record, column by column."""

from __future__ import annotations

from simtier.journal import Column, TableSpec
from simtier.models.serverless.spec import COMPONENTS


def _table(
    name: str, meaning: str, *columns: tuple[str, str, str], tagged: tuple[str, ...] = (), traced: bool = True
) -> TableSpec:
    return TableSpec(name, meaning, tuple(Column(*column, column[0] in tagged) for column in columns), traced)


REQUESTS = _table(
    "requests",
    "One row a request, written when it ends (or at the end of the run).",
    ("request", "integer", "unique number; the same request has the same number under every policy"),
    ("app", "text", "application"),
    ("workload", "text", "workload that sent it"),
    ("source", "text", "node it came from"),
    ("target_s", "number", "SLO target; infinity without an SLO"),
    ("arrival_s", "number", "when it entered the system"),
    ("served_s", "number", "when its last stage ended; NaN if it never did"),
    ("end_s", "number", "when it ended; NaN if unfinished"),
    ("outcome", "text", "ok, rejected, dropped, timed_out, failed or unfinished"),
    tagged=("app", "workload", "source", "target_s"),
)
STAGES = _table(
    "stages",
    "One row a visit of a request to a replica, written when the service ends (or at the end of the run).",
    ("request", "integer", "request"),
    ("stage", "text", "stage"),
    ("part", "text", "layers run here, for a split DNN; the function, on a platform"),
    ("service", "text", "service or platform"),
    ("node", "text", "node of the replica"),
    ("device", "text", "accelerator of the replica, `cpu` without one"),
    (
        "start",
        "text",
        "on a platform `cold` for a visit that waited for its instance to start, else `warm`; empty on services",
    ),
    (
        "replica",
        "integer",
        "replica or instance; -1 for a request that waited for one until the end of the run, or until its client gave up",
    ),
    ("batch", "integer", "requests that ran together"),
    ("sent_s", "number", "when the request was ready for this stage"),
    ("routed_s", "number", "when it set out for the replica, after any wait for one; NaN if it never did"),
    ("queued_s", "number", "when it reached the replica; NaN if it never did"),
    ("started_s", "number", "when service began; NaN if it never did"),
    (
        "finished_s",
        "number",
        "when service ended, or when it left unserved; NaN if it did neither before the end of the run",
    ),
    ("busy_s", "number", "core-seconds, or accelerator-seconds, used: a batch's time is divided among its requests"),
    tagged=("stage", "part", "service", "node", "device", "start"),
)
TRANSFERS = _table(
    "transfers",
    "One row a message and link; links that only delay leave none.",
    ("request", "integer", "request the message belongs to"),
    ("link", "text", "link"),
    ("bytes", "number", "size of the message"),
    ("queued_s", "number", "when it reached the link"),
    ("started_s", "number", "when its first byte left; NaN if it waited until the end of the run"),
    (
        "sent_s",
        "number",
        "when its last byte left; the end of the run if that came before, NaN if its first never left",
    ),
    ("delivered_s", "number", "when its last byte arrived; NaN if it did not, or was lost"),
)
REPLICAS = _table(
    "replicas",
    "One row a replica, or instance of a function, and state.",
    ("replica", "integer", "replica, numbered in order of creation; -1 for one that found no node"),
    ("service", "text", "service or platform"),
    ("function", "text", "function whose instance it is; empty on services"),
    ("node", "text", "node"),
    ("device", "text", "accelerator it runs on, `cpu` without one"),
    ("cores", "number", "cores reserved"),
    ("memory_bytes", "number", "memory reserved, the accelerator's included"),
    (
        "state",
        "text",
        (
            "starting, ready, draining; of instances scheduling, allocating, starting_runtime, deploying_code, deploying_dependencies, "
            "initialising, idle, busy, draining, and at their end expired, evicted or reused (its layers, by another); unplaced: a start "
            "that found no room; capped: a policy that asked for too many"
        ),
    ),
    ("start_s", "number", "when the state began"),
    ("end_s", "number", "when it ended; the end of the run if that came before"),
    tagged=("service", "function", "node", "device", "cores", "memory_bytes"),
)
STARTS = _table(
    "starts",
    "One row a start of an instance of a function, written when it is ready, called off, or at the end of the run.",
    ("request", "integer", "request that waited for it and is first served by it; -1 if there was none"),
    ("service", "text", "platform"),
    ("function", "text", "function"),
    ("node", "text", "node"),
    ("held", "text", "topmost layer that was there already: bare or language; empty if none was"),
    ("replica", "integer", "instance"),
    ("began_s", "number", "when it began"),
    ("ready_s", "number", "when it was ready; NaN if it never was"),
    *((f"{name}_s", "number", f"how long it took: {name.replace('_', ' ')}") for name in COMPONENTS),
    tagged=("service", "function", "node", "held"),
)
SEQUENCES = _table(
    "sequences",
    "One row a visit of a request to an engine of a language model, written when it leaves (or at the end of the run).",
    ("request", "integer", "request"),
    ("app", "text", "application"),
    ("workload", "text", "workload that sent it"),
    ("stage", "text", "stage"),
    ("service", "text", "service"),
    ("node", "text", "node of the replica"),
    (
        "outcome",
        "text",
        (
            "served: it got all its tokens; in_vain: so it did, but its request was over before; left: its request was over before it began, or "
            "before it went on elsewhere; rejected: longer than the context, or than all blocks, here or where it was to go on, or by a policy; lost: on its way elsewhere; "
            "unfinished: none of these before the end of the run"
        ),
    ),
    ("replica", "integer", "replica"),
    ("input_tokens", "integer", "tokens of the prompt"),
    ("output_tokens", "integer", "tokens of the answer that it got"),
    ("cached_tokens", "integer", "tokens of the prompt that were found computed"),
    ("preemptions", "integer", "how often it lost its blocks"),
    ("arrival_s", "number", "when the request entered the system"),
    ("queued_s", "number", "when it reached the engine"),
    ("began_s", "number", "when its first iteration began; NaN if none did"),
    ("first_s", "number", "when it got its first token; NaN if it got none"),
    ("last_s", "number", "when it got its last token; NaN if it did not get all"),
    ("prompt_replica", "integer", "replica that computed its prompt; -1 if it is the same"),
    ("delivered_s", "number", "when its keys and values came from there; NaN if they did not"),
    ("moves", "integer", "how often it moved to another replica while it decoded"),
    (
        "alone_first_s",
        "number",
        "how long it would take to its first token with this engine to itself; NaN if no slow-down is promised",
    ),
    ("alone_last_s", "number", "likewise to its last"),
    tagged=("app", "workload", "stage", "service", "node", "outcome"),
)
ITERATIONS = _table(
    "iterations",
    "One row an iteration of an engine, or a stretch of iterations in which the same sequences decode, written at its end.",
    ("service", "text", "service"),
    ("node", "text", "node of the replica"),
    ("device", "text", "accelerators of the replica"),
    ("blocks_total", "integer", "blocks of the engine"),
    (
        "lanes",
        "integer",
        "engines of the replica, which run side by side on its accelerators: a row counts for that part of them",
    ),
    ("replica", "integer", "replica"),
    ("iterations", "integer", "how many there are"),
    ("decodes", "integer", "sequences that get a token in each, those whose prompt ends there left out"),
    ("prompts", "integer", "sequences whose prompt, or a piece of it, is computed"),
    ("prompt_tokens", "integer", "tokens of prompts computed"),
    ("running", "integer", "sequences that hold blocks"),
    ("waiting", "integer", "sequences that wait"),
    ("blocks", "integer", "blocks held at the begin, those of prompts computed there included"),
    ("blocks_end", "integer", "blocks held at the end, those of sequences that end there included"),
    (
        "held_before",
        "number",
        "block-seconds held while nothing ran, since the row before: for sequences on their way elsewhere, or from there",
    ),
    ("firsts", "integer", "sequences that get their first token"),
    ("again", "integer", "sequences whose prompt ends there that had tokens before, and get another"),
    ("resumed", "integer", "sequences that get a token in the first, and got none in what the engine did just before"),
    ("resumed_gap_s", "number", "mean time between the token they get there and the one before"),
    ("longest_gap_s", "number", "the longest of these times"),
    ("begin_s", "number", "when the first began"),
    ("first_s", "number", "when the first ended"),
    ("end_s", "number", "when the last ended"),
    ("watts", "number", "what all accelerators of the replica drew in them"),
    tagged=("service", "node", "device", "blocks_total", "lanes"),
)
LOADS = _table(
    "loads",
    "One row a stage of the start of a replica with `llm.loading`, written when it is ready, called off, or at the end of the run.",
    ("replica", "integer", "replica"),
    ("service", "text", "service"),
    ("node", "text", "node"),
    ("device", "text", "accelerators"),
    (
        "source",
        "text",
        "where the weights came from: attach, peer, host, remote or disk; empty if it did not get so far",
    ),
    ("stage", "text", "runtime, one of the sources, connect or warmup; those that take no time leave no row"),
    ("bytes", "number", "bytes copied, or to be copied"),
    ("begin_s", "number", "when it began"),
    ("end_s", "number", "when it ended; NaN if it did not"),
    tagged=("service", "node", "device", "source", "stage"),
)
POWER = _table(
    "power",
    "One row a reading of the meter of a row of servers.",
    ("row", "text", "row of servers"),
    ("time_s", "number", "when it was read"),
    ("watts", "number", "mean power since the reading before"),
    ("low_clock", "number", "share of the highest clock that servers of low priority may run at, then"),
    ("high_clock", "number", "the same of high priority"),
    ("braked", "integer", "1 while the power brake acts"),
    tagged=("row",),
)
SAMPLES = _table(
    "samples",
    "What was seen at regular times, for the plots; nothing is computed from it.",
    ("time_s", "number", "when"),
    ("kind", "text", "service"),
    ("name", "text", "service"),
    ("metric", "text", "what"),
    ("value", "number", "the value at that instant"),
    traced=False,
)

TABLES = {
    table.name: table
    for table in (REQUESTS, STAGES, TRANSFERS, REPLICAS, STARTS, SEQUENCES, ITERATIONS, LOADS, POWER, SAMPLES)
}
OUTCOMES = ("ok", "rejected", "dropped", "timed_out", "failed", "unfinished")
