"""The page of the catalogue: machines, accelerators, networks and language models that scenarios can name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pages.amounts import amount
from pages.markdown import code, document, table
from simtier.catalogue.dnn import dnn, dnns
from simtier.catalogue.hardware import accelerator, accelerators, llm_efficiency, machine, machines
from simtier.catalogue.llm import language_model, language_models, published
from simtier.catalogue.llm_linear import linear_costs
from simtier.models.dnn import Dnn
from simtier.models.hardware import Device
from simtier.models.llm.efficiency import Efficiency

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
_LANGUAGE_MODELS = (
    "## Language models\n\nWhat `model` under `llm` may name. Parameters are computed from the dimensions, without norms and biases, and are within 1 % of "
    "what the publisher counts; active ones are those that count for one token: both embeddings, and of a mixture's experts those it goes to. Keys and "
    "values are what one token takes in all layers, in bf16; fp8 and int8 take half."
)
_EFFICIENCIES = (
    "## What language models reach\n\nHow near an accelerator comes to its peaks in language models, and what an iteration takes besides: the numbers of "
    "the [closed form](../llm.md#how-long-an-iteration-takes), which `efficiency` of an `llm` may change and `simtier models fit-llm` fits to measured times."
)
_LINEAR = "Linear times of iterations, as DistServe's simulator has them, are known of {known}; `cost: linear` of an `llm` takes them."


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
        _LANGUAGE_MODELS,
        _language_models(),
        "\n".join(f"- `{name}`: {published(name).source}." for name in language_models()),
        _EFFICIENCIES,
        _efficiencies(),
        "\n".join(_efficiency_sources()),
        _LINEAR.format(
            known=", ".join(f"`{each.model}` on {each.tensor} x `{each.accelerator}`" for each in linear_costs())
        ),
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


def _language_models() -> str:
    rows = []
    for shape in map(language_model, language_models()):
        experts = shape.experts
        rows.append(
            [
                code(shape.name),
                str(shape.layers),
                str(shape.hidden),
                f"{shape.heads} ({shape.kv_heads})"
                if not shape.latent
                else f"{shape.heads} (latent of {shape.latent + shape.rope})",
                "-"
                if experts is None
                else f"{experts.active} of {experts.number}" + (f" and {experts.shared}" if experts.shared else ""),
                amount(shape.parameters, ""),
                amount(shape.active_parameters, ""),
                amount(shape.kv_bytes(), "B"),
                f"{shape.context:,}",
            ]
        )
    headings = [
        "name",
        "layers",
        "hidden",
        "heads (of keys and values)",
        "experts",
        "parameters",
        "active",
        "a token's keys and values",
        "context",
    ]
    return table(headings, rows)


def _fitted() -> list[str]:
    return [name for name in accelerators() if llm_efficiency(name).fitted]


def _efficiencies() -> str:
    headings = [
        "name",
        "compute",
        "weights",
        "corner",
        "attention (prefill, decode)",
        "passes",
        "a call",
        "a layer",
        "an iteration",
        "a sequence",
    ]
    return table(headings, [[code(name), *_reached(llm_efficiency(name).efficiency)] for name in _fitted()])


def _reached(at: Efficiency) -> list[str]:
    return [
        *(f"{number:g}" for number in (at.compute, at.weights, at.corner)),
        f"{at.prefill_attention:g}, {at.decode_attention:g}",
        f"{at.passes:g}",
        *(f"{seconds * 1e6:.4g} us" for seconds in (at.call_s, at.layer_s, at.iteration_s, at.sequence_s)),
    ]


def _efficiency_sources() -> Iterator[str]:
    for name in _fitted():
        yield f"- `{name}`: {llm_efficiency(name).source}"
    others = [name for name in accelerators() if name not in _fitted()]
    yield f"- {', '.join(map(code, others))}: {llm_efficiency(others[0]).source}"
