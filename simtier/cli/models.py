"""`simtier models`: the networks and language models that scenarios can name; `fit-llm`: how near a device comes to its peaks."""

from __future__ import annotations

import typer

from simtier.cli.fit_llm import fit_llm

app = typer.Typer(invoke_without_command=True, help="The networks and language models that scenarios can name.")


@app.callback()
def models(context: typer.Context) -> None:
    """List neural networks and language models."""
    if context.invoked_subcommand is None:
        _networks()
        _language_models()


def _networks() -> None:
    from simtier.catalogue.dnn import dnn, dnns
    from simtier.cli.tables import console, table
    from simtier.report.numbers import quantity as amount

    networks = [dnn(name) for name in dnns()]
    rows = [
        [
            network.name,
            str(len(network.layers)),
            amount(network.flop, "FLOP"),
            amount(network.weight_bytes(0, len(network.layers), "fp16"), "B"),
            amount(network.crossing_bytes(0, "fp16"), "B"),
        ]
        for network in networks
    ]
    console().print(table("Models", ["name", "layers", "operations", "weights (fp16)", "input (fp16)"], rows))
    for network in networks:
        typer.echo(f"{network.name}: {network.source}")


def _language_models() -> None:
    from simtier.catalogue.llm import language_model, language_models, published
    from simtier.cli.tables import console, table
    from simtier.report.numbers import quantity as amount

    rows = [
        [
            name,
            str(shape.layers),
            f"{shape.parameters / 1e9:.4g} billion",
            f"{shape.active_parameters / 1e9:.4g} billion",
            amount(shape.kv_bytes(), "B"),
            f"{shape.context:,}",
        ]
        for name, shape in ((name, language_model(name)) for name in language_models())
    ]
    columns = ["name", "layers", "parameters", "active", "keys and values a token (bf16)", "context"]
    console().print(table("Language models", columns, rows))
    for name in language_models():
        typer.echo(f"{name}: {published(name).source}")


app.command("fit-llm")(fit_llm)
