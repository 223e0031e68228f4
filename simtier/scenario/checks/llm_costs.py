"""Iteration costs of language models, and how these are divided among accelerators: what exists, and what goes together."""

from __future__ import annotations

from collections.abc import Iterator

from simtier.catalogue.llm import language_model
from simtier.catalogue.llm_linear import linear_cost
from simtier.errors import CatalogueError, Problem
from simtier.models.hardware import Accelerator
from simtier.models.llm.bound import least_s
from simtier.models.llm.efficiency import Devices
from simtier.models.llm.measured import profile_times
from simtier.models.llm.profile_files import ProfileFiles, read_profile
from simtier.models.llm.profiled import Profiled
from simtier.models.llm.shape import LlmShape
from simtier.scenario.checks.facts import Facts
from simtier.scenario.llm import Llm
from simtier.scenario.llm_costs import ProfileFolder
from simtier.scenario.services import Service
from simtier.scenario.source import Steps

CLOCK = 1.02
"""How much faster than its nominal peak or bandwidth an accelerator may be measured: clocks exceed the nominal ones a little."""

Trouble = tuple[Steps, str]
"""A field of `llm`, and what is wrong with it."""


def costs(facts: Facts) -> Iterator[Problem]:
    """Yield what cannot be divided as it says, links that nobody knows, and costs that are not there or cannot be right."""
    for name, service in facts.scenario.services.items():
        if service.llm is None:
            continue
        try:
            shape = language_model(service.llm.model)
        except CatalogueError:
            continue  # told elsewhere
        here: Steps = ("services", name, "llm")
        troubles = [*_divided(service.llm, shape), *_cost(facts, service, service.llm, shape)]
        yield from (facts.problem((*here, *steps), message) for steps, message in troubles)


def _divided(llm: Llm, shape: LlmShape) -> Iterator[Trouble]:
    """Yield what cannot be divided."""
    if llm.pipeline > shape.layers:
        yield ("pipeline",), f"{llm.pipeline} stages are more than {shape.name} has layers: {shape.layers}"
    if shape.experts is None:
        for field in ("data", "experts"):
            if getattr(llm, field) != type(llm).model_fields[field].default:
                yield (
                    (field,),
                    f"{shape.name} has no experts to spread: for more sequences at a time take more `replicas`",
                )
    elif llm.spread is not None:
        over, there = llm.tensor * llm.data, shape.experts.number + llm.spread.redundant
        if over > there:
            message = (
                f"{shape.experts.number} experts and {llm.spread.redundant} copies cannot be spread over {over} accelerators "
                "(tensor x data): take fewer, or more copies (`experts: {redundant: ...}`)"
            )
            yield ("experts",) if llm.experts is not None else ("data",), message


def _cost(facts: Facts, service: Service, llm: Llm, shape: LlmShape) -> Iterator[Trouble]:
    """Yield what is wrong with the cost on each accelerator that replicas may run on."""
    groups = [facts.groups[group] for group, _ in facts.spots(service.on)]
    devices = {each.name: each for group in groups if group.whole for each in group.devices}
    if llm.accelerators > 1 and llm.interconnect is None:
        for device in devices.values():
            if device.link_bytes_per_s is None:
                message = f"nothing is known of links between several {device.name}: give `interconnect: {{bandwidth: 25 GB/s}}`"
                yield (), message
    if llm.cost == "closed_form":
        return
    what = "published coefficients" if llm.cost == "linear" else "a profile"
    if llm.efficiency is not None:
        yield ("efficiency",), f"is for the closed form, and the cost is {what}"
    if llm.overlap != "none":
        yield ("overlap",), f"is for the closed form, and the cost is {what}"
    if llm.spread is not None:
        yield ("cost",), f"{what} do not tell of spread experts: take closed_form, or leave out data and experts"
    if isinstance(llm.cost, ProfileFolder):
        yield from _profile(facts, llm, llm.cost, shape, list(devices.values()))
    else:
        yield from _linear(llm, list(devices.values()))


def _linear(llm: Llm, devices: list[Accelerator]) -> Iterator[Trouble]:
    for field in ("precision", "weight_precision", "kv_precision"):
        if getattr(llm, field) not in (None, "fp16", "bf16"):
            yield (field,), f"published coefficients are of fp16, not {getattr(llm, field)}: leave it out"
    for device in devices:
        try:
            linear_cost(llm.model, llm.tensor, device.name)
        except CatalogueError as error:
            yield ("cost",), str(error)


def _profile(
    facts: Facts, llm: Llm, cost: ProfileFolder, shape: LlmShape, devices: list[Accelerator]
) -> Iterator[Trouble]:
    here = ("cost", "profile")
    try:
        files = read_profile(facts.scenario.folder / cost.profile)
        files.profile(shape.layers)  # raises what is wrong with its attention
    except CatalogueError as error:
        yield here, str(error)
        return
    if files.tensor != llm.tensor:
        message = (
            f"was measured with each layer divided among {files.tensor} accelerators, and `tensor` is {llm.tensor}"
        )
        yield here, message
        return
    for device in devices:
        try:
            peak = device.processor(llm.precision).peak_flop_per_s
        except CatalogueError:
            continue  # told elsewhere
        yield from ((here, told) for told in _too_fast(files, llm, shape, device, peak))


def _too_fast(files: ProfileFiles, llm: Llm, shape: LlmShape, device: Accelerator, peak: float) -> Iterator[str]:
    """Yield the worst of the iterations that a profile has faster than can be, within its points and twice as far as they go."""
    on = Devices(
        peak_flop_per_s=peak * CLOCK,
        bandwidth_bytes_per_s=device.bandwidth_bytes_per_s * CLOCK,
        number=llm.tensor,
        weight_bytes=llm.weight_bytes,
        kv_bytes=llm.kv_bytes,
    )
    worst, told = 1.0, ""
    table = files.profile(shape.layers)
    cost = Profiled(table)
    far = 2 * int(table.axes[3][-1])
    most = [(((2 * int(table.tokens[-1]), 0),), 0, 0.0), ((), int(table.axes[2][-1]), float(far * table.axes[2][-1]))]
    points = [(each.chunks, each.decodes, each.contexts) for each in profile_times(files, shape.layers)]
    for chunks, decodes, contexts in (*points, *most):
        seconds, least = (
            cost.seconds(chunks, decodes, contexts),
            least_s(shape, on, chunks, decodes, contexts),
        )
        if seconds < worst * least:
            worst = seconds / least
            what = f"{sum(new for new, _ in chunks)} tokens of prompts and {decodes} decodes"
            told = (
                f"by the profile an iteration of {what} takes {seconds * 1e3:.4g} ms, and {shape.name} on {llm.tensor} x {device.name} "
                f"cannot do it in less than {least * 1e3:.4g} ms: is it of another model or accelerator, or in another unit?"
            )
    if told:
        yield told
