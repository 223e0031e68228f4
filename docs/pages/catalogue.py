"""The page of the catalogue: machines, accelerators and networks that scenarios can name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pages.amounts import amount
from pages.markdown import code, document, table
from simtier.catalogue.dnn import dnn, dnns
from simtier.catalogue.hardware import accelerator, accelerators, machine, machines
from simtier.models.dnn import Dnn
from simtier.models.hardware import Device

_ABOUT = (
    "# Catalogue\n\nWhat `hardware`, `accelerators` and `model` of a scenario may name. Peak rates are dense (vendors often quote the double, "
    "for sparse matrices) and of the whole device; the two efficiencies are the shares of peak and of memory bandwidth that layers "
    "reach, and the overhead is what each layer costs beside its work: see [the roofline model](../models.md#roofline-cost-model). "
    "Prices are what holding the device costs, used or not. `simtier hardware` and `simtier models` print the numbers."
)
_NETWORKS = (
    "## Networks\n\nA network of L layers can be cut at 0 to L; at cut c the layers before c have run. The bytes that cross a cut are those of "
    "all tensors still needed, each once, uncompressed, here in fp16. Cut 0 is the decoded input; a request brings its own size there. "
    "The extremes are over cuts 1 to L - 1. Batch normalisation and activations are folded into the layer before."
)


def page() -> str:
    """Return the page."""
    columns = ["memory", "bandwidth", "idle to peak power", "price", "efficiency (compute, memory)", "overhead a layer"]
    computers, devices = [machine(name) for name in machines()], [accelerator(name) for name in accelerators()]
    rows = [
        [code(m.name), str(m.cores), ", ".join(map(code, m.accelerators)) or "-", *_rates(m), *_rest(m)]
        for m in computers
    ]
    return document(
        _ABOUT,
        "## Machines",
        table(["name", "cores", "accelerators", "peak", *columns], rows),
        *_sources(computers),
        "## Accelerators",
        table(["name", "peak", *columns], [[code(a.name), *_rates(a), *_rest(a)] for a in devices]),
        *_sources(devices),
        _NETWORKS,
        _networks(),
        "\n".join(f"- `{name}`: {dnn(name).source}." for name in dnns()),
    )


def _rates(device: Device) -> list[str]:
    return ["<br>".join(f"{name} {amount(peak, 'FLOP/s')}" for name, peak in device.peak_flop_per_s.items())]


def _rest(device: Device) -> list[str]:
    return [
        amount(device.memory_bytes, "B"),
        amount(device.bandwidth_bytes_per_s, "B/s"),
        f"{device.idle_w:g} to {device.peak_w:g} W",
        f"{device.dollars_per_s * 3600:.4g} USD/h",
        f"{device.compute_efficiency:g}, {device.memory_efficiency:g}",
        f"{device.overhead_s * 1e6:g} us",
    ]


def _sources(devices: Sequence[Device]) -> Iterator[str]:
    yield "Sources, and what is assumed:"
    yield "\n".join(f"- `{device.name}`: {device.source}" for device in devices)


def _networks() -> str:
    rows = []
    for network in map(dnn, dnns()):
        layers = len(network.layers)
        rows.append(
            [
                code(network.name),
                str(layers),
                f"{network.flop / 1e9:.4g}",
                amount(network.parameters, ""),
                amount(network.weight_bytes(0, layers, "fp16"), "B"),
                amount(network.crossing_bytes(0, "fp16"), "B"),
                *_extremes(network),
                amount(network.crossing_bytes(layers, "fp16"), "B"),
            ]
        )
    headings = [
        "name",
        "layers",
        "GFLOP",
        "parameters",
        "weights",
        "input",
        "least crossing",
        "most crossing",
        "result",
    ]
    return table(headings, rows)


def _extremes(network: Dnn) -> list[str]:
    """Return the least and the most bytes that cross an inner cut, each with the first cut that has them."""
    crossing = {cut: network.crossing_bytes(cut, "fp16") for cut in range(1, len(network.layers))}
    return [
        f"{amount(crossing[cut], 'B')} at {cut}"
        for cut in (min(crossing, key=crossing.__getitem__), max(crossing, key=crossing.__getitem__))
    ]
