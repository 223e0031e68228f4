"""Nodes and links of a scenario."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, model_validator

from simtier.scenario.base import Name, OrText, Part, Share, Time
from simtier.units import Bytes, BytesPerSecond, DollarsPerByte, DollarsPerSecond, JoulesPerByte, Seconds, Watts

Count = Annotated[int, Field(ge=1, le=100_000)]
Accelerators = Annotated[tuple[str, ...], BeforeValidator(lambda v: (v,) if isinstance(v, str) else v), OrText()]


class Nodes(Part):
    """A group of equal nodes; `camera: {count: 20}` makes camera-0 to camera-19, a count of 1 keeps the group's name."""

    tier: Name
    """Tier the nodes belong to, for example `device`, `edge` or `cloud`."""
    count: Count = 1
    """How many."""
    hardware: str | None = None
    """Machine of the catalogue (`simtier hardware`); gives what is not written here."""
    cores: Annotated[float, Field(gt=0)] | None = None
    """CPU cores; needed without `hardware`."""
    memory: Bytes | None = None
    """Memory; unbounded without `hardware` (and said so in the result)."""
    accelerators: Accelerators = ()
    """Accelerators of the catalogue, besides those built into the hardware; repeat a name for several."""
    speed: Annotated[float, Field(gt=0)] = 1.0
    """Times given as such (not by a cost model) are divided by this."""
    cpu: Literal["reserved", "fair"] = "reserved"
    """How cores are shared: `reserved` by each replica for itself, or `fair`: all running requests share all cores equally."""
    idle_power: Watts | None = None
    """Power when nothing runs, without accelerators; from the hardware if not given, else 0 (and said so)."""
    peak_power: Watts | None = None
    """Power with all cores busy, without accelerators."""
    price: DollarsPerSecond | None = None
    """Price of one node for as long as the run lasts; from the hardware if not given, else 0."""


class Trace(Part):
    """Bandwidth that follows a trace."""

    trace: str
    """Name of a trace, for example `norway-hsdpa/bus-1`; see `simtier traces list`."""
    scale: Annotated[float, Field(gt=0)] = 1.0
    """Rates are multiplied by this."""
    offset: Literal["random"] | Seconds = 0.0
    """Where in the trace time zero falls; `random` draws a place for each link of the group."""


def _unlimited(value: Any) -> Any:
    return "inf B/s" if value == "unlimited" else value


# As BytesPerSecond, but unlimited may be written too; the field must stand before the others to reach the float.
_Rate = Annotated[float, Field(allow_inf_nan=True), *get_args(BytesPerSecond)[1:]]
Bandwidth = Annotated[Trace | _Rate, BeforeValidator(_unlimited)]


class Direction(Part):
    """What may differ in the other direction of a link; what is not given is the same."""

    latency: Seconds | None = None
    """Propagation delay; delays, never occupies."""
    bandwidth: Bandwidth | None = None
    """Rate, `unlimited`, or a trace."""
    sharing: Literal["none", "fifo", "fair"] | None = None
    """How messages share the link."""
    jitter: Time | None = None
    """Random extra delay of each message."""
    loss: Share | None = None
    """Probability that a message is lost."""


class Links(Part):
    """A group of links: one from each node of `source` to each node of `target`, and back.

    Latency delays, transmission occupies.
    """

    source: Name = Field(alias="from")
    """Group or node at one end."""
    target: Name = Field(alias="to")
    """Group or node at the other end."""
    latency: Seconds = 0.0
    """Propagation delay one way."""
    bandwidth: Bandwidth = float("inf")
    """Rate, `unlimited`, or `{trace: NAME}`."""
    sharing: Literal["none", "fifo", "fair"] = "fifo"
    """`fifo`: one message after the other; `fair`: all at once, max-min fair; `none`: each as if alone."""
    jitter: Time | None = None
    """Random extra delay of each message; fifo links keep their order all the same."""
    loss: Share = 0.0
    """Probability that a message is lost."""
    retransmit_after: Seconds | None = None
    """A lost message is sent again after this long; without it, the request is dropped."""
    shared: bool = False
    """True: all links of the group in one direction share one capacity, like cameras in one radio cell."""
    back: Literal["same", "none"] | Direction = "same"
    """The other direction: the same, none, or what differs."""
    energy: JoulesPerByte = 0.0
    """Energy to move a byte, both ends together."""
    price: DollarsPerByte = 0.0
    """Price of moving a byte."""

    @model_validator(mode="after")
    def _two_ends(self) -> Links:
        if self.source == self.target:
            raise ValueError(f"links {self.source!r} to itself")
        return self

    @model_validator(mode="after")
    def _delivers(self) -> Links:
        if self.loss == 1 and self.retransmit_after is not None:
            raise ValueError(
                "loses every message and sends it again for ever: lower `loss`, or leave out `retransmit_after`"
            )
        return self
