"""The command line: the questions of the tools, tables for people and --json for scripts."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

import typer

from llm_memory_calculator import CalculatorError, __version__

from .answers import plain

app = typer.Typer(
    name="llm-memory-calculator",
    help="Will this model fit, on what, how fast, in which layout.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

Model = Annotated[str, typer.Argument(help="Hub id, short name, config.json or its folder.", metavar="MODEL")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Precision = Annotated[str | None, typer.Option(help="Weight format; the checkpoint's own when left out.")]
KvPrecision = Annotated[str | None, typer.Option(help="KV cache format; 16 bits when left out.")]
BatchSize = Annotated[int, typer.Option(help="Sequences served at once.")]
SeqLength = Annotated[int, typer.Option(help="Tokens of each sequence, prompt and output together.")]
InputTokens = Annotated[int, typer.Option(help="Prompt tokens.")]
OutputTokens = Annotated[int, typer.Option(help="Output tokens.")]
Hardware = Annotated[
    str, typer.Option(help="Accelerator or cloud instance type: H100, 8xH100, M4 Max 64GB, p5.48xlarge.")
]
MaybeHardware = Annotated[str | None, typer.Option(help="Accelerator to judge against.")]
MemoryGb = Annotated[float | None, typer.Option(help="Memory of one device, GB, instead of --hardware.")]
Devices = Annotated[int | None, typer.Option(help="Number of devices.")]
Tensor = Annotated[int | None, typer.Option(help="Devices that share each layer.")]
Pipeline = Annotated[int | None, typer.Option(help="Pipeline stages.")]
Data = Annotated[int | None, typer.Option(help="Copies of the model.")]
Expert = Annotated[int | None, typer.Option(help="Groups of devices that share the experts.")]
Refresh = Annotated[bool, typer.Option("--refresh", help="Ask the hub before the bundled catalogue.")]


class Goal(StrEnum):
    throughput = "throughput"
    latency = "latency"
    decode = "decode"
    prefill = "prefill"


class Transport(StrEnum):
    stdio = "stdio"
    sse = "sse"
    http = "streamable-http"


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Will this model fit, on what, how fast, in which layout."""


def _show(report: Any, as_json: bool, table: Callable[[Any], Any]) -> None:
    try:
        if as_json:
            typer.echo(json.dumps(plain(report), indent=2, allow_nan=False))
        else:
            _print_table(report, table)
        sys.stdout.flush()
    except BrokenPipeError:
        # nothing more can be said to a reader that has gone, and that is no error
        _silence()
        raise typer.Exit from None


def _print_table(report: Any, table: Callable[[Any], Any]) -> None:
    from .tables import Output

    # piped output has no width of its own, and names are not to be cut
    console = Output(width=None if sys.stdout.isatty() else 200, highlight=False)
    console.print(table(report))
    for note in getattr(report, "notes", ()):
        if note.origin != "default":
            console.print(f"{note.origin}: {note.text}", soft_wrap=True, markup=False)


