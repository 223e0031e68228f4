"""POLCA: how many servers a power budget has room for."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import simtier
from llm_claims.claim import Claim, once, over

SCENARIO = Path(__file__).parents[2] / "scenarios" / "llm_power.yaml"
PAPER = "POLCA (Patel et al., ASPLOS 2024)"
RATING_W = 6500.0
REPLICATIONS = 5
TUNED = "power of iterations fitted to the paper's A100 figures; hosts, budget and an hour for a day chosen so that 40 servers peak at 79 %"
ROW = "`scenarios/llm_power.yaml`: OPT-175B on 8 A100s a server, half of them of low priority, budget of 181 kW"


@cache
def _summary(replication: int) -> dict[str, Any]:
    """Return the summary of the shipped scenario with a seed of its own."""
    scenario = simtier.Scenario.load(SCENARIO, {"run.seed": str(replication + 1)})
    return dict(simtier.run(scenario).summary)


def peak(replication: int) -> float:
    """Return the peak of 40 servers, in % of the budget."""
    return 100 * float(_summary(replication)["power"]["forty"]["peak_share"])


def brakes(row: str, replication: int) -> float:
    """Return how often the brake of a row was pulled."""
    return float(_summary(replication)["power"][row]["brakes"])


def loss(priority: str, statistic: str, replication: int) -> float:
    """Return how much speed 30 % more servers cost under POLCA, in %: by a statistic of the latency, against 40 servers."""
    found = _summary(replication)["llm"]
    free, capped = (found[f"{row}_{priority}"]["latency_s"][statistic] for row in ("forty", "polca"))
    return float(100 * (1 - free / capped))


def one_threshold_costs_more(replication: int) -> float:
    """Return what one threshold for all costs high priority over what POLCA does, in % of speed."""
    found = _summary(replication)["llm"]
    polca, one = (found[f"{row}_high"]["latency_s"]["mean"] for row in ("polca", "one_threshold"))
    return float(100 * (1 - polca / one))


def _loads(servers: int, load: dict[str, Any], policy: str, **row: Any) -> dict[str, Any]:
    """Return the metrics of a row of servers that carry a load, with a budget for 40 of them."""
    gpus = {"tier": "cloud", "hardware": "cloud_gpu_host", "accelerators": ["a100_80g"] * 8, "idle_power": "1.8 kW"}
    document = {
        "name": "loads",
        "run": {"duration": "4 min", "samples": 0, "warmup": "1 min"},
        "nodes": {"racks": {**gpus, "count": servers}, "else": {"tier": "cloud", "cores": 1}},
        "services": {"web": {"on": "else"}},
        "apps": {"page": {"stages": {"show": {"service": "web", "time": "1 ms"}}}},
        "workloads": {"w": {"app": "page", "from": "else", "arrivals": {"process": "poisson", "rate": "1 /s"}}},
        "power_rows": {
            "row": {
                "nodes": "racks",
                "budget": f"{40 * RATING_W} W",
                "loads": {"load": {"on": "racks", **load}},
                "policies": {"power": policy},
                **row,
            }
        },
    }
    found: dict[str, Any] = simtier.run(simtier.Scenario.from_dict(document)).summary["power"]["row"]
    return found


def room() -> float:
    """Return the most servers under the budget when all run at 1110 MHz, found by trying, over what the formula says."""
    peak_w, idle_w = 0.79 * RATING_W, 1800.0 + 8 * 50.0
    saving = (peak_w - idle_w) * (1 - (1110 / 1410) ** 1.1) / peak_w
    steady = {"high": f"{peak_w} W", "low": f"{peak_w} W", "period": "10 s"}
    fits = [
        servers
        for servers in range(50, 70)
        if _loads(servers, steady, "one_threshold", brake={"at": 9, "release": 9})["peak_share"] <= 1
    ]
    return float(max(fits) / (40 / (0.79 * (1 - saving))))


def training() -> float:
    """Return how often 10 % more training servers than the rating allows pull the brake under POLCA, per minute."""
    swing = {"high": f"{0.97 * RATING_W} W", "low": f"{(0.97 - 0.375) * RATING_W} W", "period": "4 s"}
    return float(_loads(44, swing, "polca")["brakes"]) / 3


def _loss(priority: str, statistic: str) -> Claim:
    high = priority == "high"
    return Claim(
        name=f"polca_{priority}_{statistic}",
        says=f"servers of {priority} priority {'hardly lose' if high else 'lose little'} speed",
        source=f"{PAPER}, evaluation",
        setting=f"{ROW}; 52 servers under `polca` against 40",
        paper="below 1 %" if high else "within 2 %",
        figure=f"{'median' if statistic == 'p50' else statistic} latency, lost speed in %",
        low=-1,
        high=1 if high else 4,
        tolerance="at most 1 %" if high else "at most 4 %",
        kind="replications",
        surrogate=TUNED,
        remark=(
            "The paper's 1 % is over six weeks of days; the hour here has a whole day's peak, and caps of high priority are in force for most of it."
            if high
            else ""
        ),
        measure=over(REPLICATIONS, lambda number: loss(priority, statistic, number)),
    )


CLAIMS = (
    Claim(
        name="polca_peak",
        says="a row of 40 servers peaks well below its budget",
        source=f"{PAPER}, characterisation",
        setting=ROW,
        paper="79 %",
        figure="peak power of 40 servers, % of the budget",
        low=78,
        high=80,
        tolerance="1 point; this is what the scenario was tuned to",
        kind="replications",
        surrogate=TUNED,
        measure=over(REPLICATIONS, peak),
    ),
    Claim(
        name="polca_uncapped_brakes",
        says="30 % more servers pull the brake if nobody caps them",
        source=f"{PAPER}, evaluation",
        setting=f"{ROW}; 52 servers, `uncapped`",
        paper="10 to 10,000 brakes of other policies in six weeks",
        figure="brakes in the hour",
        low=1,
        tolerance="more than none",
        kind="replications",
        surrogate=TUNED,
        measure=over(REPLICATIONS, lambda number: brakes("braked", number)),
    ),
    Claim(
        name="polca_brakes",
        says="and none with POLCA",
        source=f"{PAPER}, evaluation",
        setting=f"{ROW}; 52 servers, `polca`",
        paper="0 brakes in six weeks at +30 %",
        figure="brakes in the hour",
        low=0,
        high=0,
        tolerance="none",
        kind="replications",
        surrogate=TUNED,
        measure=over(REPLICATIONS, lambda number: brakes("polca", number)),
    ),
    Claim(
        name="polca_too_many",
        says="there is a limit: at 45 % more POLCA fails, too",
        source=f"{PAPER}; no figure there, the limit is from the arithmetic of its curves",
        setting=f"{ROW}; 58 servers, `polca`",
        paper="first brakes between +35 and +45 %",
        figure="brakes in the hour",
        low=1,
        tolerance="more than none",
        kind="replications",
        surrogate=TUNED,
        measure=over(REPLICATIONS, lambda number: brakes("too_many", number)),
    ),
    *(_loss(priority, statistic) for priority in ("high", "low") for statistic in ("p50", "mean")),
    Claim(
        name="polca_one_threshold",
        says="two thresholds spare high priority what one for all costs it",
        source=f"{PAPER}, evaluation",
        setting=f"{ROW}; 52 servers, `one_threshold` against `polca`",
        paper="direction",
        figure="speed lost by one threshold more than by POLCA, %",
        low=0,
        tolerance="above 0",
        kind="replications",
        surrogate=TUNED,
        measure=over(REPLICATIONS, one_threshold_costs_more),
    ),
    Claim(
        name="polca_room",
        says="as many servers have room as peak and saving leave",
        source=f"{PAPER}, arithmetic of its curves",
        setting="servers with a constant load, all capped to 1110 MHz",
        paper="n = 40 / peak (1 - saving)",
        figure="servers found by trying, over the formula's",
        low=0.97,
        high=1.0,
        tolerance="at most one server below it",
        kind="analytic",
        measure=once(room),
    ),
    Claim(
        name="polca_training",
        says="servers that train leave no room, for they swing faster than commands act",
        source=f"{PAPER}, characterisation: peak of 97 %, 37.5 % in 2 s",
        setting="44 servers that swing so under a budget for 40, `polca`",
        paper="3 % at the most",
        figure="brakes a minute at +10 %",
        low=0.3,
        tolerance="more than none",
        kind="analytic",
        surrogate="training as a square wave",
        measure=once(training),
    ),
)
