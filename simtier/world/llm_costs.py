"""How long iterations of a service's engines take: the cost its scenario asks for, on the accelerators of a replica."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from simtier.catalogue.hardware import llm_efficiency
from simtier.catalogue.llm import language_model
from simtier.catalogue.llm_linear import linear_cost
from simtier.models.hardware import Accelerator
from simtier.models.llm.closed_form import ClosedForm
from simtier.models.llm.efficiency import Devices, Efficiency
from simtier.models.llm.experts import Loads, even_loads, skewed_loads
from simtier.models.llm.links import Link
from simtier.models.llm.overlap import Overlapped
from simtier.models.llm.parallel import Added, Part, Pipelined, stages
from simtier.models.llm.profile_files import read_profile
from simtier.models.llm.profiled import Profiled
from simtier.models.llm.work import IterationCost
from simtier.scenario.llm import ELEMENT_BYTES, Llm
from simtier.scenario.llm_costs import ProfileFolder
from simtier.streams import Streams

_SECONDS = ("call", "layer", "iteration", "sequence", "token")


class Costs:
    """Iteration times of one service's engines, the same for all replicas on accelerators of one kind.

    Args:
        name: of the service.
        written: its language model.
        folder: what paths are relative to.
        streams: random numbers, for the popularity of experts.
    """

    def __init__(self, name: str, written: Llm, folder: Path, streams: Streams) -> None:
        self._name, self._written, self._folder, self._streams = name, written, folder, streams
        self._shape = language_model(written.model)
        self._made: dict[str, IterationCost] = {}
        self._profiled: Profiled | None = None

    @property
    def beyond(self) -> Mapping[str, int]:
        """How often tables of a profile were left so far, by table."""
        return {} if self._profiled is None else self._profiled.beyond

    def on(self, device: Accelerator) -> IterationCost:
        """Return what iterations take on a replica's accelerators of this kind."""
        found = self._made.get(device.name)
        if found is None:
            found = self._made[device.name] = self._pipelined(device)
        return found

    def shared(self, device: Accelerator, compute: float, bandwidth: float) -> IterationCost:
        """Return what iterations take, by the closed form, with these shares of the accelerators' arithmetic and of their bandwidth."""
        devices = devices_of(self._written, device)
        part = replace(
            devices,
            peak_flop_per_s=devices.peak_flop_per_s * compute,
            bandwidth_bytes_per_s=devices.bandwidth_bytes_per_s * bandwidth,
        )
        return ClosedForm(self._shape, part, efficiency_of(self._written, device), self._loads)

    def _pipelined(self, device: Accelerator) -> IterationCost:
        whole, number = self._layers(device, None), self._written.pipeline
        if number == 1:
            return whole
        layers = stages(self._shape, number)[0].layers  # the slowest stage: most layers, and the output matrix
        closed = self._written.cost == "closed_form"
        stage = self._layers(device, layers) if closed else Part(whole, layers / self._shape.layers)
        link = link_of(self._written, device)
        send_s, byte_s = (link.latency_s, 1 / link.bytes_per_s) if link is not None else (0.0, 0.0)
        state_bytes = self._shape.hidden * ELEMENT_BYTES[self._written.precision]
        return Pipelined(whole, stage, number, send_s, byte_s * state_bytes)

    def _layers(self, device: Accelerator, layers: int | None) -> IterationCost:
        """Return what all layers take, or so many of them, by the closed form."""
        written = self._written
        if written.cost == "closed_form":
            devices, at = devices_of(written, device), efficiency_of(written, device)
            if written.overlap != "none":
                return Overlapped(self._shape, devices, at, written.overlap, self._loads, layers)
            return ClosedForm(self._shape, devices, at, self._loads, layers)
        if isinstance(written.cost, ProfileFolder):
            return self._measured(written.cost, device)
        return linear_cost(written.model, written.tensor, device.name)

    def _measured(self, cost: ProfileFolder, device: Accelerator) -> IterationCost:
        """Return what the profile tells, and all-reduces, which are not among its kernels."""
        if self._profiled is None:
            profile = read_profile(self._folder / cost.profile).profile(self._shape.layers)
            self._profiled = Profiled(profile, overhead_s=cost.overhead)
        devices = devices_of(self._written, device)
        if devices.link is None or devices.number == 1:
            return self._profiled
        fixed_s, byte_s = devices.link.all_reduce(devices.number)
        times = 2 * self._shape.layers
        return Added(self._profiled, times * fixed_s, times * byte_s * self._shape.hidden * devices.activation_bytes)

    @cached_property
    def _loads(self) -> Loads | None:
        """Return what falls to the accelerators over which experts are spread; each service has a popularity of its own."""
        spread, experts = self._written.spread, self._shape.experts
        if spread is None or experts is None:
            return None
        over = self._written.tensor * self._written.data
        if not spread.skew:
            return even_loads(experts, over, spread.redundant)
        return skewed_loads(
            experts,
            over,
            spread.skew,
            self._shape.layers - experts.dense_layers,
            self._streams.stream(f"service/{self._name}/experts"),
            redundant=spread.redundant,
            balanced=spread.placement == "balanced",
        )


def devices_of(written: Llm, device: Accelerator) -> Devices:
    """Return the accelerators that share the layers of a replica, or of one stage of its pipeline."""
    return Devices(
        peak_flop_per_s=device.processor(written.precision).peak_flop_per_s,
        bandwidth_bytes_per_s=device.bandwidth_bytes_per_s,
        number=written.tensor,
        data=written.data,
        link=link_of(written, device),
        weight_bytes=written.weight_bytes,
        activation_bytes=ELEMENT_BYTES[written.precision],
        kv_bytes=written.kv_bytes,
    )


def link_of(written: Llm, device: Accelerator) -> Link | None:
    """Return what joins the accelerators of a replica: the scenario's word before the catalogue's; None if neither says."""
    if written.interconnect is not None:
        return Link(written.interconnect.bandwidth, written.interconnect.latency)
    if device.link_bytes_per_s is None:
        return None
    return Link(device.link_bytes_per_s, device.link_latency_s)


def efficiency_of(written: Llm, device: Accelerator) -> Efficiency:
    """Return how near the device comes to its peaks: the scenario's word before the catalogue's."""
    known = llm_efficiency(device.name).efficiency
    if written.efficiency is None:
        return known
    chosen = {name: getattr(written.efficiency, name) for name in type(written.efficiency).model_fields}
    return replace(
        known,
        **{f"{name}_s" if name in _SECONDS else name: value for name, value in chosen.items() if value is not None},
    )
