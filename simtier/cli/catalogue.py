"""`simtier hardware`: the machines and accelerators that scenarios can name."""

from __future__ import annotations


def hardware() -> None:
    """List machines and accelerators."""
    from simtier.catalogue.hardware import accelerator, accelerators, machine, machines
    from simtier.cli.tables import console, table
    from simtier.models.hardware import Device
    from simtier.report.numbers import quantity as amount

    def row(device: Device) -> list[str]:
        peaks = [device.peak_flop_per_s.get(precision) for precision in ("fp32", "fp16", "int8")]
        shown = [amount(device.memory_bytes, "B"), amount(device.bandwidth_bytes_per_s, "B/s")]
        shown += ["-" if peak is None else amount(peak, "FLOP/s") for peak in peaks]
        return [*shown, f"{device.idle_w:g} to {device.peak_w:g} W", f"{device.dollars_per_s * 3600:.3g} USD/h"]

    columns = ["memory", "bandwidth", "fp32", "fp16", "int8", "power", "price"]
    found = [machine(name) for name in machines()]
    rows = [[each.name, str(each.cores), ", ".join(each.accelerators) or "-", *row(each)] for each in found]
    console().print(table("Machines", ["name", "cores", "accelerators", *columns], rows))
    rows = [[name, *row(accelerator(name))] for name in accelerators()]
    console().print(table("Accelerators", ["name", *columns], rows))
