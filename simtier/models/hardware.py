"""Processors, accelerators and machines as the cost model and the bill see them.

Assumptions: a peak rate is what the datasheet gives for dense matrices; what a network reaches of it is one factor for
compute and one for memory, the same for all layers. The k cores of a replica get k/n of the machine's compute and k/n of
its memory bandwidth. On real machines a few cores can draw most of the bandwidth while the others are idle, so a lone
memory-bound replica on part of the cores is modelled too slow; a full machine is right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from simtier.errors import CatalogueError
from simtier.models.precision import peak_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Processor:
    """What runs one replica, at one precision: the two roofs of the roofline and how near to them it comes.

    Attributes:
        peak_flop_per_s: FLOP/s of dense operations at the precision in use.
        bandwidth_bytes_per_s: bytes/s between the memory and the arithmetic units.
        compute_efficiency: share of the peak that a compute-bound layer reaches, in (0, 1].
        memory_efficiency: share of the bandwidth that a memory-bound layer reaches, in (0, 1].
        overhead_s: seconds each layer costs beside its work (kernel launch, thread start).
    """

    peak_flop_per_s: float
    bandwidth_bytes_per_s: float
    compute_efficiency: float = 1.0
    memory_efficiency: float = 1.0
    overhead_s: float = 0.0

    def __post_init__(self) -> None:
        _check_rates("a processor", self)

    @property
    def flop_per_s(self) -> float:
        """FLOP/s a compute-bound layer reaches."""
        return self.peak_flop_per_s * self.compute_efficiency

    @property
    def bytes_per_s(self) -> float:
        """Bytes/s a memory-bound layer reaches."""
        return self.bandwidth_bytes_per_s * self.memory_efficiency

    def part(self, share: float) -> Processor:
        """Return this processor with `share`, in (0, 1], of its compute and bandwidth; the overhead stays."""
        if not 0 < share <= 1:
            raise CatalogueError(f"a part of a processor must be in (0, 1], got {share!r}")
        return Processor(
            peak_flop_per_s=self.peak_flop_per_s * share,
            bandwidth_bytes_per_s=self.bandwidth_bytes_per_s * share,
            compute_efficiency=self.compute_efficiency,
            memory_efficiency=self.memory_efficiency,
            overhead_s=self.overhead_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What accelerators and machines have in common.

    Attributes:
        name: its key in the catalogue.
        peak_flop_per_s: FLOP/s of dense operations by precision, of the whole device.
        memory_bytes: bytes of memory that replicas may use.
        bandwidth_bytes_per_s: bytes/s of its memory.
        idle_w: watts when nothing runs.
        peak_w: watts when all of it works; between the two, power is linear in utilisation unless a power model says else.
        dollars_per_s: what holding it costs, used or not.
        compute_efficiency: share of the peak that layers reach, in (0, 1].
        memory_efficiency: share of the bandwidth that layers reach, in (0, 1].
        overhead_s: seconds each layer costs beside its work.
        source: where the numbers come from, and which of them are assumptions.
    """

    name: str
    peak_flop_per_s: Mapping[str, float] = field(hash=False)
    memory_bytes: float
    bandwidth_bytes_per_s: float
    idle_w: float = 0.0
    peak_w: float = 0.0
    dollars_per_s: float = 0.0
    compute_efficiency: float = 1.0
    memory_efficiency: float = 1.0
    overhead_s: float = 0.0
    source: str = ""

    def __post_init__(self) -> None:
        if not self.peak_flop_per_s:
            raise CatalogueError(f"{self.name}: give peak_flop_per_s for at least one precision")
        if not 0 <= self.idle_w <= self.peak_w:
            raise CatalogueError(f"{self.name}: idle_w {self.idle_w!r} must lie between 0 and peak_w {self.peak_w!r}")
        for precision in self.peak_flop_per_s:
            self._processor(precision)

    def _processor(self, precision: str) -> Processor:
        return Processor(
            peak_flop_per_s=peak_for(precision, self.peak_flop_per_s, self.name),
            bandwidth_bytes_per_s=self.bandwidth_bytes_per_s,
            compute_efficiency=self.compute_efficiency,
            memory_efficiency=self.memory_efficiency,
            overhead_s=self.overhead_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Accelerator(Device):
    """A GPU or the like: its power and price are what it adds to those of the machine that holds it.

    Attributes:
        link_bytes_per_s: of its link to others of the same node, in one direction; None without one.
        link_latency_s: of one message over it.
    """

    link_bytes_per_s: float | None = None
    link_latency_s: float = 0.0

    def processor(self, precision: str) -> Processor:
        """Return the whole accelerator at `precision`; raises CatalogueError when it cannot compute that."""
        return self._processor(precision)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine(Device):
    """A computer without its accelerators; peaks, bandwidth and memory are those of its processors (CPUs).

    Attributes:
        cores: physical cores.
        accelerators: catalogue names of those built in, such as a Jetson's GPU.
    """

    cores: int
    accelerators: tuple[str, ...] = ()

    def processor(self, precision: str, cores: float | None = None) -> Processor:
        """Return `cores` of the machine's cores (all when None), with compute and bandwidth in proportion.

        Raises CatalogueError when there are not so many, or when it cannot compute in `precision`.
        """
        wanted = self.cores if cores is None else cores
        if not 0 < wanted <= self.cores:
            raise CatalogueError(f"{self.name} has {self.cores} cores: a replica cannot have {wanted!r}")
        return self._processor(precision).part(wanted / self.cores)


def _check_rates(what: str, processor: Processor) -> None:
    """Raise CatalogueError when a rate is not positive or an efficiency is not in (0, 1]."""
    for name in ("peak_flop_per_s", "bandwidth_bytes_per_s"):
        if not getattr(processor, name) > 0:
            raise CatalogueError(f"{what}: {name} must be positive, got {getattr(processor, name)!r}")
    for name in ("compute_efficiency", "memory_efficiency"):
        if not 0 < getattr(processor, name) <= 1:
            raise CatalogueError(f"{what}: {name} must be in (0, 1], got {getattr(processor, name)!r}")
    if not processor.overhead_s >= 0:
        raise CatalogueError(f"{what}: overhead_s must not be negative, got {processor.overhead_s!r}")
