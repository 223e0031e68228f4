"""Language models: known, small enough for their accelerators, and called by stages that have tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from simtier.catalogue.llm import language_model
from simtier.errors import CatalogueError, PolicyError, Problem
from simtier.models.hardware import Accelerator
from simtier.models.llm.memory import Memory
from simtier.models.llm.shape import LlmShape
from simtier.scenario.checks.facts import Facts, Group
from simtier.scenario.llm import Llm, Tokens
from simtier.scenario.services import TOKEN_TARGETS, Service
from simtier.scenario.source import Steps


def engines(facts: Facts) -> Iterator[Problem]:
    """Yield models nobody knows, accelerators that are missing or too small, and batching policies of the wrong sort."""
    for name, service in facts.scenario.services.items():
        here: Steps = ("services", name)
        yield from _batching(facts, here, service)
        if service.llm is None:
            continue
        try:
            shape = language_model(service.llm.model)
        except CatalogueError as error:
            yield facts.problem((*here, "llm", "model"), str(error))
            continue
        yield from _room(facts, here, service, service.llm, shape)


def stages(facts: Facts) -> Iterator[Problem]:
    """Yield stages with tokens on services without a language model, those without on services with one, and tokens of no trace."""
    for app_name, app in facts.scenario.apps.items():
        for stage_name, stage in app.stages.items():
            path: Steps = ("apps", app_name, "stages", stage_name)
            for name in stage.hosts:
                service = facts.scenario.services.get(name)
                if stage.tokens is not None and (service is None or service.llm is None):
                    if name in facts.scenario.hosts:
                        yield facts.problem((*path, "tokens"), f"{name!r} has no `llm`, which tokens are for")
                elif stage.tokens is None and service is not None and service.llm is not None:
                    message = (
                        f"{name!r} runs a language model: give `tokens`, such as {{input: 512, output: 128}} or traced"
                    )
                    yield facts.problem((*path, "service" if stage.split is None else "split"), message)
            if stage.tokens is not None:
                yield from _never_fits(facts, (*path, "tokens"), stage.hosts, stage.tokens)
            if stage.tokens is not None and _traced(stage.tokens):
                yield from _workloads(facts, app_name, stage_name)


def _never_fits(facts: Facts, path: Steps, hosts: tuple[str, ...], tokens: Tokens) -> Iterator[Problem]:
    """Yield requests of a fixed length that no engine of the stage could serve."""
    if not isinstance(tokens.input, int) or not isinstance(tokens.output, int):
        return
    total = tokens.input + min(tokens.output, tokens.most or tokens.output)
    found = [facts.scenario.services.get(host) for host in hosts]
    longest = [_longest(service.llm) for service in found if service is not None and service.llm is not None]
    if longest and max(longest) < total:
        message = f"{total} tokens of prompt and answer are more than the context of an engine ({max(longest):.0f}), so every request would be rejected"
        yield facts.problem(path, message)


def _longest(llm: Llm) -> float:
    """Return the tokens of the longest request that an engine takes."""
    try:
        context = language_model(llm.model).context
    except CatalogueError:
        return float("inf")
    return min(llm.context or context, context)


def targets(facts: Facts) -> Iterator[Problem]:
    """Yield objectives for tokens of applications that have none."""
    for name, app in facts.scenario.apps.items():
        if app.slo is None or any(stage.tokens is not None for stage in app.stages.values()):
            continue
        for target in TOKEN_TARGETS:
            if getattr(app.slo, target) is not None:
                message = (
                    "is for answers of language models, and no stage of this application has `tokens`: give `latency`"
                )
                yield facts.problem(("apps", name, "slo", target), message)


def _traced(tokens: Tokens) -> bool:
    return "traced" in (tokens.input, tokens.output)


def _workloads(facts: Facts, app: str, stage: str) -> Iterator[Problem]:
    for name, workload in facts.scenario.workloads.items():
        if workload.app == app and workload.trace is None:
            message = f"stage {stage!r} of {app!r} takes its tokens from a trace, and this workload replays none"
            yield facts.problem(("workloads", name, "arrivals"), message)


def _batching(facts: Facts, here: Steps, service: Service) -> Iterator[Problem]:
    from simtier.catalogue.policies import find_policy  # noqa: PLC0415 - only checking needs the policies' modules
    from simtier.contract import IterationBatching  # noqa: PLC0415 - as above

    ref = service.policies.batching
    if ref is None:
        return
    try:
        plans = issubclass(find_policy("batching", ref.use, facts.scenario.folder), IterationBatching)
    except PolicyError:
        return  # told elsewhere
    if plans != (service.llm is not None):
        of = "plans iterations of a language model, and this service has no `llm`"
        if not plans:
            of = "forms batches of whole requests; an `llm` needs one that plans iterations, such as vllm_v1"
        yield facts.problem((*here, "policies", "batching"), f"{ref.use!r} {of}")


def _room(facts: Facts, here: Steps, service: Service, llm: Llm, shape: LlmShape) -> Iterator[Problem]:
    spots = facts.spots(service.on)
    groups = [facts.groups[group] for group, _ in spots]
    if not groups or not all(group.whole for group in groups):
        return
    if llm.context is not None and llm.context > shape.context:
        yield facts.problem(
            (*here, "llm", "context"), f"{llm.context} tokens are more than {shape.name} was made for: {shape.context}"
        )
    troubles = [trouble for group in groups if (trouble := _misfit(llm, shape, group))]
    if troubles and (len(troubles) == len(groups) or service.replicas == "each"):
        yield facts.problem((*here, "llm"), troubles[0])
    elif isinstance(service.replicas, int):
        room = sum(_fitting(llm, shape, facts.groups[spot[0]]) * facts.size(spot) for spot in spots)
        if service.replicas > room:
            of = f"with {llm.accelerators} accelerators each" if llm.accelerators > 1 else "with an accelerator each"
            yield facts.problem(
                (*here, "replicas"), f"{service.replicas} replicas {of} do not fit: there is room for {room}"
            )


def _fitting(llm: Llm, shape: LlmShape, group: Group) -> int:
    """Return how many replicas a node of the group has accelerators for."""
    if _misfit(llm, shape, group):
        return 0
    return sum(count // llm.accelerators for count in Counter(device.name for device in group.devices).values())


def _misfit(llm: Llm, shape: LlmShape, group: Group) -> str:
    """Return why a replica does not fit on a node of the group; empty if it does."""
    counts = Counter(device.name for device in group.devices)
    alike = max(counts.values(), default=0)
    if alike < llm.accelerators:
        return f"needs {llm.accelerators} accelerators of one kind, and a node of {group.name!r} has {alike}"
    by_name = {device.name: device for device in group.devices if counts[device.name] >= llm.accelerators}
    troubles = [_trouble(llm, shape, device, group.name) for device in by_name.values()]
    return next((trouble for trouble in troubles if trouble), "") if all(troubles) else ""


def _trouble(llm: Llm, shape: LlmShape, device: Accelerator, group: str) -> str:
    try:
        device.processor(llm.precision)
    except CatalogueError as error:
        return f"on {group!r}: {error}"
    if llm.pipeline > shape.layers:
        return ""  # told elsewhere
    memory = memory_of(llm, device)
    if llm.blocks is None and not memory.blocks(shape, llm.block):
        weights, there = memory.weights(shape) / 1e9, llm.accelerators * device.memory_bytes / 1e9
        return (
            f"{shape.name} takes {weights:.3g} GB in {llm.weight_precision or llm.precision}, and {llm.accelerators} x {device.name} on {group!r} with {there:.3g} GB leave no "
            "room for keys and values: take more accelerators (tensor), or a smaller precision"
        )
    return ""


def memory_of(llm: Llm, device: Accelerator) -> Memory:
    """Return the memory of a replica's accelerators."""
    return Memory(
        device_bytes=device.memory_bytes,
        devices=llm.tensor,
        data=llm.data,
        pipeline=llm.pipeline,
        spread=llm.spread is not None,
        redundant=llm.spread.redundant if llm.spread is not None else 0,
        share=llm.memory_share,
        reserved_bytes=llm.reserved,
        weight_bytes=llm.weight_bytes,
        kv_bytes=llm.kv_bytes,
    )


def most_blocks(llm: Llm, shape: LlmShape, device: Accelerator) -> int:
    """Return how many blocks all of the memory of a replica's accelerators would hold beside the weights."""
    return replace(memory_of(llm, device), share=1.0, reserved_bytes=0.0).blocks(shape, llm.block)