def _silence() -> None:
    """Let the interpreter's own flush at exit go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@app.command()
def memory(
    model: Model,
    batch_size: BatchSize = 1,
    seq_length: SeqLength = 2048,
    precision: Precision = None,
    kv_precision: KvPrecision = None,
    hardware: MaybeHardware = None,
    memory_gb: MemoryGb = None,
    devices: Devices = None,
    tensor_parallel: Tensor = None,
    pipeline_parallel: Pipeline = None,
    data_parallel: Data = None,
    expert_parallel: Expert = None,
    num_images: Annotated[int, typer.Option(help="Images of each sequence, part of its tokens.")] = 0,
    image_resolution: Annotated[int, typer.Option(help="Side of the images, pixels.")] = 1024,
    encoder_seq_length: Annotated[int | None, typer.Option(help="Source tokens of an encoder-decoder.")] = None,
    max_loras: Annotated[int | None, typer.Option(help="LoRA adapters served at once.")] = None,
    max_lora_rank: Annotated[int | None, typer.Option(help="Largest rank of the adapters.")] = None,
    target_module: Annotated[
        list[str] | None, typer.Option(help="Projection that adapters change; several times. All when left out.")
    ] = None,
    refresh: Refresh = False,
    as_json: AsJson = False,
) -> None:
    """What one device must hold, and where it fits."""
    from llm_memory_calculator import calculate_memory

    from .tables import memory_table

    report = calculate_memory(
        model,
        batch_size=batch_size,
        seq_length=seq_length,
        precision=precision,
        kv_precision=kv_precision,
        hardware=hardware,
        memory_gb=memory_gb,
        devices=devices,
        refresh=refresh,
        tensor_parallel=tensor_parallel,
        pipeline_parallel=pipeline_parallel,
        data_parallel=data_parallel,
        expert_parallel=expert_parallel,
        num_images=num_images,
        image_resolution=image_resolution,
        encoder_seq_length=encoder_seq_length,
        max_loras=max_loras,
        max_lora_rank=max_lora_rank,
        target_modules=target_module or None,
    )
    _show(report, as_json, memory_table)


@app.command()
def inspect(model: Model, refresh: Refresh = False, as_json: AsJson = False) -> None:
    """What a model is: parameters, attention, cache a token, formats."""
    from llm_memory_calculator import inspect_model

    from .tables import fields_table

    _show(inspect_model(model, refresh=refresh), as_json, fields_table)


@app.command()
def performance(
    model: Model,
    hardware: Hardware,
    batch_size: BatchSize = 1,
    input_tokens: InputTokens = 2048,
    output_tokens: OutputTokens = 256,
    precision: Precision = None,
    kv_precision: KvPrecision = None,
    devices: Devices = None,
    tensor_parallel: Tensor = None,
    pipeline_parallel: Pipeline = None,
    data_parallel: Data = None,
    expert_parallel: Expert = None,
    refresh: Refresh = False,
    as_json: AsJson = False,
) -> None:
    """Time to first token, time per output token, tokens a second."""
    from llm_memory_calculator import estimate_performance

    from .tables import performance_table

    report = estimate_performance(
        model,
        hardware,
        devices=devices,
        batch_size=batch_size,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        precision=precision,
        kv_precision=kv_precision,
        refresh=refresh,
        tensor_parallel=tensor_parallel,
        pipeline_parallel=pipeline_parallel,
        data_parallel=data_parallel,
        expert_parallel=expert_parallel,
    )
    _show(report, as_json, performance_table)


@app.command()
def parallelism(
    model: Model,
    hardware: Hardware,
    devices: Annotated[
        int | None, typer.Option(help="Devices at hand; as many as the hardware's name says, or 8, when left out.")
    ] = None,
    batch_size: BatchSize = 1,
    input_tokens: InputTokens = 2048,
    output_tokens: OutputTokens = 256,
    precision: Precision = None,
    kv_precision: KvPrecision = None,
    goal: Annotated[Goal, typer.Option(help="What best means.")] = Goal.throughput,
    refresh: Refresh = False,
    as_json: AsJson = False,
) -> None:
    """The best layout of a number of devices, and the next best."""
    from llm_memory_calculator import best_parallelism

    from .tables import layouts_table

    report = best_parallelism(
        model,
        hardware,
        devices=devices,
        batch_size=batch_size,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        precision=precision,
        kv_precision=kv_precision,
        goal=goal.value,
        refresh=refresh,
    )
    _show(report, as_json, layouts_table)


@app.command()
def compare(
    model: Model,
    hardware: Annotated[
        list[str] | None,
        typer.Option(help="Accelerator to compare; give it several times. Those that clouds rent when left out."),
    ] = None,
    devices: Devices = None,
    batch_size: BatchSize = 1,
    input_tokens: InputTokens = 2048,
    output_tokens: OutputTokens = 256,
    precision: Precision = None,
    kv_precision: KvPrecision = None,
    goal: Annotated[Goal, typer.Option(help="What best means.")] = Goal.throughput,
    top: Annotated[int | None, typer.Option(help="How many to show.")] = None,
    refresh: Refresh = False,
    as_json: AsJson = False,
) -> None:
    """Accelerators side by side, best first."""
    from llm_memory_calculator import compare_hardware

    from .tables import comparison_table

    report = compare_hardware(
        model,
        hardware=hardware or None,
        devices=devices,
        batch_size=batch_size,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        precision=precision,
        kv_precision=kv_precision,
        goal=goal.value,
        top=top,
        refresh=refresh,
    )
    _show(report, as_json, comparison_table)


@app.command()
def batch(
    model: Model,
    hardware: MaybeHardware = None,
    memory_gb: MemoryGb = None,
    seq_length: SeqLength = 2048,
    precision: Precision = None,
    kv_precision: KvPrecision = None,
    devices: Devices = None,
    tensor_parallel: Tensor = None,
    pipeline_parallel: Pipeline = None,
    data_parallel: Data = None,
    expert_parallel: Expert = None,
    refresh: Refresh = False,
    as_json: AsJson = False,
) -> None:
    """The largest batch that fits."""
    from llm_memory_calculator import max_batch_size

    from .tables import fields_table

    report = max_batch_size(
        model,
        hardware=hardware,
        memory_gb=memory_gb,
        seq_length=seq_length,
        precision=precision,
        kv_precision=kv_precision,
        devices=devices,
        refresh=refresh,
        tensor_parallel=tensor_parallel,
        pipeline_parallel=pipeline_parallel,
        data_parallel=data_parallel,
        expert_parallel=expert_parallel,
    )
    _show(report, as_json, fields_table)


@app.command()
def hardware(
    name: Annotated[
        str | None, typer.Argument(help="One accelerator or cloud instance type; all when left out.")
    ] = None,
    local: Annotated[bool, typer.Option("--local", help="What this machine has, found in the catalogue.")] = False,
    as_json: AsJson = False,
) -> None:
    """The accelerators of the catalogue, one with its sources, or those of this machine."""
    from llm_memory_calculator import all_accelerators, find_devices, local_hardware

    from .tables import (
        accelerator_facts,
        accelerator_table,
        accelerators_table,
        local_facts,
        local_table,
    )

    if local and name is not None:
        raise CalculatorError("Give the name of an accelerator or --local, not both.")
    if local:
        here = local_hardware()
        _show(local_facts(here) if as_json else here, as_json, local_table)
    elif name is None:
        shown = all_accelerators()
        _show([accelerator_facts(entry) for entry in shown] if as_json else shown, as_json, accelerators_table)
    else:
        found, count = find_devices(name)
        shown_facts = accelerator_facts(found, count) if as_json else found
        _show(shown_facts, as_json, lambda entry: accelerator_table(entry, count))


@app.command()
def models(
    query: Annotated[str | None, typer.Argument(help="Part of a name.")] = None, as_json: AsJson = False
) -> None:
    """The models of the bundled catalogue."""
    from llm_memory_calculator import catalogue_names

    from .tables import names_table

    names = [name for name in catalogue_names() if query is None or query.lower() in name.lower()]
    if not names:
        raise CalculatorError(
            f"No model of the catalogue has {query!r} in its name; any hub id can be asked for as well."
        )
    _show(names, as_json, names_table)


@app.command()
def serve(
    transport: Annotated[
        Transport, typer.Option(help="stdio, streamable-http, or sse (deprecated by the protocol since 2026-07-28).")
    ] = Transport.stdio,
    host: Annotated[str, typer.Option(help="Address to bind to; beyond this machine a token is needed.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of sse and streamable-http.", min=1, max=65535)] = 8000,
    allowed_host: Annotated[
        list[str] | None, typer.Option(help="Host header to accept on a wider bind, with its port; several times.")
    ] = None,
) -> None:
    """Run the MCP server."""
    from .transports import serve as run

    run(transport.value, host, port, allowed_host or [])


def main() -> None:
    """Run the command line: exit code 2 and one sentence for what the caller can mend."""
    try:
        # not standalone: a usage error is one sentence here too
        code = app(standalone_mode=False)
        sys.stdout.flush()
        sys.exit(code if isinstance(code, int) else 0)
    except typer.Exit as ended:
        sys.exit(ended.exit_code)
    except typer.Abort:
        sys.exit(130)
    except typer.TyperException as error:
        typer.echo(f"error: {' '.join(error.format_message().split())}", err=True)
        sys.exit(2)
    except CalculatorError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        _silence()
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)
