"""The resolved scenario: what is run, with the parameters of every policy written out."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import TypeAdapter

from simtier.catalogue.policies import load_policy
from simtier.scenario import Scenario
from simtier.scenario.base import PolicyRef


def resolve(scenario: Scenario) -> Scenario:
    """Return `scenario` with every policy's parameters written out, defaults included; other defaults are fields already."""
    services = {
        name: service.model_copy(update={"policies": _resolved(service.policies, scenario)})
        for name, service in scenario.services.items()
    }
    platforms = {
        name: platform.model_copy(update={"policies": _resolved(platform.policies, scenario)})
        for name, platform in scenario.platforms.items()
    }
    apps = {
        name: app.model_copy(update={"policies": _resolved(app.policies, scenario)})
        for name, app in scenario.apps.items()
    }
    rows = {
        name: row.model_copy(update={"policies": _resolved(row.policies, scenario)})
        for name, row in scenario.power_rows.items()
    }
    policies = _resolved(scenario.policies, scenario)
    return scenario.model_copy(
        update={"services": services, "platforms": platforms, "apps": apps, "policies": policies, "power_rows": rows}
    )


def with_files(scenario: Scenario, folder: Path) -> Scenario:
    """Copy the policy files that `scenario` names into `folder`/policies and return the scenario that names these copies.

    So a result can be run again, whatever becomes of the original files. Modules that such a file imports are not copied, nor are
    traces and profiles: for a trace file of one's own, and a profile's folder, the whole path is written.
    """
    changed = scenario.model_dump(mode="json", by_alias=True)
    for place in _policy_sets(changed):
        for ref in place.values():
            file, _, name = ref["use"].rpartition(":") if ref else ("", "", "")
            if file.endswith(".py"):
                ref["use"] = f"./{_copied(scenario.folder / file, folder / 'policies').relative_to(folder)}:{name}"
    for holder in _trace_holders(changed):
        named = holder["trace"]
        holder["trace"] = (
            _anywhere(named, scenario) if isinstance(named, str) else [_anywhere(n, scenario) for n in named]
        )
    for service in changed["services"].values():
        cost = service["llm"]["cost"] if service["llm"] else None
        if isinstance(cost, dict):
            cost["profile"] = str((scenario.folder / cost["profile"]).resolve())
    return Scenario.from_dict(changed)


def _anywhere(trace: str, scenario: Scenario) -> str:
    """Return a trace's name so that a file of one's own is found from anywhere."""
    dataset, sign, path = trace.partition(":")
    return f"{dataset}:{(scenario.folder / Path(path).expanduser()).resolve()}" if sign else trace


def _trace_holders(part: Any) -> Iterator[dict[str, Any]]:
    """Yield every mapping that names a trace, in a scenario written as plain data."""
    if isinstance(part, dict):
        if part.get("trace"):
            yield part
        for value in part.values():
            yield from _trace_holders(value)


def _copied(file: Path, folder: Path) -> Path:
    """Copy `file` into `folder`, under a name of its own if another file there has its name, and return the copy."""
    folder.mkdir(exist_ok=True)
    text = file.read_bytes()
    for number in itertools.count(1):
        target = folder / (file.name if number == 1 else f"{file.stem}_{number}{file.suffix}")
        if not target.exists() or target.read_bytes() == text:
            target.write_bytes(text)
            return target
    raise AssertionError("counting does not end")


def _policy_sets(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every mapping from kind to policy in a scenario written as plain data."""
    yield document["policies"]
    for section in ("services", "platforms", "apps", "power_rows"):
        for part in document[section].values():
            yield part["policies"]


def _resolved(policies: Any, scenario: Scenario) -> Any:
    """Return a set of policies with every reference filled in."""
    refs = {kind: ref for kind, ref in policies if ref is not None}
    return policies.model_copy(update={kind: _written_out(kind, ref, scenario) for kind, ref in refs.items()})


def _written_out(kind: str, ref: PolicyRef, scenario: Scenario) -> PolicyRef:
    policy = load_policy(kind, ref.use, ref.given, scenario.folder)
    hints = get_type_hints(type(policy), include_extras=True)
    values = {
        name: TypeAdapter(hints[name]).dump_python(value, mode="json") for name, value in policy.parameters().items()
    }
    return PolicyRef(use=ref.use, **values)


def identity(scenario: Scenario) -> str:
    """Return a hash of what is run: `scenario` with every default and every policy's parameters, and the content of the files that it names.

    These are policy files, files that policies' parameters name (a trained agent), trace files and profiles of one's own. Traces that are named by
    dataset are taken to be what they are called. Name, question, seed, replications and samples do not count: they change no replication
    of the same number and seed.
    """
    written = resolve(scenario).model_dump(mode="json", by_alias=True)
    for key in ("name", "question"):
        del written[key]
    for key in ("seed", "replications", "samples"):
        del written["run"][key]
    total = hashlib.sha256(json.dumps(written, sort_keys=True).encode())
    for file in _files(written, scenario.folder):
        about = file.stat()
        total.update(_content(file, about.st_size, about.st_mtime_ns))
    return total.hexdigest()


_LEARNT = {".json", ".npy", ".npz", ".onnx", ".pt", ".zip"}
"""Ends of files that a policy reads; what it writes, such as a log, says nothing of what it does."""


def _files(written: dict[str, Any], folder: Path) -> Iterator[Path]:
    """Yield the files that a scenario, written as plain data, names; what is not there is for the run to tell."""
    refs = [ref for policies in _policy_sets(written) for ref in policies.values() if ref]
    own = [trace for holder in _trace_holders(written) for trace in _listed(holder["trace"]) if ":" in trace]
    costs = [service["llm"]["cost"] for service in written["services"].values() if service["llm"]]
    named = [folder / ref["use"].rpartition(":")[0] for ref in refs if ".py:" in ref["use"]]
    named += [
        Path(value)
        for ref in refs
        for value in ref.values()
        if isinstance(value, str) and Path(value).suffix in _LEARNT
    ]
    named += [folder / Path(trace.partition(":")[2]).expanduser() for trace in own]
    named += [
        file for cost in costs if isinstance(cost, dict) for file in sorted((folder / cost["profile"]).rglob("*"))
    ]
    yield from (file for file in named if file.is_file())


def _listed(traces: Any) -> list[str]:
    return [traces] if isinstance(traces, str) else list(traces)


@lru_cache(maxsize=256)
def _content(file: Path, size: int, changed_ns: int) -> bytes:  # noqa: ARG001 - another size or time is another content
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").digest()
