"""Nodes: cores, memory and accelerators, shared by all that runs there."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from simtier.clock import Clock
from simtier.errors import SimulationError
from simtier.models.fair_cpu import FairCpu
from simtier.models.hardware import Accelerator, Machine, Processor
from simtier.models.views import NodeFacade

ROUNDING = 1e-9
"""Relative: three replicas of 0.1 cores fit on 0.3 cores."""


class Device:
    """One accelerator: it runs one batch at a time; replicas that share it take turns in the order they asked.

    Assumption: a batch runs to its end (no preemption, no spatial sharing).
    """

    __slots__ = ("busy", "held", "memory_free_bytes", "name", "spec", "waiting")

    def __init__(self, name: str, spec: Accelerator) -> None:
        self.name = name
        self.spec = spec
        self.memory_free_bytes = spec.memory_bytes
        self.held: tuple[str, str] | None = None
        """Weights that the last replica left in its memory, and the accelerators they are divided among."""
        self.busy = False
        self.waiting: deque[Callable[[], bool]] = deque()

    def ask(self, run: Callable[[], bool]) -> None:
        """Call `run` when the device is free: at once if it is. It returns False if it had nothing to run after all."""
        self.waiting.append(run)
        if not self.busy:
            self._next()

    def release(self) -> None:
        """End a batch; the next replica in line runs."""
        self.busy = False
        self._next()

    def _next(self) -> None:
        while self.waiting and not self.busy:
            self.busy = True
            self.busy = self.waiting.popleft()()


class Gang:
    """Several accelerators of one node that a replica has for itself.

    Attributes:
        name: the names of all.
        spec: what each of them is.
        found: weights that a replica on these very accelerators left in their memory, empty if none did.
    """

    def __init__(self, devices: Sequence[Device]) -> None:
        self.devices = tuple(devices)
        self.name = "+".join(device.name for device in devices)
        self.spec = devices[0].spec
        held = devices[0].held
        whole = held is not None and held[1] == self.name and all(device.held == held for device in devices)
        self.found = held[0] if held is not None and whole else ""

    def leave(self, weights: str) -> None:
        """Leave weights in the memory of these, until another replica takes one of them."""
        for device in self.devices:
            device.held = (weights, self.name)


@dataclass(frozen=True)
class Claim:
    """What a replica takes of a node: cores, memory of the node, and memory of one accelerator if it needs one.

    `whole` accelerators it has for itself, all of the same kind, in place of a share of one; those that still hold its `weights` rather
    than others.
    """

    service: str
    cores: float
    memory_bytes: float
    accelerator: bool = False
    device_bytes: float = 0.0
    whole: int = 0
    weights: str = ""


class Node:
    """A machine.

    Cores are reserved by replicas (`fair_cpu` is None) or shared equally by all running requests; memory is always reserved and
    never overcommitted.

    Args:
        clock: simulated time.
        name, tier: as in the scenario.
        group: the scenario's node group it belongs to.
        cores, memory_bytes: what it has.
        machine: its hardware, for cost models; None if the scenario names none.
        devices: its accelerators.
        speed: times given as such are divided by it.
        fair: share the cores instead of reserving them.
        idle_w, peak_w: power without accelerators, idle and with all cores busy.
    """

    def __init__(
        self,
        clock: Clock,
        name: str,
        tier: str,
        group: str,
        cores: float,
        memory_bytes: float,
        machine: Machine | None = None,
        devices: Sequence[Device] = (),
        speed: float = 1.0,
        *,
        fair: bool = False,
        idle_w: float = 0.0,
        peak_w: float = 0.0,
    ) -> None:
        self.idle_w = idle_w
        self.peak_w = peak_w
        self.name = name
        self.tier = tier
        self.group = group
        self.cores = self.cores_free = cores
        self.memory_bytes = self.memory_free_bytes = memory_bytes
        self.machine = machine
        self.devices = tuple(devices)
        self.speed = speed
        self.fair_cpu = FairCpu(clock, cores) if fair else None
        self.replicas = 0
        self.view = NodeFacade(self)
        self._listeners: list[Callable[[Node], object]] = []

    def tell_of_room(self, listener: Callable[[Node], object]) -> None:
        """Have `listener` called with this node each time a reservation ends, whoever held it."""
        self._listeners.append(listener)

    def has_room(self, claim: Claim) -> bool:
        """Return whether a replica with this claim can start here now."""
        cores_fit = self.fair_cpu is not None or claim.cores <= self.cores_free + ROUNDING * self.cores
        return (
            cores_fit
            and claim.memory_bytes <= self.memory_free_bytes + ROUNDING * min(self.memory_bytes, claim.memory_bytes)
            and (not claim.accelerator or self._device_for(claim) is not None)
        )

    def take(self, claim: Claim) -> Device | Gang | None:
        """Reserve what `claim` asks; returns the accelerator, or several, None without one. There must be room."""
        if not self.has_room(claim):
            raise SimulationError(f"node {self.name!r} has no room for a replica of {claim.service!r}")
        device = self._device_for(claim) if claim.accelerator else None
        self._change(claim, device, -1)
        return device

    def give_back(self, claim: Claim, device: Device | Gang | None) -> None:
        """End a reservation."""
        self._change(claim, device, 1)
        for listener in self._listeners:
            listener(self)

    def processor(self, precision: str, cores: float) -> Processor | None:
        """Return `cores` of this node's CPU for the cost model; None without known hardware."""
        return self.machine.processor(precision, cores) if self.machine is not None else None

    def _device_for(self, claim: Claim) -> Device | Gang | None:
        """Return the accelerator with the most free memory that can hold the claim, the first of equals; or several whole ones."""
        if claim.whole:
            return self._gang(claim)
        fitting = [d for d in self.devices if claim.device_bytes <= d.memory_free_bytes + ROUNDING * claim.device_bytes]
        return max(fitting, key=lambda device: device.memory_free_bytes, default=None)

    def _gang(self, claim: Claim) -> Gang | None:
        """Return the first unused accelerators of one kind that are enough for the claim, or those that hold its weights."""
        first: Gang | None = None
        unused: dict[object, list[Device]] = {}
        for device in self.devices:
            if device.memory_free_bytes >= device.spec.memory_bytes and claim.device_bytes <= device.spec.memory_bytes:
                left = device.held if device.held is not None and device.held[0] == claim.weights else None
                for key in (device.spec.name, left) if left is not None else (device.spec.name,):
                    alike = unused.setdefault(key, [])
                    alike.append(device)
                    if len(alike) == claim.whole:
                        gang = Gang(alike)
                        if not claim.weights or gang.found == claim.weights:
                            return gang
                        first = first or gang
        return first

    def _change(self, claim: Claim, device: Device | Gang | None, sign: int) -> None:
        if self.fair_cpu is None:
            self.cores_free += sign * claim.cores
        self.memory_free_bytes += sign * claim.memory_bytes
        self.replicas -= sign
        if isinstance(device, Gang):
            for each in device.devices:
                each.memory_free_bytes += sign * each.spec.memory_bytes
                each.held = None
        elif device is not None:
            device.memory_free_bytes += sign * claim.device_bytes
            device.held = None
