"""How the replicas of a language model start in a scenario: where they get their weights from, and what each stage takes."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from simtier.errors import UnitError
from simtier.scenario.base import OrText, Part, Share
from simtier.units import Bytes, BytesPerSecond, Seconds, parse


class Copy(Part):
    """What copying weights takes; of one copy alone, several share."""

    rate: Annotated[BytesPerSecond, Field(gt=0)] | None = None
    """Bytes a second; without limit if not given."""
    time: Seconds = 0.0
    """Fixed time, before the first byte."""


def _copy_if_text(value: Any) -> Any:
    """Let a rate or a time stand for the whole."""
    if not isinstance(value, str):
        return value
    try:
        parse(value, "time")
    except UnitError:
        return {"rate": value}
    return {"time": value}


StageCopy = Annotated[Copy, BeforeValidator(_copy_if_text), OrText()]
"""A rate such as `5 GB/s`, a fixed time such as `200 ms`, or both: `{rate: 5 GB/s, time: 200 ms}`."""


class Loading(Part):
    """Starts of replicas in stages; those of time zero are ready at once.

    First the service's `startup`, for container and runtime, then the weights from the quickest place that has them, then `connect` and `warmup`.
    """

    disk: StageCopy
    """Reading the disk of a node; copies from one disk share its rate."""
    host: Seconds = 0.0
    """Fixed time of a copy from the node's memory to the accelerators, over the `host_link` of each."""
    keep: Share = 0.0
    """Share of a node's memory that keeps the weights read from disk, those used least recently leaving first; no replica can have it."""
    peer: StageCopy | None = None
    """Copying from the accelerators of a replica on the same node with the same model and precision, by each accelerator; its rate is that of the
    links between accelerators (`interconnect`, or the catalogue's) if not given. Not done if not given at all."""
    remote: Seconds | None = None
    """Copying from such a replica on another node, over the links between: the fixed time of it; not done if not given."""
    attach: Seconds | None = None
    """Taking over weights that still lie on the very accelerators of the replica: the time of it, in place of the service's `startup`, a copy and
    `connect`; not done if not given. They lie there until another replica takes one of these accelerators."""
    connect: Seconds = 0.0
    """Setting up the links between accelerators."""
    warmup: Seconds = 0.0
    """First iterations, before requests."""
    overlap: bool = True
    """True: weights stream from disk through the node's memory chunk by chunk; False: one after the other."""
    chunk: Bytes = 67_108_864.0
    """A chunk; 64 MiB if not given, assumed."""

    @model_validator(mode="after")
    def _reads_at_some_rate(self) -> Loading:
        if self.disk.rate is None and self.disk.time == 0.0:
            raise ValueError("reading the disk takes no time at all: give `disk` a rate, such as `5 GB/s`, or a time")
        return self
